"""Notifications from the kernel, such as of changed interfaces and addresses.

Netlink's route family needs no privilege (rtnetlink(7)). A watch reads the current
state when it is notified, so a lost message costs one read.
"""

import errno
import io
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.internet.main import CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

#: Multicast groups: links, and addresses of both families (``linux/rtnetlink.h``).
GROUPS = 0x1 | 0x10 | 0x100

#: Seconds in which successive events are combined.
SETTLE = 0.02

_READ = 65536

#: ``asm-generic/socket.h``: exceeds the limit for unprivileged processes
_SO_RCVBUFFORCE = 33


def netlink(
    groups: int = GROUPS, *, family: int = socket.NETLINK_ROUTE, buffer: int = 0
) -> socket.socket:
    """Return a netlink socket of *family* that is subscribed to *groups*.

    Its receive buffer has *buffer* bytes where the process may set that, the system's
    default otherwise.

    :raises OSError: if the kernel or a sandbox does not allow it
    """
    made = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, family
    )
    try:
        if buffer:
            with suppress(OSError):
                made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer)
        made.bind((0, groups))
    except BaseException:
        made.close()
        raise
    return made


def messages(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and payload of each message in a datagram."""
    at = 0
    while at + 16 <= len(content):
        length, kind = struct.unpack_from("=IH", content, at)
        if length < 16:
            return
        yield kind, content[at + 16 : at + length]
        at += (length + 3) & ~3


class DescriptorWatch(FileDescriptor):
    """Reads from a socket or pipe, and writes nothing."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        opened: Callable[[], socket.socket | io.FileIO],
        *,
        reactor: IReactorFDSet | None,
    ) -> None:
        """Read from what *opened* returns."""
        super().__init__(reactor)
        self._open = opened
        self._file: socket.socket | io.FileIO | None = None

    def start(self) -> bool:
        """Start watching; return false, with a warning, if that is not possible."""
        try:
            self._file = self._open()
        except OSError as error:
            self._log.warn(
                "Netlink is not available ({error}): changes are found by polling",
                error=str(error),
            )
            return False
        self.connected = 1
        self.startReading()
        return True

    def stop(self) -> None:
        """Stop watching, and close the descriptor."""
        self.connectionLost(Failure(CONNECTION_LOST))

    def datagrams(self) -> Iterator[bytes | None]:
        """Yield what is pending, ``None`` where the kernel has dropped messages."""
        while isinstance(self._file, socket.socket):
            try:
                yield self._file.recv(_READ)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                yield None

    @override
    def fileno(self) -> int:
        """Return the descriptor's number."""
        return self._file.fileno() if self._file is not None else -1

    @override
    def writeSomeData(self, data: bytes) -> int:
        """Write nothing."""
        return len(data)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor."""
        super().connectionLost(reason)
        found, self._file = self._file, None
        if found is not None:
            found.close()


class ILinkReactor(IReactorFDSet, IReactorTime):
    """The reactor interfaces that a watch of links needs."""


class LinkWatch(DescriptorWatch):
    """Calls back soon after links or addresses have changed, once for many events."""

    def __init__(
        self,
        changed: Callable[[], object],
        *,
        reactor: ILinkReactor,
        opened: Callable[[], socket.socket] = netlink,
        matters: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Call *changed* for messages that *matters* accepts; its errors are logged."""
        super().__init__(opened, reactor=reactor)
        self._clock = reactor
        self._changed = changed
        self._matters = matters
        self._settling: IDelayedCall | None = None

    @override
    def doRead(self) -> None:
        """Read all messages, and schedule the callback after :data:`SETTLE` seconds."""
        found = [
            content is None or self._matters(content) for content in self.datagrams()
        ]
        if any(found) and self._settling is None:
            self._settling = self._clock.callLater(SETTLE, self._settled)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and cancel the timer."""
        super().connectionLost(reason)
        settling, self._settling = self._settling, None
        if settling is not None:
            settling.cancel()

    def _settled(self) -> None:
        self._settling = None
        try:
            self._changed()
        except Exception:  # noqa: BLE001 - the next change must still be reported
            self._log.failure("Handling a change of network interfaces failed")
