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
GLANCE, CYCLE = 1.0, 10.0

#: Seconds after an event in which further events are merged.
SETTLE = 0.1

#: Seconds before a retry; doubled up to the cycle.
FIRST_RETRY = 0.1


class MaintenanceLoop(Service):
    """Maintains the device: each cycle, and after each event."""

    name = "upkeep"
    _log: ClassVar[Logger] = Logger()

    def __init__(self, companion: Companion, *, clock: IReactorTime) -> None:
        """Maintain *companion*."""
        self._companion = companion
        self._clock = clock
        self._next: IDelayedCall | None = None
        self._heard = True
        self._looked_at = 0.0
        self._index = 0
        self._retry = FIRST_RETRY
        self._trouble = LogOnChange()

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
        if not self._heard and self._next is not None:
            self._later(SETTLE)
        self._heard = True

    def alarm(self) -> None:
        """Check at once: the isolation may be broken."""
        if self._next is not None:
            self._later(0)
        self._heard = True

    def _later(self, seconds: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._clock.callLater(seconds, self._look)

    def _look(self) -> None:
        self._next = None
        looking = Deferred.fromCoroutine(self._looked())
        log_errors(looking, log=self._log, sentence="The maintenance loop failed")

    async def _looked(self) -> None:
        delay = GLANCE
        try:
            if self._is_due():
                self._heard = False
                await self._companion.keep()
                self._looked_at = self._clock.seconds()
                self._index = self._companion.index
                self._retry = FIRST_RETRY
                self._trouble.clear()
        except DeviceFailed as error:
            self._heard = True
            delay, self._retry = self._retry, min(self._retry * 2, CYCLE)
            self._trouble.log(
                str(error),
                self._log.error,
                "The VPN is unavailable: {reason}",
                reason=str(error),
            )
        finally:
            if self.running:
                self._later(SETTLE if self._heard and delay == GLANCE else delay)

    def _is_due(self) -> bool:
        companion = self._companion
        return (
            self._heard
            or companion.is_waking
            or companion.is_expiring
            or companion.index != self._index
            or self._clock.seconds() - self._looked_at >= CYCLE
        )
