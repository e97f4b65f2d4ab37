"""Runs an action, one run at a time."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger


class Coalescer:
    """Runs an asynchronous action, one run at a time.

    A call during a run makes one more run follow, however many calls there are. If a
    run fails, the failure is logged and the next run takes place all the same.
    """

    def __init__(
        self, action: Callable[[], Awaitable[object]], *, log: Logger, sentence: str
    ) -> None:
        """Run *action*; *sentence* is logged with the failure of a run."""
        self._action = action
        self._log = log
        self._sentence = sentence
        self._runs: Deferred[None] = succeed(None)
        self._waiting: list[Deferred[None]] = []
        self._is_asked = False
        self._is_stopped = False
        self.is_running = False

    def call(self) -> None:
        """Run the action now, or once more after the run that is under way."""
        self._is_asked = not self._is_stopped
        if self._is_asked and not self.is_running:
            self.is_running = True
            self._runs = Deferred.fromCoroutine(self._run())

    def stop(self, *, cancel: bool = False) -> "Deferred[None]":
        """Begin no further run; fires once the one under way has ended.

        With *cancel* that run is cancelled first.
        """
        self._is_stopped, self._is_asked = True, False
        if not self.is_running:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if cancel:
            self._runs.cancel()
        return waiting

    async def _run(self) -> None:
        while self._is_asked:
            self._is_asked = False
            try:
                await self._action()
            except CancelledError:
                pass
            except Exception:  # noqa: BLE001 - the next run is to take place
                self._log.failure(self._sentence)
        self.is_running = False
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
