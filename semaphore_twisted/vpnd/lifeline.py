"""A pipe from another process that ends the companion when that process ends."""

import os
from collections.abc import Callable
from io import FileIO

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.runtime.netlink import DescriptorWatch


class Lifeline(DescriptorWatch):
    """Calls *ended* when the other end of a pipe is closed."""

    def __init__(
        self, descriptor: int, ended: Callable[[], object], *, reactor: IReactorFDSet
    ) -> None:
        """Own *descriptor*."""
        os.set_blocking(descriptor, False)
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - os has no name for it
        super().__init__(lambda: FileIO(descriptor), reactor=reactor)
        self._ended = ended

    @override
    def stop(self) -> None:
        """Stop watching; *ended* is not called any more."""
        self._ended = lambda: None
        super().stop()

    @override
    def doRead(self) -> Failure | None:
        """Detect the end of the pipe; data in it is ignored."""
        is_over = isinstance(self._file, FileIO) and self._file.read(4096) == b""
        return Failure(CONNECTION_LOST) if is_over else None

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor, and call *ended* once."""
        super().connectionLost(reason)
        ended, self._ended = self._ended, lambda: None
        ended()
