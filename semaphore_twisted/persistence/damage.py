"""Reads rows with damaged values, so that a user can see and repair them.

One damaged row must not make a whole list fail. A row type takes part if it has the
field ``fault``, which is absent for an intact row; its attribute ``MENDED`` may limit
this to some columns. Other types and columns are read strictly: data that decides about
access is never guessed.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
from msgspec import inspect

#: Exceptions raised when a damaged value is decoded.
DAMAGE = (msgspec.MsgspecError, UnicodeError, RecursionError)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def can_tell(of: object) -> bool:
    """Return whether the row type *of* has a field for faults."""
    fields = getattr(of, "__struct_fields__", ())
    return "fault" in fields


def mended(record: dict[str, Any], of: Any, json: tuple[str, ...]) -> Any:
    """Return *record* as *of*, with damaged values emptied and named in ``fault``.

    *json* are the columns that contain JSON.
    """
    damaged = []
    for each in msgspec.structs.fields(of):
        if each.name not in record:
            continue
        value = record[each.name]
        try:
            if each.name in json and value is not None:
                value = msgspec.json.decode(value)
            value = msgspec.convert(value, each.type, strict=False)
        except DAMAGE:
            if each.name not in getattr(of, "MENDED", (each.name,)):
                raise
            damaged.append(each.name)
            value = _empty(inspect.type_info(each.type))
        record[each.name] = value
    fault = f"{', '.join(damaged)}: the stored value is damaged; save it again"
    return of(**record, fault=fault)


def _empty(of: inspect.Type) -> object:
    """Return the replacement for a damaged value of the type *of*."""
    if isinstance(of, inspect.UnionType):
        return None if of.includes_none else _empty(of.types[0])
    if isinstance(of, inspect.Metadata):
        return _empty(of.type)
    if isinstance(of, inspect.EnumType):
        members: list[Enum] = list(of.cls)
        return next((each for each in members if each.value == "error"), members[0])
    return next((value for kind, value in _EMPTY if isinstance(of, kind)), None)


_EMPTY: tuple[tuple[type[inspect.Type], object], ...] = (
    (inspect.StrType, ""),
    (inspect.BoolType, False),
    (inspect.IntType, 0),
    (inspect.FloatType, 0.0),
    (inspect.DateTimeType, _BEGINNING),
    (inspect.DictType, {}),
    (inspect.ListType, []),
    (inspect.VarTupleType, ()),
)
