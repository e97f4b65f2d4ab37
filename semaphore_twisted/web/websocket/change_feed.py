"""Reads changes of objects from the store while somebody wants to know of them.

Each change of an object is recorded as an event in its transaction, so the events tell
of every change: of this process, of its tasks, and of commands on the server. While
nobody asks nothing is read.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from semaphore_twisted.model.changes import Changes
from semaphore_twisted.runtime.deferreds import log_errors

#: Seconds between two looks at the events.
PERIOD = 0.5

#: Reads the changes after an event; ``None`` for the number of the newest event only.
ReadChanges = Callable[[int | None], Awaitable[Changes]]


class ChangeFeed:
    """Passes changes on; *send* returns whether somebody still wants them."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        read: ReadChanges,
        send: Callable[[Changes], bool],
        *,
        clock: IReactorTime,
    ) -> None:
        """Read by *read*, in intervals of *clock*."""
        self._read = read
        self._send = send
        self._last: int | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        """Pass changes on that are made from now on."""
        if not self._loop.running:
            self._last = None
            looking = self._loop.start(PERIOD)
            log_errors(looking, log=self._log, sentence="Looking for changes ended")

    def stop(self) -> None:
        """Pass no more changes on."""
        if self._loop.running:
            self._loop.stop()

    async def _look(self) -> None:
        try:
            changes = await self._read(self._last)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the next look is to take place
            self._log.failure(
                "The events could not be read, so no change is sent to websockets"
            )
            return
        self._last = changes.last
        if not self._send(changes):
            self.stop()
