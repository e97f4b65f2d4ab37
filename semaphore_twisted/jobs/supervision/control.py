"""``SPOOL/control``: the socket on which a server sends orders and is told of output.

An order is a line, ``stop`` or ``kill``. A byte ``.`` to the server announces more data
in ``SPOOL/output``. If the socket's buffer is full, the byte is dropped: earlier ones
still wait there to be read.
"""

from __future__ import annotations

import contextlib
import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PATH = "control"
LONGEST_ORDER = 64
#: The most connections at a time; a server needs one.
MOST_SERVERS = 16


class Control:
    """The listening socket and its connections; the current directory is the spool."""

    def __init__(self, *, ordered: Callable[[str], None]) -> None:
        self._ordered = ordered
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_PATH)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(_PATH)
        self._listener.listen(8)
        self._listener.settimeout(0)
        self._peers: dict[int, tuple[socket.socket, bytes]] = {}

    def descriptors(self) -> list[int]:
        """Return the descriptors to poll for reading."""
        return [self._listener.fileno(), *self._peers]

    def readable(self, descriptor: int) -> bool:
        """Handle *descriptor* if it belongs to the socket; return whether it does."""
        if descriptor == self._listener.fileno():
            with contextlib.suppress(OSError):
                peer, _ = self._listener.accept()
                if len(self._peers) >= MOST_SERVERS:
                    # the oldest may be a server that was killed
                    oldest, _ = self._peers.pop(next(iter(self._peers)))
                    oldest.close()
                peer.settimeout(0)
                self._peers[peer.fileno()] = (peer, b"")
            return True
        known = self._peers.get(descriptor)
        if known is None:
            return False
        peer, held = known
        try:
            data = peer.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        *orders, rest = (held + data).split(b"\n")
        for order in orders:
            self._ordered(order.decode("ascii", "replace"))
        if not data or len(rest) > LONGEST_ORDER:
            del self._peers[descriptor]
            peer.close()
        else:
            self._peers[descriptor] = (peer, rest)
        return True

    def tell(self) -> None:
        """Announce new output to every server."""
        for peer, _ in self._peers.values():
            # A closed connection is detected when it is read.
            with contextlib.suppress(OSError):
                peer.send(b".", socket.MSG_NOSIGNAL)

    def close(self) -> None:
        """Close the socket and all connections: the result is written."""
        with contextlib.suppress(OSError):
            os.unlink(_PATH)
        self._listener.close()
        for peer, _ in self._peers.values():
            peer.close()
