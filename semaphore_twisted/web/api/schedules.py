"""Routes of schedules."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from semaphore_twisted.model import limits
from semaphore_twisted.model.cron import CronParts
from semaphore_twisted.model.schedules import (
    SHOWN_RUNS,
    Schedule,
    ScheduleInList,
    timetable_of,
)
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.schedules import calendar, schedules
from semaphore_twisted.operations.schedules.calendar import MOST_DAYS, Calendar
from semaphore_twisted.operations.schedules.rules import Activation, NewSchedule
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.routing import Route


class ScheduleQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which schedules are listed."""

    all: Annotated[
        bool,
        Meta(description="All schedules, those that wait for commits and the others"),
    ] = False


class CalendarQuery(
    msgspec.Struct, frozen=True, kw_only=True, rename={"first": "from"}
):
    """The days of a calendar, by default a week from today on."""

    first: Annotated[date | None, Meta(description="The first day")] = None
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS, description="The number of days")] = 7
    timezone: Annotated[
        str,
        Meta(
            max_length=limits.NAME,
            description="The time zone; that of the installation, if it is empty",
        ),
    ] = ""


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that checks an expression."""

    cron_format: Name = ""
    timezone: Name = ""


class CheckedExpression(msgspec.Struct, frozen=True, kw_only=True):
    """A valid expression: its time zone, its numbers, and the coming due times.

    *runs_per_hour* is the number of runs in an hour that has some.
    """

    zone: str
    parts: CronParts
    runs_per_hour: int
    next_runs: tuple[datetime, ...]


async def listed(context: RequestContext) -> list[ScheduleInList]:
    """List the schedules by name; only with ``all`` those that wait for commits."""
    commits = context.parameters(ScheduleQuery).all
    return await context.long_read(schedules.listed, _zone(context), commits=commits)


async def of_template(context: RequestContext) -> list[ScheduleInList]:
    """List a template's schedules that wait for commits; with ``all`` every one."""
    return await context.long_read(
        schedules.of_template,
        context.path["template_id"],
        _zone(context),
        every=context.parameters(ScheduleQuery).all,
    )


async def create(context: RequestContext, body: NewSchedule) -> Schedule:
    """Create a schedule."""
    made = await context.write(
        schedules.create, body, keyring=context.keyring, usual_zone=_zone(context)
    )
    context.services.schedules.wake()
    return made


async def validate(context: RequestContext, body: Expression) -> CheckedExpression:
    """Check an expression, and show when it is due; nothing is stored."""
    return await context.read(_checked, body, _zone(context))


async def days(context: RequestContext) -> Calendar:
    """Show the coming days: when which schedule is due, and what has run today."""
    asked = context.parameters(CalendarQuery)
    return await context.long_read(
        calendar.calendar,
        _zone(context),
        first=asked.first,
        days=asked.days,
        timezone=asked.timezone,
    )


async def get(context: RequestContext) -> Schedule:
    """Show a schedule."""
    number = context.path["schedule_id"]
    return await context.read(schedules.get, number, _zone(context))


async def change(context: RequestContext, body: NewSchedule) -> None:
    """Replace a schedule; without ``task_params`` its parameters are kept."""
    await context.write(
        schedules.change,
        context.path["schedule_id"],
        body,
        keyring=context.keyring,
        usual_zone=_zone(context),
    )
    context.services.schedules.wake()


async def switch(context: RequestContext, body: Activation) -> None:
    """Switch a schedule on or off."""
    await context.write(
        schedules.switch,
        context.path["schedule_id"],
        _zone(context),
        active=body.active,
    )
    context.services.schedules.wake()


async def delete(context: RequestContext) -> None:
    """Delete a schedule; the tasks that it has started stay."""
    await context.write(schedules.delete, context.path["schedule_id"])


def _zone(context: RequestContext) -> str:
    """Return the time zone of schedules that have none of their own."""
    return context.config.schedule.timezone


def _checked(
    conn: Connection,
    actor: Actor,  # noqa: ARG001 - the right was checked
    body: Expression,
    usual_zone: str,
) -> CheckedExpression:
    times = timetable_of(body.cron_format, body.timezone, usual_zone)
    return CheckedExpression(
        zone=times.zone.key,
        parts=times.expression.parts,
        runs_per_hour=times.expression.most_in_an_hour,
        next_runs=times.coming(times.after(conn.now), SHOWN_RUNS),
    )


_ALL = "/project/{project_id}/schedules"
_ONE = f"{_ALL}/{{schedule_id}}"
_MANAGE = Access.MANAGE_RESOURCES
_TAGGED = Tagged(events.SCHEDULE, schedules.with_usual_zone)

ROUTES = (
    Route.get(
        _ALL, listed, Access.MEMBER, query=ScheduleQuery, answer=list[ScheduleInList]
    ),
    Route.post(_ALL, create, _MANAGE, body=NewSchedule, answer=Schedule, status=201),
    Route.post(
        f"{_ALL}/validate",
        validate,
        _MANAGE,
        body=Expression,
        answer=CheckedExpression,
        changes_nothing=True,
    ),
    Route.get(
        f"{_ALL}/calendar", days, Access.MEMBER, query=CalendarQuery, answer=Calendar
    ),
    Route.get(_ONE, get, Access.MEMBER, answer=Schedule, tagged=_TAGGED),
    Route.put(_ONE, change, _MANAGE, body=NewSchedule, tagged=_TAGGED),
    Route.put(f"{_ONE}/active", switch, _MANAGE, body=Activation, tagged=_TAGGED),
    Route.delete(_ONE, delete, _MANAGE, tagged=_TAGGED),
    Route.get(
        "/project/{project_id}/templates/{template_id}/schedules",
        of_template,
        Access.MEMBER,
        query=ScheduleQuery,
        answer=list[ScheduleInList],
    ),
)
