"""Task transitions made by the server itself, without an acting user.

Each function is one transaction of the task service. Each may be repeated after a
crash: a transition that was already made is not repeated.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import msgspec

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.ids import KeyId, TaskId, TemplateId
from semaphore_twisted.model.keys import KeyUse
from semaphore_twisted.model.tasks import (
    NO_JOB,
    OutputLine,
    Queued,
    Task,
    TaskEnd,
    TaskEvent,
    TaskStatus,
    advance,
)
from semaphore_twisted.model.templates import Template
from semaphore_twisted.operations import events
from semaphore_twisted.operations.tasks import output, results, slices
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.operations.tasks.tasks import add, move, template_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import workspaces
from semaphore_twisted.persistence.statements.tasks import inventories, orders
from semaphore_twisted.persistence.statements.tasks import tasks as statements

#: Chooses tasks to start from the waiting tasks, given the active ones.
Choose = Callable[[Sequence[Queued], Sequence[Queued]], Sequence[TaskId]]

#: Maximum number of old tasks deleted in one transaction.
TRIM_AT_ONCE = 50


class Claimed(msgspec.Struct, frozen=True):
    """A task that was claimed from the queue, and the log lines about it."""

    task: Task
    uuid: str
    lines: list[OutputLine]


class UnfinishedTask(msgspec.Struct, frozen=True):
    """A task that was unfinished at the last stop; *offset* is that of its spool."""

    task: Task
    uuid: str
    offset: int


class Finished(msgspec.Struct, frozen=True):
    """A task that has ended, its last lines, and the tasks that it triggered."""

    task: Task
    lines: list[OutputLine]
    queued: list[Task]


class _Machinery(msgspec.Struct, frozen=True):
    uuid: str
    spool_offset: int


def claim(conn: Connection, choose: Choose) -> list[Claimed]:
    """Change the tasks that *choose* selects from ``waiting`` to ``starting``."""
    waiting = conn.all(statements.waiting, Queued)
    if not waiting:
        return []
    active = conn.all(statements.active, Queued)
    return [_claim(conn, task_id) for task_id in choose(waiting, active)]


def _claim(conn: Connection, task_id: TaskId) -> Claimed:
    task = move(conn, _existing(conn, task_id), TaskEvent.CLAIMED)
    conn.run(inventories.fix, task_id=task_id)
    template = template_of(conn, task.project_id, task.template_id)
    _record(conn, task, template, "is running")
    now = conn.now.timestamp()
    log_lines = [
        (now, f"Started: {task_id}"),
        (now, f"Run TaskRunner with template: {template.name}"),
    ]
    if output.length(conn, task_id) == 0:
        log_lines.insert(
            0, (task.created.timestamp(), f"Task {task_id} added to queue")
        )
    lines = output.append(conn, task_id, log_lines)
    return Claimed(task, identity(conn, task_id), lines)


def started(
    conn: Connection, task_id: TaskId, keys: Collection[KeyId] = ()
) -> Task | None:
    """Record that a job runs, and that it received *keys*; delete its one-time secrets.

    Return the task if its status changed; a task that is stopping or has ended keeps
    its status.
    """
    if keys:
        note_use(conn, keys, KeyUse.RUN)
    task = found(conn, task_id)
    if task is None:
        return None
    conn.update(schema.task, task_id, secret=None)
    conn.run(inventories.fix, task_id=task_id)
    if task.status is not TaskStatus.STARTING:
        return None
    status = advance(task.status, TaskEvent.STARTED)
    conn.update(schema.task, task_id, status=status, start=conn.now)
    return found(conn, task_id)


def note_use(conn: Connection, keys: Collection[KeyId], use: KeyUse) -> None:
    """Record that a job of the kind *use* received the access keys *keys*."""
    numbers = msgspec.json.encode(sorted(keys)).decode()
    conn.run(orders.keys_used, keys=numbers, now=conn.now, use=use)


def stopping(conn: Connection, task_id: TaskId) -> Task | None:
    """Request the stop of a task; a repeated request changes nothing.

    :raises semaphore_twisted.model.tasks.IllegalMove: if the task has already ended
    """
    task = found(conn, task_id)
    if task is None or task.status in {TaskStatus.STOPPING, TaskStatus.STOPPED}:
        return task
    return move(conn, task, TaskEvent.STOP_ASKED)


def requeue(conn: Connection, task_id: TaskId) -> Task | None:
    """Queue a task again whose job never started; end it if a stop was requested."""
    task = found(conn, task_id)
    if task is None or task.status.final:
        return task
    if task.status is TaskStatus.STARTING:
        conn.update(schema.task, task_id, status=TaskStatus.WAITING, spool_offset=0)
        return found(conn, task_id)
    return move(conn, task, TaskEvent.STOPPED)


def put_back(
    conn: Connection, task_id: TaskId, log_lines: Sequence[tuple[float, str]]
) -> tuple[Task | None, list[OutputLine]]:
    """Queue a task again whose job could not start, with log lines *log_lines*.

    A task whose stop was requested meanwhile is ended.
    """
    task = requeue(conn, task_id)
    if task is None or not log_lines:
        return task, []
    return task, output.append(conn, task_id, log_lines)


def finish(
    conn: Connection,
    keyring: Keyring,
    task_id: TaskId,
    happening: TaskEvent,
    *,
    log_lines: Sequence[tuple[float, str]] = (),
    end: TaskEnd = NO_JOB,
) -> Finished | None:
    """End a task, with its last lines *log_lines*; an ended task is not changed.

    A job that fails after a stop request counts as stopped. A successful build queues
    the deploy tasks that follow automatically.
    """
    task = found(conn, task_id)
    if task is None or task.status.final:
        return None
    if task.status is TaskStatus.STOPPING and happening is TaskEvent.FAILED:
        happening = TaskEvent.STOPPED
    lines = output.append(conn, task_id, log_lines) if log_lines else []
    status = advance(task.status, happening)
    begin = task.start or end.began
    ended = end.ended or conn.now
    conn.update(
        schema.task,
        task_id,
        status=status,
        start=begin,
        end=max(ended, begin) if begin else ended,
        secret=None,
    )
    # all processes have ended, so none needs the state of its workspace any more
    conn.run(workspaces.delete_aliases_of_task, task_id=task_id)
    conn.run(workspaces.delete_locks_of_task, task_id=task_id)
    results.finish(
        conn,
        task_id,
        result=status.value,
        step=end.step,
        reason=end.reason,
        line=output.length(conn, task_id),
        at=ended,
    )
    template = template_of(conn, task.project_id, task.template_id)
    _record(conn, task, template, f"finished with status {status.upper()}")
    follows = status is TaskStatus.SUCCESS and not _is_dry_run(task, template)
    queued = _follow(conn, keyring, task) if follows else []
    return Finished(_existing(conn, task_id), lines, queued)


def _is_dry_run(task: Task, template: Template) -> bool:
    """Return whether a task has built and deployed nothing."""
    params = template.task_params or {}
    own = params.get("dry_run") is True
    planned = (params.get("plan"), task.params.get("plan"))
    return (
        task.dry_run
        or True in planned
        or (own and task.params.get("dry_run") is not False)
    )


def _follow(conn: Connection, keyring: Keyring, built: Task) -> list[Task]:
    """Queue automatic deployments of *built*; record an event for refused ones."""
    queued = []
    for number in conn.column(statements.autorun, template_id=built.template_id):
        template = template_of(conn, built.project_id, TemplateId(number))
        body = NewTask(template_id=template.id, build_task_id=built.id)
        try:
            task = add(conn, keyring, template, body, user_id=None)
        except DomainError as error:
            _record(conn, built, template, f"could not be deployed: {error.message}")
        else:
            _record(conn, task, template, "queued for running")
            queued.append(task)
    return queued


def unfinished(conn: Connection) -> list[UnfinishedTask]:
    """Return the unfinished tasks, except those that are waiting."""
    return [
        UnfinishedTask(task, identity(conn, task.id), offset(conn, task.id))
        for number in conn.column(statements.unfinished_ids)
        if (task := _existing(conn, number)).status is not TaskStatus.WAITING
    ]


def trim(conn: Connection, template_id: TemplateId, keep: int) -> int:
    """Delete ended tasks of a template beyond its newest ones, some at a time.

    The smaller of *keep* and of the template's own number is kept; 0 means all.
    """
    own = conn.scalar(statements.kept, template_id=template_id)
    most = min(filter(None, (own, keep)), default=0)
    if not most:
        return 0
    surplus = conn.column(
        statements.surplus, template_id=template_id, keep=most, count=TRIM_AT_ONCE
    )
    slices.delete_some(conn, surplus)
    return len(surplus)


class _Expiring(msgspec.Struct, frozen=True):
    id: TemplateId
    max_task_age_days: int


def expire(conn: Connection) -> int:
    """Delete tasks that are older than their template keeps them, some at a time.

    Return their number; there may be more unless it is 0.
    """
    for each in conn.all(statements.expiring, _Expiring):
        cutoff = conn.now - timedelta(days=each.max_task_age_days)
        tasks = conn.column(
            statements.expired, template_id=each.id, cutoff=cutoff, count=TRIM_AT_ONCE
        )
        if tasks:
            slices.delete_some(conn, tasks)
            return len(tasks)
    return 0


def offset(conn: Connection, task_id: TaskId) -> int:
    """Return the offset up to which a task's spool is stored."""
    row = conn.one(statements.machinery, _Machinery, id=task_id)
    return 0 if row is None else row.spool_offset


def identity(conn: Connection, task_id: TaskId) -> str:
    """Return the uuid of a task, unique among all databases; empty if it is missing."""
    row = conn.one(statements.machinery, _Machinery, id=task_id)
    return "" if row is None else row.uuid


def found(conn: Connection, task_id: TaskId) -> Task | None:
    """Return a task of any project; ``None`` if it was deleted."""
    return conn.one(statements.by_id, Task, id=task_id)


def _existing(conn: Connection, task_id: TaskId) -> Task:
    task = found(conn, task_id)
    if task is None:
        raise LookupError(f"there is no task {task_id}")
    return task


def _record(conn: Connection, task: Task, template: Template, what: str) -> None:
    events.TASK.record(
        conn,
        None,
        task.id,
        template.name,
        what,
        object_name=template.playbook,
        project_id=task.project_id,
        user_id=task.user_id,
    )
