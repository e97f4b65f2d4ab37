"""The coming days of a project's schedules."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import DomainError, Invalid
from semaphore_twisted.model.ids import ScheduleId
from semaphore_twisted.model.schedules import (
    FIRST_YEAR,
    LAST_YEAR,
    Schedule,
    ScheduleRun,
    ScheduleType,
    timetable_of,
    zone,
)
from semaphore_twisted.model.timetable import NO_RUNS, DayRuns
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import schedules as statements

#: Runs of a schedule on a day whose times are listed; more are counted only.
LISTED = 4

#: Days in one answer.
MOST_DAYS = 31


class CalendarRuns(msgspec.Struct, frozen=True, kw_only=True):
    """The coming runs of a schedule on a day: their number, and *times* if it is small.

    A schedule that waits for commits has no runs here: they cannot be foreseen.
    """

    schedule_id: ScheduleId
    name: str
    count: int
    times: tuple[datetime, ...]


class CalendarDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day: its coming runs, and the outcomes of past due times."""

    date: str
    coming: tuple[CalendarRuns, ...]
    past: tuple[ScheduleRun, ...]


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Days that begin and end in the time zone *zone*.

    Only the newest of very many past due times are listed; *more_past* says that older
    ones of these days are left out.
    """

    zone: str
    days: tuple[CalendarDay, ...]
    more_past: bool


def calendar(
    conn: Connection,
    actor: Actor,
    usual_zone: str,
    *,
    first: date | None,
    days: int,
    timezone: str,
) -> Calendar:
    """Return *days* days from *first* on, by default today, in *timezone*.

    :raises Invalid: if there is no such time zone, or the year is out of range
    """
    if first is not None and not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise Invalid(f"from: expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    where = zone(timezone or usual_zone)
    begin = first or conn.now.astimezone(where).date()
    dates = [begin + timedelta(days=number) for number in range(days)]
    project_id = project_of(actor)
    rows = conn.all(statements.of_project, Schedule, project_id=project_id)
    since, until = (
        datetime.combine(each, time(), where).astimezone(UTC)
        for each in (begin, begin + timedelta(days=days))
    )
    found = conn.all(
        statements.recent,
        ScheduleRun,
        project_id=project_id,
        since=since,
        until=until,
        most=limits.SCHEDULE_PAST + 1,
    )
    past: dict[date, list[ScheduleRun]] = {}
    for run in reversed(found[: limits.SCHEDULE_PAST]):
        past.setdefault(run.due.astimezone(where).date(), []).append(run)
    coming = [
        (each, _runs(each, dates, where, usual_zone))
        for each in rows
        if each.next_run is not None and each.repository_id is None
    ]
    return Calendar(
        zone=where.key,
        days=tuple(
            CalendarDay(
                date=day.isoformat(),
                coming=tuple(
                    CalendarRuns(
                        schedule_id=each.id,
                        name=each.name,
                        count=runs[number].count,
                        times=runs[number].times,
                    )
                    for each, runs in coming
                    if runs[number].count
                ),
                past=tuple(past.get(day, ())),
            )
            for number, day in enumerate(dates)
        ),
        more_past=len(found) > limits.SCHEDULE_PAST,
    )


def _runs(
    of: Schedule, dates: list[date], where: ZoneInfo, usual_zone: str
) -> list[DayRuns]:
    """Return the coming runs of a schedule on each of *dates*."""
    nothing = [NO_RUNS] * len(dates)
    if of.next_run is None:
        return nothing
    if of.type is ScheduleType.RUN_AT:
        day = of.next_run.astimezone(where).date()
        once = DayRuns(count=1, times=(of.next_run,))
        return [once if each == day else NO_RUNS for each in dates]
    try:
        times = timetable_of(of.cron_format, of.timezone, usual_zone)
    except DomainError:  # said at the schedule when it is due
        return nothing
    return [
        times.on_day(each, zone=where, first=of.next_run, most=LISTED) for each in dates
    ]
