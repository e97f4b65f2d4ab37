"""The wake socket: the command line tells the server that it changed the database.

One datagram of any content to ``STATE/wake.sock`` makes the server read its state
again. Wake-ups are level-triggered: a lost one costs delay, a surplus one a read.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorTime,
    IReactorUNIXDatagram,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.runtime.deferreds import Coalescer

#: The socket's name in the state directory.
NAME = "wake.sock"

#: The minimum of seconds between two callbacks.
PAUSE = 0.1


def send(path: Path) -> bool:
    """Send one datagram to the server's socket at *path*; never raises.

    Returns whether a server listens there.
    """
    try:
        with (
            _short(path) as name,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.settimeout(0)
            sender.sendto(b"!", name)
    except BlockingIOError:
        return True  # the queue is full, so the server is woken anyway
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Return a name for *path* that fits into the 107 bytes of a socket's address."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class WakeProtocol(DatagramProtocol):
    """Calls back at the first datagram, and once more after a pause if more came."""

    noisy = False
    _log: ClassVar[Logger] = Logger()

    def __init__(self, woken: Callable[[], object], *, clock: IReactorTime) -> None:
        """Call *woken*; its exceptions are logged."""
        self._woken = woken
        self._clock = clock
        self._calls = Coalescer(
            self._call, log=self._log, sentence="Handling a wake-up failed"
        )

    @override
    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        """Call back now, or after the pause."""
        self._calls.call()

    @override
    def stopProtocol(self) -> None:
        """Cancel a pending callback."""
        _ = self._calls.stop(cancel=True)

    async def _call(self) -> None:
        try:
            self._woken()
        except Exception:  # noqa: BLE001 - the next wake-up must be handled too
            self._log.failure("Handling a wake-up failed")
        await deferLater(self._clock, PAUSE)


class WakePort(Service):
    """Listens on the wake socket in the state directory.

    Only users that may enter the directory and write to the socket (mode 0600) can wake
    the server. Without the socket, changes are only delayed, so a failure to create it
    is logged as a warning.
    """

    name = "wake socket"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        path: Path,
        woken: Callable[[], object],
        *,
        reactor: IReactorUNIXDatagram,
        clock: IReactorTime,
    ) -> None:
        """Listen at *path* and call *woken*."""
        self._path = path
        self._woken = woken
        self._reactor = reactor
        self._clock = clock
        self._port: IListeningPort | None = None

    @override
    def startService(self) -> None:
        """Listen; the lock of the state guarantees that an existing socket is stale."""
        super().startService()
        try:
            self._path.unlink(missing_ok=True)
            with _short(self._path) as name:
                self._port = self._reactor.listenUNIXDatagram(
                    name,
                    WakeProtocol(self._woken, clock=self._clock),
                    maxPacketSize=16,
                    mode=0o600,
                )
        except Exception as error:  # noqa: BLE001 - Twisted's and the system's
            self._log.warn(
                "{path}: {error}: changes by the command line take effect with a delay",
                path=str(self._path),
                error=str(error),
            )

    @override
    def stopService(self) -> "Deferred[object]":
        """Stop listening and remove the socket."""
        super().stopService()
        port, self._port = self._port, None
        self._path.unlink(missing_ok=True)
        return maybeDeferred(port.stopListening if port is not None else lambda: None)
