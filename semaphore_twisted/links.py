"""Word from the kernel that interfaces or their addresses have changed.

Netlink's route family tells anybody without a right (rtnetlink(7)). What happened is
not parsed: who is told looks for itself, and a lost message costs a look only.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.main import CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

#: Groups of messages: links, and addresses of both families (``linux/rtnetlink.h``).
GROUPS = 0x1 | 0x10 | 0x100

#: Seconds in which events that follow one another are one.
SETTLE = 0.02

_READ = 65536


def netlink(groups: int = GROUPS) -> socket.socket:
    """Return a socket that is told of changes of links and addresses, or *groups*.

    :raises OSError: where the kernel or a sandbox has none.
    """
    made = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    )
    try:
        made.bind((0, groups))
    except BaseException:
        made.close()
        raise
    return made


class LinkWatch(FileDescriptor):
    """Calls back soon after links or addresses have changed, once for many events."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        changed: Callable[[], object],
        *,
        reactor: Any,
        opened: Callable[[], socket.socket] = netlink,
        matters: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Call *changed* for what *matters*; whatever it raises is logged."""
        super().__init__(reactor)
        self._clock = reactor
        self._changed = changed
        self._open = opened
        self._matters = matters
        self._socket: socket.socket | None = None
        self._settling: IDelayedCall | None = None

    def start(self) -> bool:
        """Watch; returns whether there is anything to watch with."""
        try:
            self._socket = self._open()
        except OSError as error:
            self._log.warn(
                "Changes of links are not told ({error}): they are looked for each "
                "second",
                error=str(error),
            )
            return False
        self.connected = 1
        self.startReading()
        return True

    def stop(self) -> None:
        """Watch no more."""
        self.connectionLost(Failure(CONNECTION_LOST))

    @override
    def fileno(self) -> int:
        """Return the socket's number."""
        return self._socket.fileno() if self._socket is not None else -1

    @override
    def doRead(self) -> None:
        """Take what there is, and call back when no more comes for a moment."""
        if self._socket is None:
            return
        matters = False
        try:
            while content := self._socket.recv(_READ):
                matters = matters or self._matters(content)
        except BlockingIOError:
            pass
        except OSError as error:
            # ENOBUFS: more happened than the kernel kept for us
            if error.errno != errno.ENOBUFS:
                raise
            matters = True
        if matters and self._settling is None:
            self._settling = self._clock.callLater(SETTLE, self._settled)

    @override
    def writeSomeData(self, data: bytes) -> int:
        """Write nothing: nothing is ever asked."""
        return len(data)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the socket."""
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
        except Exception:  # noqa: BLE001 - the next change is to be told as well
            self._log.failure("A change of links came to nothing")
