"""Decodes the query parameters that are added to Semaphore's API; pure.

A route declares them as the fields of a Struct (``Route.query``), from which the API
document describes them. Each field has a default, for a parameter that is absent or
empty. Unknown parameters are ignored, as Semaphore does; a known one with a value that
is not accepted is refused.
"""

from collections.abc import Mapping
from functools import cache
from typing import TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid, quoted

T = TypeVar("T", bound=msgspec.Struct)


def decoded(query: Mapping[str, str], of: type[T]) -> T:
    """Return the parameters *of* a route in *query*.

    :raises Invalid: naming the parameter and the accepted values
    """
    values: dict[str, object] = {}
    for name, attribute, kind, expected in _fields(of):
        text = query.get(name)
        if not text:
            continue
        try:
            values[attribute] = msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise Invalid(invalid(name, text, expected)) from None
    return of(**values)


@cache
def _fields(of: type[msgspec.Struct]) -> tuple[tuple[str, str, object, str], ...]:
    """Return name, attribute, type and accepted values of each parameter."""
    hints = get_type_hints(of, include_extras=True)
    described = inspect.type_info(of)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - by the signature
    return tuple(
        (each.encode_name, each.name, hints[each.name], _expected(each.type))
        for each in described.fields
    )


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
