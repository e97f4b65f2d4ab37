"""Word from the kernel that a link, or an address of one, has changed.

What has changed is not read from it: whoever is told looks for himself, so a lost
message does no harm (rtnetlink(7)).
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

#: Links, and addresses of both families (``linux/rtnetlink.h``).
_GROUPS = 0x1 | 0x10 | 0x100


@implementer(IReadDescriptor)
class LinkWatch:
    """Calls *changed* whenever a link or an address has changed."""

    def __init__(self, changed: Callable[[], None], reactor: Any) -> None:
        """Watch from :meth:`start` to :meth:`stop`."""
        self._changed = changed
        self._reactor = reactor
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Begin; does nothing where the kernel tells nothing."""
        with suppress(OSError):
            made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
            made.settimeout(0)
            made.bind((0, _GROUPS))
            self._socket = made
            self._reactor.addReader(self)

    def stop(self) -> None:
        """End."""
        made, self._socket = self._socket, None
        if made is not None:
            self._reactor.removeReader(self)
            made.close()

    def fileno(self) -> int:
        """Return the socket's number."""
        return -1 if self._socket is None else self._socket.fileno()

    def doRead(self) -> None:  # noqa: N802 - the reactor's name
        """Drop what was said, and pass on that something was."""
        with suppress(OSError):  # nothing more, or more than there was room for
            while self._socket is not None:
                self._socket.recv(65536)
        self._changed()

    def connectionLost(self, _reason: Failure) -> None:
        """End with the reactor."""
        self.stop()

    def logPrefix(self) -> str:  # noqa: N802 - the reactor's name
        """Return the name that a fault is logged under."""
        return "links"
