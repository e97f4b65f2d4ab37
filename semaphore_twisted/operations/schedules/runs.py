"""Starts the tasks of schedules: each due time at most once, by any process.

A due time is the stored ``next_run`` of its schedule. The transaction that starts the
task compares it, records the due time in a row that is unique, and stores the next one.
So neither a second process nor a crash in between starts a second task, and a clock
that is set back repeats nothing. The clock is that of the connection.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import (
    DomainError,
    Invalid,
    NotFound,
    SecretUnreadable,
)
from semaphore_twisted.model.ids import ProjectId, RepositoryId, ScheduleId
from semaphore_twisted.model.repositories import Repository
from semaphore_twisted.model.schedules import (
    CatchUp,
    Outcome,
    Overrun,
    Schedule,
    ScheduleType,
    timetable_of,
)
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.timetable import Timetable
from semaphore_twisted.operations import events
from semaphore_twisted.operations.schedules import rules, schedules
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import (
    repositories as of_repositories,
)
from semaphore_twisted.persistence.statements.projects import schedules as statements

#: A run that starts within this time is not late: a restart of the server takes less.
PUNCTUAL = timedelta(seconds=60)

#: Runs that took place by a clock that is set back by up to this time are not repeated
#: while it catches up. A clock that is set back further was wrong before.
SET_BACK = timedelta(days=1)

#: Outcomes that say that no task was started although one should have been.
_TROUBLE = frozenset({Outcome.SKIPPED, Outcome.MISSED, Outcome.FAILED})

#: Schedules whose next due time is computed in one transaction.
_PART = 200


class Due(msgspec.Struct, frozen=True):
    """A schedule that is due, and the source of its branch, if it has one."""

    id: ScheduleId
    due: datetime
    repository_id: RepositoryId | None


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """The branch whose newest commit a schedule waits for.

    *branch* is that of the template, if it runs from this repository and has one of its
    own; empty for the branch of the repository. *source* is a digest of the URL and the
    branch: another one means that commits come from elsewhere.
    """

    project_id: ProjectId
    repository_id: RepositoryId
    branch: str
    source: str


class Dealt(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a due time: *outcome*, its reason, and the *task* that was queued.

    *news* says whether the outcome is another one than that of the due time before.
    """

    outcome: Outcome
    reason: str = ""
    task: Task | None = None
    news: bool = True

    @property
    def is_trouble(self) -> bool:
        """Whether no task was started although one should have been."""
        return self.outcome in _TROUBLE


def earliest(conn: Connection) -> datetime | None:
    """Return the earliest due time of all schedules; ``None`` if there is none."""
    moment = conn.scalar(statements.earliest)
    return None if moment is None else datetime.fromisoformat(moment)


def due(conn: Connection) -> list[Due]:
    """Return schedules that are due, the earliest first."""
    return conn.all(statements.due, Due, now=conn.now, most=limits.SCHEDULES_DUE)


def start(
    conn: Connection,
    keyring: Keyring,
    this: Due,
    usual_zone: str,
    busy: timedelta = timedelta(),
) -> Dealt | None:
    """Start the task of a due time, unless it was dealt with or must not be started.

    *busy* is how long the server has been dealing with due times without a pause: that
    makes no run late. What happened is recorded at the schedule; ``None`` if there was
    nothing to do.
    """
    schedule = _still_due(conn, this)
    if schedule is None:
        return None
    if _is_dealt_with(conn, this):  # the clock, or the schedule, was set back
        _advance(conn, schedule, this.due, usual_zone)
        return None
    late = conn.now - this.due - busy > PUNCTUAL
    if late and schedule.catch_up is CatchUp.NONE:
        reason = "the server did not run, or could not write, when it was due"
        dealt = Dealt(outcome=Outcome.MISSED, reason=reason)
    else:
        dealt = _started(conn, keyring, schedule)
    dealt = _record(conn, schedule, this.due, dealt)
    if dealt.task is not None and schedule.delete_after_run:
        conn.delete(schema.schedule, schedule.id)
    else:
        _advance(conn, schedule, this.due, usual_zone)
    return dealt


