"""Options of schedules."""

from collections.abc import Callable
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.model import cron
from semaphore_twisted.model.errors import Invalid


class ScheduleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The time zone of schedules that have none of their own."""

    timezone: Annotated[
        str,
        option(
            "SCHEDULE_TIMEZONE",
            help="time zone of schedules that have none of their own",
        ),
    ] = "UTC"


def check(schedule: ScheduleOptions, wrong: Callable[..., WrongOption]) -> None:
    """Refuse a time zone that does not exist."""
    try:
        _ = cron.zone_of(schedule.timezone)
    except Invalid:
        raise wrong(
            "schedule.timezone",
            schedule.timezone,
            "a name of the time zone database such as Europe/Berlin, or UTC",
        ) from None
