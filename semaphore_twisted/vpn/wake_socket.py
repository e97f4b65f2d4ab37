"""The wake socket: the command line tells the server that it changed the database.

One datagram of any content to ``STATE/wake.sock`` makes the server read its state
again. Wake-ups are level-triggered: a lost one costs delay, a surplus one a read.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.runtime.coalescer import Coalescer

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


class WakeCalls:
    """Calls back at the first datagram, and once more after a pause if more came."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, woken: Callable[[], object], *, clock: IReactorTime) -> None:
        """Call *woken*; its exceptions are logged."""
        self._woken = woken
        self._clock = clock
        self._calls = Coalescer(
            self._call,
            log=self._log,
            sentence="A change by the command line could not be handled",
        )

    def call(self) -> None:
        """Call back now, or after the pause."""
        self._calls.call()

    def stop(self) -> None:
        """Cancel a pending callback."""
        _ = self._calls.stop(cancel=True)

    async def _call(self) -> None:
        try:
            self._woken()
        except Exception:  # noqa: BLE001 - the next wake-up must be handled too
            self._log.failure("A change by the command line could not be handled")
        await deferLater(self._clock, PAUSE)


@implementer(IReadDescriptor)
class WakePort(Service):
    """Listens on the wake socket in the state directory.

    Only users that may enter the directory and write to the socket (mode 0600) can wake
    the server. Without the socket, changes are only delayed, so a failure to create it
    is logged as a warning. The reactor reads the socket itself: a datagram port of
    Twisted logs the class of its protocol at each start.
    """

    name = "wake socket"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        path: Path,
        woken: Callable[[], object],
        *,
        reactor: IReactorFDSet,
        clock: IReactorTime,
    ) -> None:
        """Listen at *path* and call *woken*."""
        self._path = path
        self._calls = WakeCalls(woken, clock=clock)
        self._reactor = reactor
        self._socket: socket.socket | None = None

    @override
    def startService(self) -> None:
        """Listen; the lock of the state guarantees that an existing socket is stale."""
        super().startService()
        try:
            self._socket = self._bound()
        except OSError as error:
            self._log.warn(
                "{path}: {error}: changes by the command line take effect with a delay",
                path=str(self._path),
                error=str(error),
            )
        else:
            self._reactor.addReader(self)

    @override
    def stopService(self) -> None:
        """Stop listening and remove the socket."""
        super().stopService()
        self._calls.stop()
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._close()
        self._path.unlink(missing_ok=True)

    def _bound(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            with _short(self._path) as name:
                bound.bind(name)
            self._path.chmod(0o600)
        except OSError:
            bound.close()
            raise
        return bound

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # IReadDescriptor

    def fileno(self) -> int:
        """Return the number of the socket, -1 when it is closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Return the name of the service."""
        return self.name

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Read one datagram."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.recv(1)
                self._calls.call()

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket: the reactor reads it no longer."""
        del reason
        self._close()