def fail(conn: Connection, this: Due, reason: str, usual_zone: str) -> Dealt | None:
    """Record that the task of a due time could not be started, and go on.

    For a due time that was taken already the reason is recorded only.
    """
    schedule = conn.one(statements.anywhere, Schedule, id=this.id)
    if schedule is None:
        return None
    dealt = None
    if not _is_dealt_with(conn, this):
        failed = Dealt(outcome=Outcome.FAILED, reason=reason)
        dealt = _record(conn, schedule, this.due, failed)
    if schedule.next_run == this.due:
        _advance(conn, schedule, this.due, usual_zone)
    return dealt


def take(conn: Connection, this: Due, usual_zone: str) -> Branch | None:
    """Take a due time of a schedule that waits for commits; return its branch.

    The next due time is stored at once: a check that is interrupted is made again then.

    :raises Invalid: if the schedule cannot be due
    """
    schedule = _still_due(conn, this)
    if schedule is None or schedule.repository_id is None:
        return None
    times = timetable_of(schedule.cron_format, schedule.timezone, usual_zone)
    following = times.after(max(this.due, conn.now))
    conn.update(schema.schedule, schedule.id, next_run=following)
    return _branch(conn, schedule, schedule.repository_id)


def compare(
    conn: Connection, keyring: Keyring, this: Due, branch: Branch, commit: str
) -> Dealt | None:
    """Start the task of a schedule if *commit* is not the one that was last seen.

    *commit* is that of *branch*; nothing happens if the schedule watches another branch
    by now. The commit is stored in the same transaction, so it starts one task. The
    first commit that is seen of a source starts none.
    """
    schedule = conn.one(statements.anywhere, Schedule, id=this.id)
    if (
        schedule is None
        or not schedule.active
        or schedule.repository_id is None
        or _branch(conn, schedule, schedule.repository_id) != branch
        or _is_dealt_with(conn, this)
    ):
        return None
    before = schedules.last_commit(conn, schedule, branch.source)
    if before == commit:
        _ = conn.run(statements.forget_unchanged, of=schedule.id)
        dealt = Dealt(outcome=Outcome.UNCHANGED)
    elif before is None:
        reason = f"the branch is at {commit[:10]}"
        dealt = Dealt(outcome=Outcome.NOTED, reason=reason)
    else:
        dealt = _started(conn, keyring, schedule)
    if dealt.outcome not in _TROUBLE:  # else it is new at the next check too
        schedules.store_commit(conn, schedule, branch.source, commit)
    dealt = _record(conn, schedule, this.due, dealt)
    if dealt.task is not None and schedule.delete_after_run:
        conn.delete(schema.schedule, schedule.id)
    return dealt


def replan(conn: Connection, usual_zone: str, after: ScheduleId) -> ScheduleId | None:
    """Compute the coming due times anew, of some schedules above the id *after*.

    Rules of time zones, and the zone of the installation, may have changed since the
    last start of the server, and its clock may have been set back. Due times that have
    passed are kept, and ``@every`` counts on. Return the last id, ``None`` if there are
    no more.
    """
    rows = conn.all(statements.planned, Schedule, now=conn.now, after=after, most=_PART)
    for each in rows:
        if each.type is ScheduleType.RUN_AT:
            continue
        try:
            times = timetable_of(each.cron_format, each.timezone, usual_zone)
        except DomainError:
            continue  # said when it is due
        moment = _replanned(conn, each, times)
        if moment != each.next_run:
            conn.update(schema.schedule, each.id, next_run=moment)
    return rows[-1].id if len(rows) == _PART else None


def _replanned(
    conn: Connection, schedule: Schedule, times: Timetable
) -> datetime | None:
    """Return the coming due time of *schedule* by the present clock and rules."""
    now = conn.now
    interval = times.expression.interval
    if interval is not None:
        planned = schedule.next_run
        late = planned is not None and planned > now + interval + SET_BACK
        return now + interval if late else planned
    # what is ahead was missed by a clock that was wrong
    _ = conn.run(statements.forget_missed, of=schedule.id, after=now)
    last: str | None = conn.scalar(statements.last_due, schedule_id=schedule.id)
    dealt = now if last is None else datetime.fromisoformat(last)
    return times.after(dealt if now < dealt <= now + SET_BACK else now)


