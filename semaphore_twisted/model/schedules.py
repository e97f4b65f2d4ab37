"""Schedules: when a template is run, and the outcomes of the runs."""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from semaphore_twisted.model import cron
from semaphore_twisted.model.cron import CronParts
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.ids import (
    ProjectId,
    RepositoryId,
    ScheduleId,
    TaskId,
    TemplateId,
)
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.timetable import Timetable

#: Coming runs that are shown.
SHOWN_RUNS = 5

#: Years of times and days in requests.
FIRST_YEAR, LAST_YEAR = 1970, 2200


class ScheduleType(StrEnum):
    """How the due times are given; the empty text means by an expression."""

    CRON = ""
    RUN_AT = "run_at"


class CatchUp(StrEnum):
    """The consequence of missed runs: none, or one run for all of them."""

    NONE = "none"
    ONE = "one"


class Overrun(StrEnum):
    """The consequence of an earlier run that has not ended.

    ``queue`` lets one task of the schedule wait, ``skip`` starts none.
    """

    QUEUE = "queue"
    SKIP = "skip"


class Outcome(StrEnum):
    """What became of a due time.

    ``unchanged`` and ``noted`` are of schedules that wait for commits: the branch had
    no new commit, or was read for the first time.
    """

    STARTED = "started"
    SKIPPED = "skipped"
    MISSED = "missed"
    FAILED = "failed"
    UNCHANGED = "unchanged"
    NOTED = "noted"


class ScheduleRun(msgspec.Struct, frozen=True, kw_only=True):
    """A due time of a schedule that was dealt with at *time*.

    *reason* says why no task was started. *status*, *start* and *end* are those of the
    task, ``null`` if there is none (any more).
    """

    schedule_id: ScheduleId
    due: datetime
    time: datetime
    outcome: Outcome
    reason: str
    task_id: TaskId | None
    status: TaskStatus | None = None
    start: datetime | None = None
    end: datetime | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, as the API shows it.

    *timezone* is empty for the zone of the installation; *zone* is the zone in which
    the schedule is due. *parts* are the numbers of the expression, *runs_per_hour* is
    the number of runs in an hour that has some. *secrets* are the names of the secret
    variables whose values are stored. *next_runs* are the coming times, *next_run* the
    first of them. *last_run* is the last due time, *last_started* the last one that
    started a task.
    """

    id: ScheduleId
    project_id: ProjectId
    template_id: TemplateId
    cron_format: str
    name: str
    active: bool
    repository_id: RepositoryId | None
    type: ScheduleType
    run_at: datetime | None
    delete_after_run: bool
    task_params: JsonObject | None
    timezone: str
    catch_up: CatchUp
    overrun: Overrun
    next_run: datetime | None
    zone: str = ""
    parts: CronParts | None = None
    runs_per_hour: int = 0
    next_runs: tuple[datetime, ...] = ()
    secrets: tuple[str, ...] = ()
    last_run: ScheduleRun | None = None
    last_started: ScheduleRun | None = None
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class ScheduleInList(Schedule, frozen=True, kw_only=True):
    """A schedule in a list, with the name of its template."""

    tpl_name: str = ""


def timetable_of(text: str, timezone: str, usual: str) -> Timetable:
    """Return the timetable of the expression *text*.

    The zone in front of the expression takes precedence over *timezone*, the zone of
    the schedule, and this over *usual*, the zone of the installation.

    :raises Invalid: if the expression or the zone is not accepted
    """
    expression = cron.parse(text)
    return Timetable(expression, zone(expression.zone or timezone or usual))


def zone(name: str) -> ZoneInfo:
    """Return the time zone *name*.

    :raises Invalid: if there is none
    """
    return cron.zone_of(name)
