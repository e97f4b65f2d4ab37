"""Statistics of a project's tasks, as the API shows them."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import TaskStatus


class TaskStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of some tasks.

    *avg_duration* is in whole seconds, 0 if none has ended. *success_rate* is the share
    of successful tasks, 0 to 1, among those that succeeded or failed; ``None`` if there
    is none.
    """

    count_by_status: Mapping[TaskStatus, int]
    avg_duration: int
    success_rate: float | None


class DayStatistics(TaskStatistics, frozen=True, kw_only=True):
    """Figures of the tasks that were created on one day."""

    date: date


class TaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a template, for a small diagram.

    *duration* is in seconds, ``None`` if the task has not started and ended. *rejected*
    tells that a user has rejected the plan of the task, which then ends as an error.
    """

    id: TaskId
    status: TaskStatus
    created: datetime
    start: datetime | None
    duration: float | None
    rejected: bool = False


class TemplateStatistics(TaskStatistics, frozen=True, kw_only=True):
    """Figures of a template's tasks in a period, and its newest tasks.

    *runs* are the newest ones of any time, newest first. *usual_duration* is the median
    of the durations of the successful ones among them, in seconds; ``None`` without
    any.
    """

    template_id: TemplateId
    usual_duration: float | None
    runs: tuple[TaskRun, ...]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What a dashboard shows of a project.

    *time* is the server's. *active* counts the tasks that have not ended, *ended* those
    that ended in the last 24 hours. *days* are consecutive and end today, *templates*
    are those with a task in these days, most recently used first.
    """

    time: datetime
    active: Mapping[TaskStatus, int]
    ended: Mapping[TaskStatus, int]
    days: tuple[DayStatistics, ...]
    templates: tuple[TemplateStatistics, ...]
