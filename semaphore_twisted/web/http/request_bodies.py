"""Decodes request bodies as Semaphore's clients send them; pure.

A body is JSON, regardless of its content type. Keys are matched without case, unknown
keys are ignored, ``null`` for a field that is not nullable counts as absent, and an
empty body is an empty object.

For a Struct that forbids unknown fields, keys are exact, and neither unknown keys nor
such a ``null`` are accepted.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from semaphore_twisted.model import limits
from semaphore_twisted.model.documents import DEEPEST, check_depth, check_values
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.wording import TOO_LARGE, sentence

_LARGEST = 2**63 - 1

Fold = Callable[[object], object]


def _as_it_is(value: object) -> object:
    return value


def decoded(
    body: bytes,
    of: object,
    *,
    root: str = "The body",
    values: int = limits.BODY_VALUES,
) -> tuple[Any, dict[str, object]]:
    """Return *body* decoded as *of*, and its outer object with lower-case keys.

    *root* is the name of the whole in a refusal, *values* the most values in it.

    :raises Invalid: naming the fault and its place
    """
    check_values(body, root, values)
    try:
        raw = msgspec.json.decode(body) if body.strip() else {}
        check_depth(raw, root)
        _check(raw)
        value = msgspec.convert(_fold(of)(raw), of)
    except msgspec.MsgspecError as error:
        raise Invalid(sentence(error, of, root=root)) from None
    except UnicodeDecodeError:
        raise Invalid(f"{root} is not UTF-8") from None
    except RecursionError:
        raise Invalid(
            f"{root} has more than {DEEPEST} levels of lists and objects"
        ) from None
    outer = raw if isinstance(raw, dict) else {}
    return value, {key.lower(): each for key, each in outer.items()}


def _check(value: object) -> None:
    if isinstance(value, int | float):
        if abs(value) > _LARGEST:
            raise Invalid(TOO_LARGE)
    elif isinstance(value, dict):
        for each in value.values():
            _check(each)
    elif isinstance(value, list):
        for each in value:
            _check(each)


@cache
def _fold(of: object) -> Fold:
    return _folding(inspect.type_info(of))


def _nullable(of: inspect.Type) -> bool:
    if isinstance(of, inspect.Metadata):
        return _nullable(of.type)
    if isinstance(of, inspect.UnionType):
        return of.includes_none
    return isinstance(of, inspect.NoneType | inspect.AnyType)


def _bare(of: inspect.Type) -> inspect.Type:
    return of.type if isinstance(of, inspect.Metadata) else of


def _folding(of: inspect.Type) -> Fold:
    if isinstance(of, inspect.Metadata):
        return _folding(of.type)
    if isinstance(of, inspect.UnionType):
        types = [_bare(each) for each in of.types]
        structs = [each for each in types if isinstance(each, inspect.StructType)]
        lists = [each for each in types if isinstance(each, _LISTS)]
        inner: list[inspect.Type] = [*structs, *lists]
        return _folding(inner[0]) if len(inner) == 1 else _as_it_is
    if isinstance(of, inspect.StructType):
        return _struct(of)
    if isinstance(of, _LISTS):
        return _list(_folding(of.item_type))
    return _as_it_is


_LISTS = inspect.ListType | inspect.VarTupleType


def _list(item: Fold) -> Fold:
    if item is _as_it_is:
        return _as_it_is

    def fold(value: object) -> object:
        return [item(each) for each in value] if isinstance(value, list) else value

    return fold


def _struct(of: inspect.StructType) -> Fold:
    if of.forbid_unknown_fields:
        return _as_it_is
    fields = {
        each.encode_name.lower(): (
            each.encode_name,
            _nullable(each.type),
            _folding(each.type),
        )
        for each in of.fields
    }

    def fold(value: object) -> object:
        if not isinstance(value, dict):
            return value
        folded = {}
        for key, each in value.items():
            known = fields.get(key.lower())
            if known is None:
                continue
            name, nullable, inner = known
            if each is not None:
                folded[name] = inner(each)
            elif nullable:
                folded[name] = None
        return folded

    return fold
