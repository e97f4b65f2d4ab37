"""Decodes the query parameters that are added to Semaphore's API; pure.

A route declares them as the fields of a Struct (``Route.query``), from which the API
document describes them. Each field has a default, for a parameter that is absent or
empty. Unknown parameters are ignored, as Semaphore does; a known one with a value that
is not accepted is refused.
"""

import re
from collections.abc import Callable, Container, Mapping
from functools import cache, partial
from typing import TypeVar, get_type_hints

import msgspec
from attrs import frozen
from msgspec import inspect

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid, quoted

T = TypeVar("T", bound=msgspec.Struct)

#: A whole number of at most 64 bits, or a few more.
_NUMBER = re.compile(r"-?[0-9]{1,19}")


def decoded(query: Mapping[str, str], of: type[T], repeated: Container[str] = ()) -> T:
    """Return the parameters *of* a route in *query*.

    :raises Invalid: naming the parameter and the accepted values, or that it is one of
        *repeated*, which are given more than once
    """
    values: dict[str, object] = {}
    for each in _parameters(of):
        if each.name in repeated:
            raise Invalid(f"{each.name}: is given more than once; expected one value")
        text = query.get(each.name)
        if not text:
            continue
        try:
            values[each.attribute] = msgspec.convert(each.read(text), each.kind)
        except (msgspec.ValidationError, ValueError):
            raise Invalid(invalid(each.name, text, each.expected)) from None
    return of(**values)


@frozen
class _Parameter:
    """A parameter with its type, and the words for the values that are accepted.

    *read* returns the value of a text, which is then checked as one of JSON: msgspec's
    own reading of texts would take ``null`` for no value, and a number for a time.
    """

    name: str
    attribute: str
    kind: object
    expected: str
    read: Callable[[str], object]


@cache
def _parameters(of: type[msgspec.Struct]) -> tuple[_Parameter, ...]:
    hints = get_type_hints(of, include_extras=True)
    described = inspect.type_info(of)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - by the signature
    return tuple(
        _Parameter(
            name=each.encode_name,
            attribute=each.name,
            kind=hints[each.name],
            expected=_expected(each.type),
            read=_reading(each.type),
        )
        for each in described.fields
    )


def _reading(of: inspect.Type) -> Callable[[str], object]:
    match of:
        case inspect.Metadata(type=inner):
            return _reading(inner)
        case inspect.UnionType(types=types):
            return _reading(*(each for each in types if not _is_null(each)))
        case inspect.IntType():
            return _whole
        case inspect.BoolType():
            return partial(msgspec.convert, type=bool, strict=False)
        case _:
            return str


def _whole(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError
    return int(text)


def _expected(of: inspect.Type) -> str:
    """Return the sentence's words for the values that the type *of* accepts."""
    match of:
        case inspect.Metadata(type=inner):
            return _expected(inner)
        case inspect.UnionType(types=types):  # with null, for an absent one
            return _expected(*(each for each in types if not _is_null(each)))
        case inspect.EnumType(cls=choices):
            return ", ".join(quoted(str(each.value)) for each in choices)
        case inspect.IntType(ge=least, le=most):
            words = f"{least} to {most}"
        case inspect.StrType(max_length=most):
            words = f"at most {most} characters"
        case _:
            words = _WORDS[type(of)]
    return words


def _is_null(of: inspect.Type) -> bool:
    return isinstance(of, inspect.NoneType)


_WORDS: dict[type[inspect.Type], str] = {
    inspect.BoolType: "0 or 1",
    inspect.DateType: "a date such as 2026-01-31",
    inspect.DateTimeType: "a time such as 2026-01-31T12:00:00Z",
}
