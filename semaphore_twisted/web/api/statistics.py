"""Routes of the statistics of a project's tasks."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from semaphore_twisted.model.ids import TemplateId
from semaphore_twisted.model.statistics import DayStatistics, Overview
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.tasks import statistics as operations
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route

#: Minutes that the local time of a time zone is ahead of UTC.
_Minutes = Annotated[
    int,
    Meta(
        ge=-840,
        le=840,
        description="Minutes that the days begin before those of UTC",
    ),
]


class DaysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The period of the statistics by day."""

    start: Annotated[date, Meta(description="The first day")] | None = None
    end: Annotated[date, Meta(description="The last day, by default today")] | None = (
        None
    )
    user_id: (
        Annotated[
            int, Meta(ge=1, le=2**63 - 1, description="Only tasks that a user started")
        ]
        | None
    ) = None
    offset: _Minutes = 0


class OverviewQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The size of an overview."""

    days: Annotated[
        int, Meta(ge=1, le=operations.MOST_DAYS, description="Days, with today")
    ] = 14
    runs: Annotated[
        int, Meta(ge=1, le=100, description="Newest tasks of each template")
    ] = 20
    offset: _Minutes = 0


async def by_day(context: RequestContext) -> list[DayStatistics]:
    """Show figures of the project's tasks for each day that has any.

    The period has at most 366 days. A task belongs to the day of its creation.
    """
    return await _by_day(context, None)


async def of_template(context: RequestContext) -> list[DayStatistics]:
    """Show figures of a template's tasks for each day that has any."""
    return await _by_day(context, TemplateId(context.path["template_id"]))


async def overview(context: RequestContext) -> Overview:
    """Show what a dashboard needs: numbers of tasks, days, and runs by template."""
    asked = context.parameters(OverviewQuery)
    return await context.long_read(
        operations.overview, days=asked.days, runs=asked.runs, minutes=asked.offset
    )


async def _by_day(
    context: RequestContext, template_id: TemplateId | None
) -> list[DayStatistics]:
    asked = context.parameters(DaysQuery)
    return await context.long_read(
        operations.by_day,
        template_id=template_id,
        user_id=asked.user_id,
        start=asked.start,
        end=asked.end,
        minutes=asked.offset,
    )


_PROJECT = "/project/{project_id}"

ROUTES = (
    Route.get(
        f"{_PROJECT}/stats",
        by_day,
        Access.MEMBER,
        query=DaysQuery,
        answer=list[DayStatistics],
    ),
    Route.get(
        f"{_PROJECT}/templates/{{template_id}}/stats",
        of_template,
        Access.MEMBER,
        query=DaysQuery,
        answer=list[DayStatistics],
    ),
    Route.get(
        f"{_PROJECT}/overview",
        overview,
        Access.MEMBER,
        query=OverviewQuery,
        answer=Overview,
    ),
)
