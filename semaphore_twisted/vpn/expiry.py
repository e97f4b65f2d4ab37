"""An alarm that fires at a moment of the wall clock."""

from collections.abc import Callable
from datetime import datetime

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two checks of the clock.
CHECK_INTERVAL = 1.0


class Alarm:
    """Calls back once the wall clock has reached a moment.

    The clock is checked each second, since it may jump in either direction: by NTP,
    when it is set by hand, or while the machine sleeps.
    """

    def __init__(
        self,
        callback: Callable[[], None],
        *,
        clock: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        """Call *callback* when *now* has reached the moment."""
        self._callback = callback
        self._clock = clock
        self._now = now
        self._moment: datetime | None = None
        self._timer: IDelayedCall | None = None

    def set(self, moment: datetime | None) -> None:
        """Replace the moment of the alarm by *moment*; ``None`` cancels the alarm."""
        self.stop()
        self._moment = moment
        if moment is not None:
            left = (moment - self._now()).total_seconds()
            # a moment in the past fires after a second: a callback that sets it again
            # must not loop
            self._timer = self._clock.callLater(
                min(left, CHECK_INTERVAL) if left > 0 else CHECK_INTERVAL, self._check
            )

    def stop(self) -> None:
        """Cancel the timer."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _check(self) -> None:
        moment, self._timer = self._moment, None
        if moment is not None and moment <= self._now():
            self._moment = None
            self._callback()
        else:
            self.set(moment)
