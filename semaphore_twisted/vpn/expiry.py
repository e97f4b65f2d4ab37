"""An alarm that fires at a moment of the wall clock."""

from collections.abc import Callable
from datetime import datetime

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two checks of the clock.
LOOK = 1.0


class Alarm:
    """Calls back once the wall clock has reached a moment.

    The clock is checked each second, since it may jump in either direction: by NTP,
    when it is set by hand, or while the machine sleeps.
    """

    def __init__(
        self,
        rung: Callable[[], None],
        *,
        clock: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        """Call *rung* when *now* has reached the moment."""
        self._rung = rung
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
                min(left, LOOK) if left > 0 else LOOK, self._look
            )

    def stop(self) -> None:
        """Cancel the timer."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _look(self) -> None:
        moment, self._timer = self._moment, None
        if moment is not None and moment <= self._now():
            self._moment = None
            self._rung()
        else:
            self.set(moment)