def _branch(
    conn: Connection, schedule: Schedule, repository_id: RepositoryId
) -> Branch:
    """Return the branch that *schedule* watches in a repository."""
    template = template_of(conn, schedule.project_id, schedule.template_id)
    repository = conn.one(
        of_repositories.by_id,
        Repository,
        project_id=schedule.project_id,
        id=repository_id,
    )
    if repository is None:
        raise NotFound
    own = template.repository_id == repository_id
    branch = (template.git_branch or "") if own else ""
    source = f"{repository.git_url}\n{branch or repository.git_branch}"
    return Branch(
        project_id=schedule.project_id,
        repository_id=repository_id,
        branch=branch,
        source=sha256(source.encode()).hexdigest(),
    )


def _still_due(conn: Connection, this: Due) -> Schedule | None:
    """Return the schedule, if *this* is its due time and was not dealt with."""
    schedule = conn.one(statements.anywhere, Schedule, id=this.id)
    if schedule is None or schedule.next_run != this.due or this.due > conn.now:
        return None
    return schedule


def _is_dealt_with(conn: Connection, this: Due) -> bool:
    found = conn.scalar(statements.is_dealt_with, schedule_id=this.id, due=this.due)
    return found is not None


def _started(conn: Connection, keyring: Keyring, schedule: Schedule) -> Dealt:
    """Queue the task of *schedule*; return what happened."""
    statuses: Sequence[str] = conn.column(
        statements.unfinished, schedule_id=schedule.id
    )
    if TaskStatus.WAITING in statuses:
        reason = "the task of an earlier run still waits"
        return Dealt(outcome=Outcome.SKIPPED, reason=reason)
    if statuses and schedule.overrun is Overrun.SKIP:
        reason = "an earlier run has not ended"
        return Dealt(outcome=Outcome.SKIPPED, reason=reason)
    try:
        task = _queued(conn, keyring, schedule)
    except (Invalid, NotFound, SecretUnreadable) as error:  # nothing was changed
        return Dealt(outcome=Outcome.FAILED, reason=error.message)
    except msgspec.ValidationError:
        return Dealt(outcome=Outcome.FAILED, reason="its parameters are damaged")
    return Dealt(outcome=Outcome.STARTED, task=task)


def _queued(conn: Connection, keyring: Keyring, schedule: Schedule) -> Task:
    """Queue the task of *schedule*, by the rules of a new task."""
    if schedule.fault:
        raise Invalid(schedule.fault)
    template = template_of(conn, schedule.project_id, schedule.template_id)
    parameters, secrets = schedules.parameters(conn, keyring, schedule)
    asked = rules.new_task(template.id, parameters, secrets)
    task = tasks.add(
        conn, keyring, template, asked, user_id=None, schedule_id=schedule.id
    )
    events.TASK.record(
        conn,
        None,
        task.id,
        template.name,
        "queued for running (by a schedule)",
        object_name=template.playbook,
        project_id=schedule.project_id,
    )
    return task


def _record(
    conn: Connection, schedule: Schedule, moment: datetime, dealt: Dealt
) -> Dealt:
    """Record a due time, and trouble as an event when it begins; return *dealt*."""
    before = conn.scalar(statements.last_outcome, schedule_id=schedule.id)
    _ = conn.insert(
        schema.schedule_run,
        schedule_id=schedule.id,
        due=moment,
        time=conn.now,
        outcome=dealt.outcome,
        reason=dealt.reason[: limits.MESSAGE],
        task_id=None if dealt.task is None else dealt.task.id,
    )
    _ = conn.run(statements.forget_runs, of=schedule.id, kept=limits.SCHEDULE_RUNS)
    dealt = replace(dealt, news=before != dealt.outcome)
    if dealt.is_trouble and dealt.news:
        what = f"started no task ({dealt.outcome}): {dealt.reason}"
        events.SCHEDULE.record(
            conn,
            None,
            schedule.id,
            schedule.name or str(schedule.id),
            what[: limits.MESSAGE],
            project_id=schedule.project_id,
        )
    return dealt


def _advance(
    conn: Connection, schedule: Schedule, moment: datetime, usual_zone: str
) -> None:
    """Store the next due time after *moment*; switch a schedule off that has none."""
    following = None
    if schedule.type is ScheduleType.CRON:
        try:
            times = timetable_of(schedule.cron_format, schedule.timezone, usual_zone)
            following = times.after(max(moment, conn.now))
        except DomainError:  # of an older release, or a zone that is gone
            following = None
    values: dict[str, object] = {"next_run": following}
    if following is None:
        values["active"] = False
    conn.update(schema.schedule, schedule.id, **values)
