"""Translates a decoder's error about a value into a sentence for the user."""

import re
from typing import Any

import msgspec
from msgspec import inspect

from semaphore_twisted.model.refusals import invalid, quoted

_AT = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_EXPECTED = re.compile(r"Expected `(?P<types>[^`]*)`(?P<more>.*)")
_LIMIT = re.compile(r"(?P<length> of length)? (?P<sign>>=|<=) (?P<bound>-?[\d.]+)")
_FIELD = re.compile(r"Object (?P<what>missing required|contains unknown) field `(.*)`")
_ENUM = re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)")
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")

#: The sentence for a number that neither an integer nor a double has room for.
TOO_LARGE = "A number is too large"

_TYPES = {
    "int": "an integer",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time such as 2026-01-31T12:00:00Z",
}


def sentence(
    error: msgspec.MsgspecError, of: object = Any, *, root: str = "The body"
) -> str:
    """Return the sentence for *error* about a value of the type *of*.

    *root* is the name of the whole value in the sentence.
    """
    said = str(error)
    at = _AT.search(said)
    path = at["path"] if at else ""
    where = path.lstrip(".") or root
    what = said[: at.start()] if at else said
    for form in (_of_field, _of_type, _of_choice):
        if (words := form(what, path, where, of)) is not None:
            return words
    if what.endswith("out of range"):  # the path of a value without a type has no names
        return TOO_LARGE
    if "datetime" in what:
        return f"{where} must be {_TYPES['datetime']}"
    if isinstance(error, msgspec.ValidationError):
        return f"{where}: the value is not accepted"
    match = _BYTE.search(what)
    return f"{root} is not valid JSON" + (f" (byte {match[1]})" if match else "")


def _of_field(what: str, path: str, _where: str, _of: object) -> str | None:
    match = _FIELD.fullmatch(what)
    if match is None:
        return None
    name = f"{path.lstrip('.')}.{match[2]}".lstrip(".")
    missing = match["what"].startswith("missing")
    return f"{name} is required" if missing else f"{name}: unknown field"


def _of_type(what: str, _path: str, where: str, _of: object) -> str | None:
    match = _EXPECTED.match(what)
    if match is None or (
        match["more"].startswith(" of length") and match["types"] != "array"
    ):
        return None
    kinds = [_TYPES.get(each, each) for each in match["types"].split(" | ")]
    limit = _LIMIT.fullmatch(match["more"])
    return f"{where} must be {' or '.join(kinds)}{_limited(limit)}"


def _limited(limit: re.Match[str] | None) -> str:
    """Return the end of the sentence about the size of a number or list."""
    if limit is None:
        return ""
    side = "at least" if limit["sign"] == ">=" else "at most"
    if limit["length"]:
        noun = "element" if limit["bound"] == "1" else "elements"
        return f" with {side} {limit['bound']} {noun}"
    return f", {side} {limit['bound']}"


def _of_choice(what: str, path: str, where: str, of: object) -> str | None:
    match = _ENUM.fullmatch(what)
    if match is None:
        return None
    value = match["value"].strip("'")
    choices = ", ".join(map(quoted, _choices(of, path))) or "another one"
    return invalid(where, value, choices)


def _choices(of: object, path: str) -> list[str]:
    """Return the texts accepted at *path* of the type *of*."""
    if of is Any:
        return []
    types: list[inspect.Type] = [inspect.type_info(of)]
    for name, index in _STEP.findall(path):
        types = [
            inner
            for each in types
            for part in _members(each)
            for inner in _inside(part, name, index)
        ]
    return [
        str(choice.value)
        for each in types
        for part in _members(each)
        if isinstance(part, inspect.EnumType)
        for choice in part.cls
    ]


def _members(of: inspect.Type) -> list[inspect.Type]:
    if isinstance(of, inspect.Metadata):
        return _members(of.type)
    if isinstance(of, inspect.UnionType):
        return [inner for each in of.types for inner in _members(each)]
    return [of]


def _inside(of: inspect.Type, name: str, index: str) -> list[inspect.Type]:
    if name and isinstance(of, inspect.StructType):
        return [each.type for each in of.fields if each.encode_name == name]
    if index and isinstance(of, inspect.ListType | inspect.VarTupleType):
        return [of.item_type]
    if index and isinstance(of, inspect.DictType):
        return [of.value_type]
    return []
