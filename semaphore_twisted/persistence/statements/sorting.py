"""Statements in each order that a client may request, from an allow-list of columns."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from attrs import frozen
from sqlalchemy import ColumnElement, Select, func
from sqlalchemy.sql.base import Executable

R = TypeVar("R", bound=tuple[object, ...])

#: Characters of a column that are searched.
_SEARCHED = 1_000

_Statements = Mapping[tuple[str, bool], Executable]


@frozen
class Sorted:
    """Two statements for each column and direction."""

    _first: str
    _ids: _Statements
    _places: _Statements

    def by(self, column: str, *, descending: bool) -> Executable:
        """Return the statement for ids, sorted by *column*.

        An unknown column is the first one.
        """
        return self._found(self._ids, column, descending)

    def places(self, column: str, *, descending: bool) -> Executable:
        """Return the same with the columns of :class:`.model.lists.Place`."""
        return self._found(self._places, column, descending)

    def _found(self, among: _Statements, column: str, way: bool) -> Executable:  # noqa: FBT001 - private
        found = among.get((column, way))
        return among[self._first, way] if found is None else found


def joined(*columns: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the column ``text``: the beginnings of all *columns*, one a line."""
    parts: list[ColumnElement[str]] = [
        func.substr(func.coalesce(each, ""), 1, _SEARCHED) for each in columns
    ]
    text = parts[0]
    for each in parts[1:]:
        text = text.concat("\n").concat(each)
    return text.label("text")


def sorted_by(
    statement: Select[R],
    columns: Mapping[str, ColumnElement[object]],
    last: ColumnElement[int],
    *,
    searched: Sequence[ColumnElement[object]],
) -> Sorted:
    """Return *statement*, for ids, in each order; *last* is the secondary sort key.

    *columns* maps the names that clients use; sorting ignores case. *searched* are the
    columns that a search looks at.
    """
    text = joined(*searched)
    ids: dict[tuple[str, bool], Executable] = {}
    places: dict[tuple[str, bool], Executable] = {}
    for name, column in columns.items():
        folded = func.lower(column)
        place = statement.with_only_columns(
            last.label("id"),
            folded.label("key"),
            text,
            maintain_column_froms=True,
        )
        for descending in (False, True):
            order = (folded.desc(), last.desc()) if descending else (folded, last)
            ids[name, descending] = statement.order_by(*order)
            places[name, descending] = place.order_by(*order)
    return Sorted(next(iter(columns)), ids, places)
