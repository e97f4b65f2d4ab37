"""The options of the record of events."""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from semaphore_twisted.config_values import WrongOption

#: Days of a hundred years.
_MOST = 36_500


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """How many days events are kept; 0 is for ever."""

    keep_days: int = 0

    @property
    def keep(self) -> timedelta | None:
        """The same, as a duration; ``None`` is for ever."""
        return timedelta(days=self.keep_days) if self.keep_days else None


def check(events: Events, wrong: Callable[..., WrongOption]) -> None:
    """Refuse what is no number of days."""
    if not 0 <= events.keep_days <= _MOST:
        raise wrong("events.keep_days", events.keep_days, f"days from 0 to {_MOST}")
