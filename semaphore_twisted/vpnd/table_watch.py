"""Counts changes of our nftables table that the kernel reports.

The kernel reports each nftables transaction to its listeners (``nfnetlink``). A flush
of the whole ruleset names each table that it deletes. Only the table's name is checked.
"""

import socket
import struct
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet
from typing_extensions import override

from semaphore_twisted.runtime.netlink import DescriptorWatch, messages, netlink

#: ``linux/netlink.h``, ``linux/netfilter/nfnetlink.h``, ``…/nf_tables.h``
_NETLINK_NETFILTER, _GROUP_NFTABLES = 12, 7
_SUBSYSTEM, _NEW_GENERATION = 10, 15
_INET, _TABLE = 1, 1

#: The receive buffer: the messages of a table with some 20,000 grants.
_BUFFER = 16 * 1024 * 1024


def transactions() -> socket.socket:
    """Return a socket that receives transactions; it needs ``CAP_NET_ADMIN``.

    :raises OSError: if the kernel or a sandbox does not support it.
    """
    groups = 1 << (_GROUP_NFTABLES - 1)
    return netlink(groups, family=_NETLINK_NETFILTER, buffer=_BUFFER)


class TableWatch(DescriptorWatch):
    """Counts transactions that named our table, and calls *changed* after them."""

    def __init__(
        self,
        table: str,
        *,
        reactor: IReactorFDSet | None,
        opened: Callable[[], socket.socket] = transactions,
    ) -> None:
        """Watch the table *table* of the family ``inet``."""
        super().__init__(opened, reactor=reactor)
        self._table = table.encode("ascii")
        self._is_named = False
        #: transactions on the table by any program, and how often messages were lost
        self.count = self.losses = 0
        #: called after a transaction, unless *is_paused*
        self.changed: Callable[[], object] = lambda: None
        self.is_paused = False

    def drain(self) -> int:
        """Read all pending messages, and return the number of transactions so far."""
        for content in self.datagrams():
            if content is None:  # the receive buffer has overflowed
                self.losses += 1
                self._is_named = False
            for kind, payload in messages(content or b""):
                if kind >> 8 != _SUBSYSTEM:
                    continue
                if kind & 0xFF == _NEW_GENERATION:  # the end of a transaction
                    self.count += self._is_named
                    self._is_named = False
                elif _named(payload) == (_INET, self._table):
                    self._is_named = True
        return self.count

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
