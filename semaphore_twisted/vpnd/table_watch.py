"""Counts changes of our nftables table that the kernel reports.

The kernel reports each nftables transaction to its listeners (``nfnetlink``). A flush
of the whole ruleset names each table that it deletes. Only the table's name is checked.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterator
from typing import ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.runtime.netlink import netlink

#: ``linux/netlink.h``, ``linux/netfilter/nfnetlink.h``, ``…/nf_tables.h``
_NETLINK_NETFILTER, _GROUP_NFTABLES = 12, 7
_SUBSYSTEM, _NEW_GENERATION = 10, 15
_INET, _TABLE = 1, 1

#: The receive buffer: the messages of a table with some 20,000 grants.
_BUFFER = 16 * 1024 * 1024

_READ = 65536


def transactions() -> socket.socket:
    """Return a socket that receives transactions; it needs ``CAP_NET_ADMIN``.

    :raises OSError: if the kernel or a sandbox does not support it.
    """
    groups = 1 << (_GROUP_NFTABLES - 1)
    return netlink(groups, family=_NETLINK_NETFILTER, buffer=_BUFFER)


class TableWatch(FileDescriptor):
    """Counts transactions that named our table, and calls *changed* after them."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        table: str,
        *,
        reactor: IReactorFDSet | None,
        opened: Callable[[], socket.socket] = transactions,
    ) -> None:
        """Watch the table *table* of the family ``inet``."""
        super().__init__(reactor)
        self._table = table.encode("ascii")
        self._open = opened
        self._socket: socket.socket | None = None
        self._is_named = False
        #: transactions on the table by any program, and how often messages were lost
        self.count = self.losses = 0
        #: called after a transaction, unless *is_paused*
        self.changed: Callable[[], object] = lambda: None
        self.is_paused = False

    def start(self) -> None:
        """Start watching; a failure is logged."""
        try:
            self._socket = self._open()
        except OSError as error:
            self._log.warn(
                "Changes of nft tables are not reported ({error}): they are checked "
                "every 10 seconds",
                error=str(error),
            )
            return
        self.connected = 1
        self.startReading()

    def stop(self) -> None:
        """Stop watching and close the socket."""
        self.connectionLost(Failure(CONNECTION_LOST))

    def drain(self) -> int:
        """Read all pending messages, and return the number of transactions so far."""
        while self._socket is not None:
            try:
                content = self._socket.recv(_READ)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.losses += 1  # the receive buffer has overflowed
                self._is_named = False
                continue
            self._take(content)
        return self.count

    def _take(self, content: bytes) -> None:
        for kind, payload in _messages(content):
            if kind == _NEW_GENERATION:  # the end of a transaction
                self.count += self._is_named
                self._is_named = False
            elif _named(payload) == (_INET, self._table):
                self._is_named = True

    @override
    def fileno(self) -> int:
        """Return the socket's number."""
        return self._socket.fileno() if self._socket is not None else -1

    @override
    def doRead(self) -> None:
        """Read pending messages, and call *changed* if they concern our table."""
        before = (self.count, self.losses)
        self.drain()
        if (self.count, self.losses) != before and not self.is_paused:
            try:
                self.changed()
            except Exception:  # noqa: BLE001 - the next change must be handled too
                self._log.failure("Handling a change of the nft table failed")

    @override
    def writeSomeData(self, data: bytes) -> int:
        """Write nothing: the socket only receives."""
        return len(data)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the socket."""
        super().connectionLost(reason)
        found, self._socket = self._socket, None
        if found is not None:
            found.close()


def _messages(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and payload of each nftables message in a datagram."""
    at = 0
    while at + 16 <= len(content):
        length, kind = struct.unpack_from("=IH", content, at)
        if length < 16:
            return
        if kind >> 8 == _SUBSYSTEM:
            yield kind & 0xFF, content[at + 16 : at + length]
        at += (length + 3) & ~3


def _named(payload: bytes) -> tuple[int, bytes]:
    """Return family and name of a message's table; the name is always attribute 1."""
    at = 4
    while at + 4 <= len(payload):
        length, kind = struct.unpack_from("=HH", payload, at)
        if length < 4:
            break
        if kind & 0x3FFF == _TABLE:
            return payload[0], payload[at + 4 : at + length].rstrip(b"\0")
        at += (length + 3) & ~3
    return 0, b""
