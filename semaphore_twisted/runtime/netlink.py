"""Notifications from the kernel that interfaces or addresses have changed.

Netlink's route family needs no privilege (rtnetlink(7)). The messages are not parsed:
the callback reads the current state, so a lost message costs one read.
"""

import errno
import socket
from collections.abc import Callable
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


class ILinkReactor(IReactorFDSet, IReactorTime):
    """The reactor interfaces that a watch of links needs."""


class LinkWatch(FileDescriptor):
    """Calls back soon after links or addresses have changed, once for many events."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        changed: Callable[[], object],
        *,
        reactor: ILinkReactor,
        opened: Callable[[], socket.socket] = netlink,
        matters: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Call *changed* for messages that *matters* accepts; its errors are logged."""
        super().__init__(reactor)
        self._clock = reactor
        self._changed = changed
        self._open = opened
        self._matters = matters
        self._socket: socket.socket | None = None
        self._settling: IDelayedCall | None = None

    def start(self) -> bool:
        """Start to watch; returns false if netlink is not available."""
        try:
            self._socket = self._open()
        except OSError as error:
            self._log.warn(
                "Netlink is not available ({error}): links are polled each second",
                error=str(error),
            )
            return False
        self.connected = 1
        self.startReading()
        return True

    def stop(self) -> None:
        """Stop watching and close the socket."""
        self.connectionLost(Failure(CONNECTION_LOST))

    @override
    def fileno(self) -> int:
        """Return the socket's file descriptor."""
        return self._socket.fileno() if self._socket is not None else -1

    @override
    def doRead(self) -> None:
        """Read all messages, and schedule the callback after :data:`SETTLE` seconds."""
        if self._socket is None:
            return
        matters = False
        try:
            while content := self._socket.recv(_READ):
                matters = matters or self._matters(content)
        except BlockingIOError:
            pass
        except OSError as error:
            # ENOBUFS: the kernel dropped messages
            if error.errno != errno.ENOBUFS:
                raise
            matters = True
        if matters and self._settling is None:
            self._settling = self._clock.callLater(SETTLE, self._settled)

    @override
    def writeSomeData(self, data: bytes) -> int:
        """Discard *data*: this socket only reads."""
        return len(data)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and cancel the timer."""
        super().connectionLost(reason)
        settling, self._settling = self._settling, None
        if settling is not None:
            settling.cancel()
        found, self._socket = self._socket, None
        if found is not None:
            found.close()

    def _settled(self) -> None:
        self._settling = None
        try:
            self._changed()
        except Exception:  # noqa: BLE001 - the next change must still be reported
            self._log.failure("Handling a change of network interfaces failed")
