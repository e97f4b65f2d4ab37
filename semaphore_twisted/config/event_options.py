"""Options of the event log."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
from semaphore_twisted.config.values import WrongOption

#: Days in a hundred years.
_MOST = 36_500


class EventOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How many days events are kept; 0 keeps them for ever."""

    keep_days: Annotated[
        int,
        option(
            "EVENTS_KEEP_DAYS",
            help="days after which events are deleted, within an hour; 0: "
            "kept for ever",
            own=True,
        ),
    ] = 0

    @property
    def keep(self) -> timedelta | None:
        """The retention as a duration; ``None`` keeps events for ever."""
        return timedelta(days=self.keep_days) if self.keep_days else None


def check(events: EventOptions, wrong: Callable[..., WrongOption]) -> None:
    """Refuse a number of days that is out of range."""
    if not 0 <= events.keep_days <= _MOST:
        raise wrong(
            "events.keep_days",
            events.keep_days,
            f"0 to {_MOST} days; 0 keeps events for ever",
        )
