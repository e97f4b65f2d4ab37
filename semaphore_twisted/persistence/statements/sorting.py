"""Statements in each order that a client may request, from an allow-list of columns."""

from collections.abc import Mapping
from typing import TypeVar

from attrs import frozen
from sqlalchemy import ColumnElement, Select, func
from sqlalchemy.sql.base import Executable

R = TypeVar("R", bound=tuple[object, ...])


@frozen
class Sorted:
    """One statement for each column and direction."""

    _first: str
    _statements: Mapping[tuple[str, bool], Executable]

    def by(self, column: str, *, descending: bool) -> Executable:
        """Return the statement sorted by *column*, or by the first if it is unknown."""
        found = self._statements.get((column, descending))
        return self._statements[self._first, descending] if found is None else found


def sorted_by(
    statement: Select[R],
    columns: Mapping[str, ColumnElement[object]],
    last: ColumnElement[object],
) -> Sorted:
    """Return *statement* in each order; *last* is the secondary sort key.

    *columns* maps the names that clients use; sorting ignores case.
    """
    statements: dict[tuple[str, bool], Executable] = {}
    for name, column in columns.items():
        folded = func.lower(column)
        statements[name, False] = statement.order_by(folded, last)
        statements[name, True] = statement.order_by(folded.desc(), last.desc())
    return Sorted(next(iter(columns)), statements)
