"""Encodes lists of tasks, and keeps the results as long as they are valid.

A list is kept until the version of the database changes, which any commit does. An
encoded row is found by the values of its columns, on which it depends and on nothing
else, so it never becomes invalid. Neither depends on the caller, whose rights each
request checks before.
"""

from sys import getsizeof

from attrs import define, field

from semaphore_twisted.common.byte_cache import ByteCache
from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TemplateId
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.tasks import tasks as operations
from semaphore_twisted.persistence.engine import Connection, Version
from semaphore_twisted.web.http.responses import json

#: A project, a template or ``None``, the number of tasks, and the id they are below.
_Query = tuple[int | None, TemplateId | None, int, int]

#: The JSON of a list (empty if it is read in batches), and whether more tasks exist.
_List = tuple[bytes, bool]


def _rows() -> ByteCache[str, bytes]:
    return ByteCache(limits.CACHED_ROWS)


def _lists() -> ByteCache[_Query, _List]:
    return ByteCache(limits.CACHED_LISTS)


@define(eq=False)
class TaskLists:
    """Reads lists of tasks as JSON, for all projects and callers."""

    _rows: ByteCache[str, bytes] = field(factory=_rows)
    _lists: ByteCache[_Query, _List] = field(factory=_lists)
    #: the version of the database that the lists were read from
    _version: Version | None = None

    def read(
        self,
        conn: Connection,
        actor: Actor,
        *,
        template_id: TemplateId | None,
        count: int,
        before: int,
    ) -> _List | None:
        """Return the newest *count* tasks below *before*, and whether more exist.

        *conn* is in a reading transaction, in which the rights of *actor* were checked.
        Return ``None`` if the tasks exceed one batch or include deploy tasks.

        :raises NotFound: if the project has no template *template_id*
        """
        version = conn.version()
        if version != self._version:
            self._lists.clear()
            self._version = version
        query = (actor.project_id, template_id, count, before)
        cached = self._lists.get(query)
        if cached is None:
            cached = self._encoded(conn, actor, query)
            self._lists.put(query, cached, getsizeof(cached[0]))
        return cached if cached[0] else None

    def _encoded(self, conn: Connection, actor: Actor, query: _Query) -> _List:
        """Return the list of *query*, without JSON if it is to be read in batches."""
        _, template_id, count, before = query
        arrays = operations.newest_arrays(
            conn, actor, template_id=template_id, count=count + 1, before=before
        )
        if arrays is None:
            return b"", False
        rows: list[bytes] = []
        for array in arrays[:count]:
            row = self._rows.get(array)
            if row is None:
                row = self._row(conn, array)
            if not row:
                return b"", False
            rows.append(row)
        return b"[" + b",".join(rows) + b"]\n", len(arrays) > count

    def _row(self, conn: Connection, array: str) -> bytes:
        """Return the task of *array* as JSON, or nothing if it is read in batches."""
        found = operations.from_array(conn, array)
        row = b"" if found is None else json(found)[:-1]
        self._rows.put(array, row, getsizeof(row))
        return row
