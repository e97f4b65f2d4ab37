"""What the machinery does with tasks: claim, start, end, tidy up; nobody acts here.

Each function is one transaction of the service that runs tasks. All of them may be
repeated after a crash: what has happened already is left as it is.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import (
    Happening,
    OutputLine,
    Queued,
    Status,
    Task,
    advance,
)
from semaphore_twisted.model.templates import Template
from semaphore_twisted.operations import output, slices
from semaphore_twisted.operations.overrides import NewTask
from semaphore_twisted.operations.tasks import add, move, template_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import tasks as statements

#: Chooses from the waiting tasks, beside the active ones.
Choose = Callable[[Sequence[Queued], Sequence[Queued]], Sequence[TaskId]]

#: Old tasks that one transaction deletes.
TRIM_AT_ONCE = 50


class Claimed(msgspec.Struct, frozen=True):
    """A task that was taken from the queue, and the lines that say so."""

    task: Task
    uuid: str
    lines: list[OutputLine]


class Left(msgspec.Struct, frozen=True):
    """A task that had not ended when the server did; *offset* is of its spool."""

    task: Task
    uuid: str
    offset: int


class Finished(msgspec.Struct, frozen=True):
    """A task that has ended, its last lines, and the tasks that follow from it."""

    task: Task
    lines: list[OutputLine]
    queued: list[Task]


class _Machinery(msgspec.Struct, frozen=True):
    uuid: str
    spool_offset: int


def claim(conn: Connection, choose: Choose) -> list[Claimed]:
    """Move the tasks that *choose* picks from ``waiting`` to ``starting``."""
    waiting = conn.all(statements.waiting, Queued)
    if not waiting:
        return []
    active = conn.all(statements.active, Queued)
    return [_claim(conn, task_id) for task_id in choose(waiting, active)]


def _claim(conn: Connection, task_id: TaskId) -> Claimed:
    task = move(conn, _existing(conn, task_id), Happening.CLAIMED)
    template = template_of(conn, task.project_id, task.template_id)
    _record(conn, task, template, "is running")
    now = conn.now.timestamp()
    said = [
        (now, f"Started: {task_id}"),
        (now, f"Run TaskRunner with template: {template.name}"),
    ]
    if output.length(conn, task_id) == 0:
        said.insert(0, (task.created.timestamp(), f"Task {task_id} added to queue"))
    lines = output.append(conn, task_id, said)
    return Claimed(task, identity(conn, task_id), lines)


def started(conn: Connection, task_id: TaskId) -> Task | None:
    """Note that a job runs; its one-time secrets are removed.

    Returns the task if its status is another now; a task that is being stopped, or
    has ended, stays what it is.
    """
    task = _find(conn, task_id)
    if task is None:
        return None
    if task.status is not Status.STARTING:
        conn.update(schema.task, task_id, secret=None)
        return None
    status = advance(task.status, Happening.STARTED)
    conn.update(schema.task, task_id, status=status, start=conn.now, secret=None)
    return _find(conn, task_id)


def stopping(conn: Connection, task_id: TaskId) -> Task | None:
    """Ask for a task's end, or find that it was asked for.

    :raises semaphore_twisted.model.tasks.IllegalMove: if it has ended by itself
    """
    task = _find(conn, task_id)
    if task is None or task.status in {Status.STOPPING, Status.STOPPED}:
        return task
    return move(conn, task, Happening.STOP_ASKED)


def requeue(conn: Connection, task_id: TaskId) -> Task | None:
    """Put a task whose job never began back into the queue; end it if asked to."""
    task = _find(conn, task_id)
    if task is None or task.status.final:
        return task
    if task.status is Status.STARTING:
        conn.update(schema.task, task_id, status=Status.WAITING, spool_offset=0)
        return _find(conn, task_id)
    return move(conn, task, Happening.STOPPED)


def put_back(
    conn: Connection, task_id: TaskId, said: Sequence[tuple[float, str]]
) -> tuple[Task | None, list[OutputLine]]:
    """Put a task whose job could not start into the queue, with a line that says why.

    One whose end was asked for meanwhile is ended.
    """
    task = requeue(conn, task_id)
    if task is None or not said:
        return task, []
    return task, output.append(conn, task_id, said)


def finish(
    conn: Connection,
    keyring: Keyring,
    task_id: TaskId,
    happening: Happening,
    *,
    said: Sequence[tuple[float, str]] = (),
    began: datetime | None = None,
    ended: datetime | None = None,
) -> Finished | None:
    """End a task, with its last lines *said*; a task that has ended stays as it is.

    A job that fails after its end was asked for counts as stopped. A build that
    succeeds puts the deploy tasks into the queue that are to follow by themselves.
    """
    task = _find(conn, task_id)
    if task is None or task.status.final:
        return None
    if task.status is Status.STOPPING and happening is Happening.FAILED:
        happening = Happening.STOPPED
    lines = output.append(conn, task_id, said) if said else []
    status = advance(task.status, happening)
    begin = task.start or began
    conn.update(
        schema.task,
        task_id,
        status=status,
        start=begin,
        end=max(ended or conn.now, begin) if begin else ended or conn.now,
        secret=None,
    )
    template = template_of(conn, task.project_id, task.template_id)
    _record(conn, task, template, f"finished with status {status.upper()}")
    queued = _follow(conn, keyring, task) if status is Status.SUCCESS else []
    return Finished(_existing(conn, task_id), lines, queued)


def _follow(conn: Connection, keyring: Keyring, built: Task) -> list[Task]:
    """Queue what deploys *built* by itself; what cannot start is an event."""
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


def left(conn: Connection) -> list[Left]:
    """Return the tasks that had not ended, those that only wait excepted."""
    return [
        Left(task, identity(conn, task.id), offset(conn, task.id))
        for number in conn.column(statements.unfinished_ids)
        if (task := _existing(conn, number)).status is not Status.WAITING
    ]


def trim(conn: Connection, template_id: TemplateId, keep: int) -> int:
    """Delete ended tasks of a template beyond its newest *keep*, some at a time."""
    surplus = conn.column(
        statements.surplus, template_id=template_id, keep=keep, count=TRIM_AT_ONCE
    )
    slices.delete_some(conn, surplus)
    return len(surplus)


def offset(conn: Connection, task_id: TaskId) -> int:
    """Return how far a task's spool is in the store."""
    found = conn.one(statements.machinery, _Machinery, id=task_id)
    return 0 if found is None else found.spool_offset


def identity(conn: Connection, task_id: TaskId) -> str:
    """Return what no other task has, not of another database either; or nothing."""
    found = conn.one(statements.machinery, _Machinery, id=task_id)
    return "" if found is None else found.uuid


def _find(conn: Connection, task_id: TaskId) -> Task | None:
    return conn.one(statements.by_id, Task, id=task_id)


def _existing(conn: Connection, task_id: TaskId) -> Task:
    task = _find(conn, task_id)
    if task is None:
        raise LookupError(f"there is no task {task_id}")
    return task


def _record(conn: Connection, task: Task, template: Template, what: str) -> None:
    conn.insert(
        schema.event,
        project_id=task.project_id,
        user_id=task.user_id,
        object_type="task",
        object_id=task.id,
        object_name=template.playbook,
        description=f"Task ID {task.id} ({template.name}) {what}",
        created=conn.now,
    )
