"""Statistics of a project's tasks: by day, by template, and of a template's runs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import msgspec
from attrs import define, field

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import TemplateId
from semaphore_twisted.model.limits import OVERVIEW_TEMPLATES
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.statistics import (
    DayStatistics,
    Overview,
    TaskRun,
    TaskStatistics,
    TemplateStatistics,
)
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import statistics as statements

#: Maximum number of days of one answer.
MOST_DAYS = 366

_DAY = timedelta(days=1)

#: The dates of which all sums with a period are dates.
_FIRST, _LAST = date(1971, 1, 1), date(9999, 1, 1)


class _Figures(msgspec.Struct, frozen=True):
    status: TaskStatus
    count: int
    timed: int
    seconds: float


class _OfDay(_Figures, frozen=True):
    day: date


class _OfTemplate(_Figures, frozen=True):
    template_id: TemplateId


class _StatusCount(msgspec.Struct, frozen=True):
    status: TaskStatus
    count: int


class _Runs(msgspec.Struct, frozen=True):
    id: TemplateId
    runs: str


@define
class _Sum:
    """The sum of the figures of several statuses."""

    _counts: dict[TaskStatus, int] = field(factory=dict)
    _timed: int = 0
    _seconds: float = 0.0

    def add(self, figures: _Figures) -> None:
        """Add the tasks of one status."""
        self._counts[figures.status] = figures.count
        self._timed += figures.timed
        self._seconds += figures.seconds

    def statistics(self) -> TaskStatistics:
        """Return the figures as the API shows them."""
        good = self._counts.get(TaskStatus.SUCCESS, 0)
        judged = good + self._counts.get(TaskStatus.ERROR, 0)
        return TaskStatistics(
            count_by_status=self._counts,
            avg_duration=round(self._seconds / self._timed) if self._timed else 0,
            success_rate=round(good / judged, 4) if judged else None,
        )


def by_day(
    conn: Connection,
    actor: Actor,
    *,
    template_id: TemplateId | None = None,
    user_id: int | None = None,
    start: date | None = None,
    end: date | None = None,
    minutes: int = 0,
) -> list[DayStatistics]:
    """Return the days from *start* to *end*, both included, that have tasks.

    Days begin *minutes* before they do in UTC. Without *end* they end today, without
    *start* they are a year.

    :raises Invalid: if *start* is after *end* or more than a year before it, or *end*
        is centuries away
    :raises NotFound: if the project has no template *template_id*
    """
    project_id = project_of(actor)
    last = end or (conn.now + timedelta(minutes=minutes)).date()
    if not _FIRST <= last <= _LAST:
        expected = f"a date from {_FIRST} to {_LAST}"
        raise Invalid(invalid("end", last.isoformat(), expected))
    first = start or last - (MOST_DAYS - 1) * _DAY
    if not first <= last < first + MOST_DAYS * _DAY:
        expected = f"a date at most {MOST_DAYS - 1} days before the end, {last}"
        raise Invalid(invalid("start", first.isoformat(), expected))
    if template_id is not None:
        template_of(conn, project_id, template_id)
    statement = {
        (False, False): statements.by_day,
        (True, False): statements.by_day_of_template,
        (False, True): statements.by_day_of_user,
        (True, True): statements.by_day_of_both,
    }[template_id is not None, user_id is not None]
    counts = conn.all(
        statement,
        _OfDay,
        project_id=project_id,
        template_id=template_id,
        user_id=user_id,
        **_period(first, last, minutes),
    )
    days: dict[date, _Sum] = {}
    for each in counts:
        days.setdefault(each.day, _Sum()).add(each)
    return [_of_day(day, figures) for day, figures in days.items()]


def overview(
    conn: Connection, actor: Actor, *, days: int, runs: int, minutes: int
) -> Overview:
    """Return the overview of the last *days* with *runs* tasks of each template.

    The days begin *minutes* before they do in UTC. Of the templates the
    ``OVERVIEW_TEMPLATES`` most recently used ones are included.
    """
    project_id = project_of(actor)
    today = (conn.now + timedelta(minutes=minutes)).date()
    first = today - (days - 1) * _DAY
    known = {
        each.date: each
        for each in by_day(conn, actor, start=first, end=today, minutes=minutes)
    }
    each_day = (first + number * _DAY for number in range(days))
    return Overview(
        time=conn.now,
        active=_counts(
            conn.all(statements.active, _StatusCount, project_id=project_id)
        ),
        ended=_counts(
            conn.all(
                statements.ended,
                _StatusCount,
                project_id=project_id,
                since=conn.now - _DAY,
            )
        ),
        days=tuple(known.get(day) or _of_day(day, _Sum()) for day in each_day),
        templates=_of_templates(conn, actor, _period(first, today, minutes), runs),
    )


def newest_runs(
    conn: Connection, actor: Actor, ids: Iterable[int], count: int
) -> dict[TemplateId, tuple[TaskRun, ...]]:
    """Return the newest *count* tasks of the templates *ids*, newest first."""
    runs = conn.all(
        statements.runs,
        _Runs,
        project_id=project_of(actor),
        ids=list(ids),
        count=count,
    )
    return {
        each.id: msgspec.json.decode(each.runs, type=tuple[TaskRun, ...])
        for each in runs
    }


def usual_duration(runs: Sequence[TaskRun]) -> float | None:
    """Return the median duration of the successful *runs* in seconds."""
    durations = sorted(
        each.duration
        for each in runs
        if each.status is TaskStatus.SUCCESS and each.duration is not None
    )
    if not durations:
        return None
    middle = len(durations) // 2
    two = durations[middle], durations[middle if len(durations) % 2 else middle - 1]
    return round(sum(two) / 2, 3)


def _of_templates(
    conn: Connection, actor: Actor, period: Mapping[str, object], count: int
) -> tuple[TemplateStatistics, ...]:
    sums: dict[TemplateId, _Sum] = {}
    for each in conn.all(
        statements.by_template, _OfTemplate, project_id=project_of(actor), **period
    ):
        sums.setdefault(each.template_id, _Sum()).add(each)
    # one run each at least, for the order
    newest = newest_runs(conn, actor, sums, 1)
    order = sorted(newest, key=lambda each: -newest[each][0].id)[:OVERVIEW_TEMPLATES]
    found = newest_runs(conn, actor, order, count)
    return tuple(
        TemplateStatistics(
            template_id=each,
            runs=found[each],
            usual_duration=usual_duration(found[each]),
            **msgspec.structs.asdict(sums[each].statistics()),
        )
        for each in order
    )


def _of_day(day: date, figures: _Sum) -> DayStatistics:
    return DayStatistics(date=day, **msgspec.structs.asdict(figures.statistics()))


def _counts(status_counts: Iterable[_StatusCount]) -> dict[TaskStatus, int]:
    return {each.status: each.count for each in status_counts}


def _period(first: date, last: date, minutes: int) -> dict[str, object]:
    """Return the parameters that select the days *first* to *last*."""
    shift = timedelta(minutes=minutes)
    return {
        "since": datetime.combine(first, time(), UTC) - shift,
        "until": datetime.combine(last, time(), UTC) + _DAY - shift,
        "shift": f"{minutes:+d} minutes",
    }
