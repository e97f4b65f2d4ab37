"""Encodes whole lists of templates, and keeps them as long as they are valid.

A list is kept until the version of the database changes, which any commit does. It does
not depend on the caller, whose rights each request checks before. The list of many
templates is encoded in the reader's thread, and that thread keeps it too: requests that
wait there for the same list encode it once.
"""

from datetime import datetime, timedelta
from sys import getsizeof

from attrs import define, field, frozen

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

#: Templates that are encoded at once, where a request is answered.
_FEW = 20

#: How long a list that was too long is read in batches without another attempt.
_PAUSE = timedelta(minutes=5)

#: Lists that are remembered as too long.
_REMEMBERED = 1000


def _lists() -> ByteCache[_Order, bytes]:
    return ByteCache(limits.CACHED_TEMPLATES)


@define(eq=False)
class _KeptLists:
    """The lists of one connection, which one thread uses."""

    _lists: ByteCache[_Order, bytes] = field(factory=_lists)
    #: the version of the database that the lists were read from
    _version: Version | None = None

    def get(self, version: Version, order: _Order) -> bytes | None:
        """Return the list if it is kept and still valid."""
        if version != self._version:
            self._lists.clear()
            self._version = version
        return self._lists.get(order)

    def put(self, version: Version, order: _Order, content: bytes) -> None:
        """Keep the list that was read from *version*."""
        if self.get(version, order) is None:
            self._lists.put(order, content, getsizeof(content))


@frozen
class KnownTemplateList:
    """The state of a list: its *content*, or whether to *encode* it.

    A list that has neither is to be read in batches. *version* is that of the database.
    """

    version: Version
    content: bytes | None = field(default=None, repr=False)
    encode: bool = False


@define(eq=False)
class TemplateLists:
    """Reads whole lists of templates as JSON, for all projects and callers.

    Each method gets a connection in a reading transaction, in which the rights of the
    caller were checked.
    """

    _near: _KeptLists = field(factory=_KeptLists)
    #: those that the reader's thread uses
    _far: _KeptLists = field(factory=_KeptLists)
    #: when lists were too long, which are read in batches for a while
    _long: dict[_Order, datetime] = field(factory=dict)

    def find(self, conn: Connection, actor: Actor, wanted: Wanted) -> KnownTemplateList:
        """Return the list if it is kept or short; this is done in no time."""
        version, order = conn.version(), _order(actor, wanted)
        if order is None or self._is_long(conn, order):
            return KnownTemplateList(version)
        content = self._near.get(version, order)
        if content is None:
            content = _short(conn, actor, wanted)
            if content is None:
                return KnownTemplateList(version, encode=True)
            self._near.put(version, order, content)
        return KnownTemplateList(version, content)

    def encoded(self, conn: Connection, actor: Actor, wanted: Wanted) -> bytes:
        """Return the list, nothing if it is too long; only for the reader's thread."""
        version, order = conn.version(), _order(actor, wanted)
        if order is None:
            return b""
        content = self._far.get(version, order)
        if content is None:
            content = _encoded(conn, actor, wanted)
            self._far.put(version, order, content)
        return content

    def keep(
        self,
        conn: Connection,
        actor: Actor,
        wanted: Wanted,
        *,
        version: Version,
        content: bytes,
    ) -> None:
        """Keep what :meth:`encoded` returned after :meth:`find` saw *version*.

        It is not kept if there was a commit meanwhile: it may be older or newer.
        """
        order = _order(actor, wanted)
        if order is None:
            return
        if not content:
            if len(self._long) >= _REMEMBERED:
                self._long.clear()
            self._long[order] = conn.now
        elif conn.version() == version:
            self._near.put(version, order, content)

    def _is_long(self, conn: Connection, order: _Order) -> bool:
        since = self._long.get(order)
        if since is None:
            return False
        if timedelta() <= conn.now - since < _PAUSE:
            return True
        del self._long[order]
        return False


def _order(actor: Actor, wanted: Wanted) -> _Order | None:
    """Return the key of a list, ``None`` if the list is not kept."""
    if actor.project_id is None or wanted.sort not in templates.SORT_COLUMNS:
        return None
    return actor.project_id, wanted.sort, wanted.descending


def _short(conn: Connection, actor: Actor, wanted: Wanted) -> bytes | None:
    """Return the list as JSON if it has few templates in one batch."""
    ids = lists.select(conn, actor, templates.ORDERS, wanted).ids
    if len(ids) > _FEW:
        return None
    rows, taken = templates.page(conn, actor, ids)
    return json(rows) if taken >= len(ids) else None


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
