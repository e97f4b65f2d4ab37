"""Encodes whole lists of templates, and keeps them as long as they are valid.

A list is kept until the version of the database changes, which any commit does. It does
not depend on the caller, whose rights each request checks before.
"""

from sys import getsizeof

from attrs import define, field

from semaphore_twisted.common.byte_cache import ByteCache
from semaphore_twisted.model import limits
from semaphore_twisted.model.lists import Wanted
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import lists
from semaphore_twisted.operations.projects import templates
from semaphore_twisted.persistence.engine import Connection, Version
from semaphore_twisted.web.http.responses import json

#: A project, the name of the sort column, and whether the order is descending.
_Order = tuple[int, str, bool]


def _lists() -> ByteCache[_Order, bytes]:
    return ByteCache(limits.CACHED_TEMPLATES)


@define(eq=False)
class TemplateLists:
    """Reads whole lists of templates as JSON, for all projects and callers."""

    _lists: ByteCache[_Order, bytes] = field(factory=_lists)
    #: the version of the database that the lists were read from
    _version: Version | None = None

    def read(self, conn: Connection, actor: Actor, wanted: Wanted) -> bytes | None:
        """Return the whole list in the order of *wanted*, ``None`` if it is too long.

        *conn* is in a reading transaction, in which the rights of *actor* were checked.
        A list that is too long is to be read in batches.
        """
        version = conn.version()
        if version != self._version:
            self._lists.clear()
            self._version = version
        if actor.project_id is None or wanted.sort not in templates.SORT_COLUMNS:
            return None
        order = (actor.project_id, wanted.sort, wanted.descending)
        cached = self._lists.get(order)
        if cached is None:
            cached = _encoded(conn, actor, wanted)
            self._lists.put(order, cached, getsizeof(cached))
        return cached or None


def _encoded(conn: Connection, actor: Actor, wanted: Wanted) -> bytes:
    """Return the list as JSON, or nothing if it is longer than a list may be."""
    rest = lists.select(conn, actor, templates.ORDERS, wanted).ids
    parts: list[bytes] = []
    size = 0
    while rest:
        rows, taken = templates.page(conn, actor, rest)
        rest = rest[taken:]
        if rows:
            parts.append(json(rows)[1:-2])
            size += len(parts[-1])
        if size > limits.TEMPLATE_LIST:
            return b""
    return b"[" + b",".join(parts) + b"]\n"
