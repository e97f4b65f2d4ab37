"""Texts in request bodies, and their limits.

A limit is stated once, as an annotation of the field: the API document shows it, and
:func:`check` enforces it. A limit in characters counts code points, a limit in bytes
counts UTF-8, and the limit of a list or object counts its JSON.
"""

from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, inspect

from semaphore_twisted.model import limits
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import Invalid


def _characters(most: int) -> Meta:
    """Limit a single-line text, which has no control characters."""
    return Meta(
        extra={"characters": most, "line": True},
        extra_json_schema={"maxLength": most},
    )


def _bytes(most: int) -> Meta:
    """Limit a multi-line text by its size in UTF-8."""
    return Meta(
        extra={"bytes": most},
        extra_json_schema={
            "maxLength": most,
            "description": f"At most {most} bytes in UTF-8",
        },
    )


def _json(most: int) -> Meta:
    """Limit a list or an object by its size as JSON."""
    return Meta(
        extra={"bytes": most},
        extra_json_schema={"description": f"At most {most} bytes of JSON"},
    )


Name: TypeAlias = Annotated[str, _characters(limits.NAME)]
Path: TypeAlias = Annotated[str, _characters(limits.PATH)]
Branch: TypeAlias = Annotated[str, _characters(limits.BRANCH)]
Address: TypeAlias = Annotated[str, _characters(limits.ADDRESS)]
Password: TypeAlias = Annotated[
    str,
    Meta(
        extra={"characters": limits.PASSWORD},
        extra_json_schema={"maxLength": limits.PASSWORD},
    ),
]
Message: TypeAlias = Annotated[
    str,
    Meta(
        extra={"characters": limits.MESSAGE},
        extra_json_schema={"maxLength": limits.MESSAGE},
    ),
]
Description: TypeAlias = Annotated[
    str,
    Meta(
        extra={"characters": limits.DESCRIPTION},
        extra_json_schema={"maxLength": limits.DESCRIPTION},
    ),
]
TaskText: TypeAlias = Annotated[str, _bytes(limits.TASK_JSON)]
LongText: TypeAlias = Annotated[str, _bytes(limits.TEXT)]
Secret: TypeAlias = Annotated[str, _bytes(limits.SECRET)]
PrivateKey: TypeAlias = Annotated[str, _bytes(limits.PRIVATE_KEY)]

#: A field of Semaphore's that is not supported yet but would change what runs: an empty
#: value is ignored, any other value refused with the field's name.
Unserved: TypeAlias = Annotated[
    Any,
    Meta(
        extra={"unserved": True},
        extra_json_schema={
            "description": "Not supported yet: accepted if null, empty, 0 or false"
        },
    ),
]

#: Limits of a list or an object as a whole.
TASK_JSON = _json(limits.TASK_JSON)
SURVEY = _json(limits.SURVEY)
SCHEDULE_TASK = _json(limits.SCHEDULE_TASK)
SECRETS = _json(limits.TEXT)


class _Kept:
    """The stored value of a field; evaluated only if a limit is exceeded."""

    def __init__(self, value: object = None) -> None:
        self._value = value

    @cached_property
    def texts(self) -> frozenset[str]:
        return frozenset(_texts(self._value))

    @cached_property
    def size(self) -> int:
        return 0 if self._value is None else len(msgspec.json.encode(self._value))


_Check: TypeAlias = Callable[[object, str, _Kept], None]


def check(new: object, present: object = None) -> None:
    """Refuse a text in the body *new* that exceeds its limit or has a NUL character.

    *present* is the stored object that *new* replaces. A text that is already stored in
    the same field is accepted, and so is a list that does not grow, since rows of older
    versions may exceed a limit.

    :raises Invalid: naming the field and the limit
    """
    if not isinstance(new, msgspec.Struct):
        return
    for name, inner in _fields(type(new)):
        inner(getattr(new, name), name, _Kept(getattr(present, name, None)))


