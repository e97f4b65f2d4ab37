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
from semaphore_twisted.operations import tasks as operations
from semaphore_twisted.persistence.engine import Connection, Version
from semaphore_twisted.web.answers import json

#: A project, a template or ``None``, the number of tasks, and the id they are below.
_Query = tuple[int | None, int | None, int, int]

#: The JSON of a list, and whether more tasks exist.
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
        found = self._lists.get(query)
        if found is not None:
            return found
        arrays = operations.newest_arrays(
            conn, actor, template_id=template_id, count=count + 1, before=before
        )
        if arrays is None:
            return None
        rows: list[bytes] = []
        for array in arrays[:count]:
            row = self._rows.get(array) or self._row(conn, array)
            if row is None:
                return None
            rows.append(row)
        text = b"[" + b",".join(rows) + b"]\n"
        self._lists.put(query, (text, len(arrays) > count), getsizeof(text))
        return text, len(arrays) > count

    def _row(self, conn: Connection, array: str) -> bytes | None:
        """Return the task of *array* as JSON, ``None`` for a deploy task."""
        found = operations.from_array(conn, array)
        if found is None:
            return None
        row = json(found)[:-1]
        self._rows.put(array, row, getsizeof(row))
        return row
