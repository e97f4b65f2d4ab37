"""A pipe from another process that ends the companion when that process ends."""

import fcntl
import os
from collections.abc import Callable

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure
from typing_extensions import override


class Lifeline(FileDescriptor):
    """Calls *ended* when the other end of a pipe is closed."""

    def __init__(
        self, descriptor: int, ended: Callable[[], object], *, reactor: IReactorFDSet
    ) -> None:
        """Own *descriptor*."""
        super().__init__(reactor)
        for number, flag in (
            (fcntl.F_SETFL, os.O_NONBLOCK),
            (fcntl.F_SETFD, fcntl.FD_CLOEXEC),
        ):
            fcntl.fcntl(descriptor, number, flag)
        self._descriptor = descriptor
        self._ended = ended

    def start(self) -> None:
        """Start watching."""
        self.connected = 1
        self.startReading()

    def stop(self) -> None:
        """Stop watching and close the descriptor."""
        self._ended = lambda: None
        self.connectionLost(Failure(CONNECTION_LOST))

    @override
    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    @override
    def doRead(self) -> Failure | None:
        """Detect the end of the pipe; data in it is ignored."""
        try:
            is_open = bool(os.read(self._descriptor, 4096))
        except BlockingIOError:
            return None
        except OSError:
            is_open = False
        return None if is_open else Failure(CONNECTION_LOST)

    @override
    def writeSomeData(self, data: bytes) -> int:
        """Write nothing."""
        return len(data)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor and call *ended*."""
        super().connectionLost(reason)
        found, self._descriptor = self._descriptor, -1
        if found >= 0:
            os.close(found)
            self._ended()
