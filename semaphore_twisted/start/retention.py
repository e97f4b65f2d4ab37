"""Removes expired rows of the database: events, failed logins, tasks, deliveries."""

from datetime import timedelta
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.identity import throttle
from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.operations import events
from semaphore_twisted.operations.tasks import task_lifecycle
from semaphore_twisted.operations.webhooks import deliveries
from semaphore_twisted.runtime.deferreds import log_errors

#: Seconds between two runs.
CHECK_INTERVAL = 3600.0


class Retention(Service):
    """Removes old rows in short transactions, so that other writes need not wait."""

    name = "retention"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, database: IDatabase, *, keep: timedelta | None, clock: IReactorTime
    ) -> None:
        """Keep events for *keep*; ``None`` keeps them for ever."""
        self._database = database
        self._keep = keep
        self._timer = LoopingCall(self._sweep)
        self._timer.clock = clock

    @override
    def startService(self) -> None:
        """Run now, and periodically."""
        super().startService()
        checking = self._timer.start(CHECK_INTERVAL)
        log_errors(
            checking,
            log=self._log,
            sentence="The removal of old events and tasks ended",
        )

    @override
    def stopService(self) -> None:
        """Stop the periodic run."""
        super().stopService()
        if self._timer.running:
            self._timer.stop()

    def _sweep(self) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._remove())

    async def _remove(self) -> None:
        try:
            await self._database.write(throttle.forget)
            await self._database.write(deliveries.forget)
            while self.running and not await self._database.write(
                events.forget, keep=self._keep
            ):
                pass
            while self.running and await self._database.write(task_lifecycle.expire):
                pass
        except Exception:  # noqa: BLE001 - the next run tries again
            self._log.failure("Old events or tasks could not be removed")