@cache
def _fields(of: type[msgspec.Struct]) -> tuple[tuple[str, _Check], ...]:
    info = inspect.type_info(of)
    fields = info.fields if isinstance(info, inspect.StructType) else ()
    return tuple((each.name, _checking(each.type)) for each in fields)


def _checking(of: inspect.Type, extra: dict[str, object] | None = None) -> _Check:
    if isinstance(of, inspect.Metadata):
        if of.extra and "unserved" in of.extra:
            return _refuse
        return _checking(of.type, of.extra)
    if isinstance(of, inspect.UnionType):
        inners = [_checking(each, extra) for each in of.types]

        def union(value: object, where: str, kept: _Kept) -> None:
            for inner in inners:
                inner(value, where, kept)

        return union
    if isinstance(of, inspect.StrType):
        return _text(extra or {})
    return _nested(of, extra or {})


def _refuse(value: object, where: str, _kept: _Kept) -> None:
    if _says_something(value):
        raise Invalid(f"{where}: this is not supported yet; leave it out")


def _says_something(value: object) -> bool:
    if isinstance(value, dict):
        if value.get("enabled") is False:
            return False
        return any(map(_says_something, value.values()))
    if isinstance(value, list):
        return any(map(_says_something, value))
    return bool(value)


def _text(extra: JsonObject) -> _Check:
    characters, most, line = (
        extra.get("characters"),
        extra.get("bytes"),
        "line" in extra,
    )

    def wrong(value: str) -> str | None:
        if characters is not None and len(value) > characters:
            return f"{len(value)} characters; expected at most {characters}"
        if most is not None and (size := _size(value)) > most:
            return f"{size} bytes; expected at most {most}"
        if "\0" in value:
            return "has a NUL character; remove it"
        if line and not value.isprintable() and any(map(_control, value)):
            return "has a control character; expected one line of text"
        return None

    def check_text(value: object, where: str, kept: _Kept) -> None:
        if isinstance(value, str):
            sentence = wrong(value)
            if sentence is not None and value not in kept.texts:
                raise Invalid(f"{where}: {sentence}")

    return check_text


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _control(character: str) -> bool:
    return ord(character) < 0x20 or ord(character) == 0x7F


def _nested(of: inspect.Type, extra: JsonObject) -> _Check:
    most: int | None = extra.get("bytes")

    def check_nested(value: object, where: str, kept: _Kept) -> None:
        if value is None or value is msgspec.UNSET:
            return
        if most is not None:
            size = len(msgspec.json.encode(value))
            if size > most and size > kept.size:
                raise Invalid(f"{where}: {size} bytes of JSON; expected at most {most}")
        for part, inner, item in _parts(of, value, where):
            inner(item, part, kept)

    return check_nested


def _parts(
    of: inspect.Type, value: object, where: str
) -> Iterator[tuple[str, _Check, object]]:
    if isinstance(of, inspect.StructType) and isinstance(value, of.cls):
        for name, inner in _fields(of.cls):
            yield f"{where}.{name}".lstrip("."), inner, getattr(value, name)
    elif isinstance(of, _LISTS) and isinstance(value, list | tuple):
        inner = _checking(of.item_type)
        for index, item in enumerate(value):
            yield f"{where}[{index}]", inner, item
    elif isinstance(of, inspect.DictType) and isinstance(value, dict):
        for name, item in value.items():
            yield f"{where}.{name}".lstrip("."), _anything, (name, item)


def _anything(value: object, where: str, kept: _Kept) -> None:
    """Refuse a NUL character in a value whose fields are not known."""
    if any("\0" in text and text not in kept.texts for text in _texts(value)):
        raise Invalid(f"{where[:100]}: has a NUL character; remove it")


_LISTS = inspect.ListType | inspect.VarTupleType


def _texts(value: object) -> Iterator[str]:
    """Yield each text inside *value*."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
