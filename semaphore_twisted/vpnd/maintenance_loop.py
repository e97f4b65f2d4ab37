"""The maintenance loop: restores the device periodically and after failures."""

from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.common.log_on_change import LogOnChange
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.vpnd.companion import Companion
from semaphore_twisted.wireguard.state import DeviceFailed

#: Seconds between two checks whether something is due, and between two full checks.
POLL, CYCLE = 1.0, 10.0

#: Seconds after an event in which further events are merged.
SETTLE = 0.1

#: Seconds before a retry; doubled up to the cycle.
FIRST_RETRY = 0.1


class MaintenanceLoop(Service):
    """Maintains the device: each cycle, and after each event."""

    name = "maintenance loop"
    _log: ClassVar[Logger] = Logger()

    def __init__(self, companion: Companion, *, clock: IReactorTime) -> None:
        """Maintain *companion*."""
        self._companion = companion
        self._clock = clock
        self._next: IDelayedCall | None = None
        self._notified = True
        self._checked_at = 0.0
        self._index = 0
        self._retry = FIRST_RETRY
        self._failures = LogOnChange()

    @override
    def startService(self) -> None:
        """Start with a check at once."""
        super().startService()
        self._later(0)

    @override
    def stopService(self) -> None:
        """Stop, and leave the device unchanged."""
        super().stopService()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def wake(self) -> None:
        """Check soon: an event has occurred."""
        if not self._notified and self._next is not None:
            self._later(SETTLE)
        self._notified = True

    def alarm(self) -> None:
        """Check at once: the isolation may be broken."""
        if self._next is not None:
            self._later(0)
        self._notified = True

    def _later(self, seconds: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._clock.callLater(seconds, self._start_check)

    def _start_check(self) -> None:
        self._next = None
        checking = Deferred.fromCoroutine(self._check())
        log_errors(checking, log=self._log, sentence="The maintenance loop failed")

    async def _check(self) -> None:
        delay = POLL
        try:
            if self._is_due():
                self._notified = False
                await self._companion.maintain()
                self._checked_at = self._clock.seconds()
                self._index = self._companion.index
                self._retry = FIRST_RETRY
                self._failures.clear()
        except DeviceFailed as error:
            self._notified = True
            delay, self._retry = self._retry, min(self._retry * 2, CYCLE)
            self._failures.log(
                str(error),
                self._log.error,
                "The VPN is unavailable: {reason}",
                reason=str(error),
            )
        finally:
            if self.running:
                self._later(SETTLE if self._notified and delay == POLL else delay)

    def _is_due(self) -> bool:
        companion = self._companion
        return (
            self._notified
            or companion.is_waking
            or companion.is_expiring
            or companion.index != self._index
            or self._clock.seconds() - self._checked_at >= CYCLE
        )
