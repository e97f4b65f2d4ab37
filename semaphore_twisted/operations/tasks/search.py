"""Searches the tasks of a project."""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter

import msgspec

from semaphore_twisted.model.ids import TemplateId, UserId
from semaphore_twisted.model.limits import LIST_SEARCHED
from semaphore_twisted.model.lists import matching
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import search as statements
from semaphore_twisted.persistence.task_texts import PART, SPAN

#: Tasks whose texts are read at once.
_BATCH = 200

#: Templates and accounts that may have the text in their names; with more of them the
#: tasks are searched one by one, since most will have it.
_NAMED = 100

#: A ``ß`` in a text is found by it, and has no such characters for SQLite.
_SHARP_S = re.compile("ss", re.IGNORECASE)

_IN_NUMBER = re.compile(r"#?[0-9]*")


class TaskSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What tasks must have: nothing by default.

    *statuses* are the accepted ones, *search* is contained in number, template,
    message, version, branch, commit, limit or user. The tasks were created from
    *since*, before *until*.
    """

    template_id: TemplateId | None = None
    user_id: UserId | None = None
    statuses: tuple[TaskStatus, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


def find(
    conn: Connection, actor: Actor, wanted: TaskSearch, *, count: int, before: int
) -> tuple[list[int], int | None]:
    """Return the ids of up to *count* tasks below the id *before*, newest first.

    Also return the id below which to go on, if there may be more: a text is searched in
    at most ``LIST_SEARCHED`` tasks.

    :raises NotFound: if the project has no template ``template_id``
    """
    project_id = project_of(actor)
    if wanted.template_id is not None:
        template_of(conn, project_id, wanted.template_id)
    filters = {
        name: value
        for name in wanted.__struct_fields__
        if name != "search" and (value := getattr(wanted, name)) not in (None, ())
    }
    if len(wanted.statuses) == 1:  # by equality, for which there is an index
        filters["status"] = filters.pop("statuses")[0]
    first: int | None = 0
    if wanted.since is not None:
        first = conn.scalar(
            statements.first_since, project_id=project_id, since=wanted.since
        )
    if wanted.until is not None:
        last = conn.scalar(
            statements.last_until, project_id=project_id, until=wanted.until
        )
        before = min(before, 0 if last is None else last + 1)
    if first is None:
        return [], None
    span = {"project_id": project_id, "first": first, "before": min(before, SPAN)}
    if wanted.search:
        likely = _likely(conn, wanted.search, span)
        if likely is not None:
            return _compared(conn, likely, wanted.search, count, filters | span)
    most = LIST_SEARCHED if wanted.search else count + 1
    statement = statements.newest(frozenset(filters), searched=bool(wanted.search))
    rows = conn.execute(statement, most=most, **span, **filters)
    return matching(rows, wanted.search, count=count, most=most)


def _likely(
    conn: Connection, search: str, span: Mapping[str, int]
) -> Iterator[int] | None:
    """Return the ids of the tasks in *span* that may have the text, newest first.

    Return ``None`` if only a look at each task tells.
    """
    query = _query(search)
    if not query:
        return None
    base = span["project_id"] * SPAN
    limits = {"first": span["first"], "before": span["before"]}
    found: list[Iterable[tuple[int, ...]]] = [
        conn.execute(statements.by_text, query=query, base=base, **limits)
    ]
    if _IN_NUMBER.fullmatch(search):
        found.append(conn.execute(statements.by_number, search=search, **span))
    templates = conn.execute(statements.templates, project_id=span["project_id"])
    accounts = conn.execute(statements.accounts)
    for column, named in (("template_id", templates), ("user_id", accounts)):
        numbers, more = matching(named, search, count=_NAMED, most=LIST_SEARCHED)
        if more is not None:
            return None
        statement = statements.newest(frozenset({column}), searched=False)
        for number in numbers:
            part = {column: number, "most": LIST_SEARCHED}
            found.append(conn.execute(statement, **part, **span))
    merged = heapq.merge(*found, key=itemgetter(0), reverse=True)
    return (number for number, _ in groupby(merged, itemgetter(0)))


def _query(search: str) -> str:
    """Return what the index is asked for *search*; empty if it does not help.

    Each part of three characters has to be in a text. Characters are left out that
    SQLite and Python fold in different ways, and the end of a C string.
    """
    plain = "".join(each if _is_plain(each) else "\0" for each in search)
    plain = _SHARP_S.sub("\0", plain)
    parts = (
        run[start : start + PART].replace('"', '""')
        for run in plain.split("\0")
        for start in range(len(run) - PART + 1)
    )
    return " AND ".join(f'"{each}"' for each in dict.fromkeys(parts))


def _is_plain(character: str) -> bool:
    """Return whether *character* is of ASCII, or has no case."""
    return character.isascii() or character.upper() == character.casefold()


def _compared(
    conn: Connection,
    likely: Iterator[int],
    search: str,
    count: int,
    parameters: Mapping[str, object],
) -> tuple[list[int], int | None]:
    """Return the ids of up to *count* of the *likely* tasks that do have the text.

    Also return the id below which to go on, if there may be more.
    """
    filters = frozenset(parameters) - {"project_id", "first", "before"}
    statement = statements.newest(filters, searched=True, among=True)
    numbers = list(islice(likely, LIST_SEARCHED))

    def rows() -> Iterator[tuple[int, str]]:
        for start in range(0, len(numbers), _BATCH):
            ids = numbers[start : start + _BATCH]
            yield from conn.execute(statement, ids=ids, most=len(ids), **parameters)

    found, more = matching(rows(), search, count=count, most=LIST_SEARCHED)
    if more is None and len(numbers) == LIST_SEARCHED:
        more = numbers[-1]
    return found, more
