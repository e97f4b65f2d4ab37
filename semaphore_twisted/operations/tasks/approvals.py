"""Approvals of plans: records of the job, and orders for it.

The job asks for an approval with a token that only it knows. The decision of a user
changes the status of the task, and the token makes the order of it that the job
accepts. Both are stored, so a decision reaches the job after a restart of the server.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.plans import PlanSummary
from semaphore_twisted.model.results import (
    ApprovalAsked,
    ApprovalPassed,
    JobEvent,
    PlanRead,
)
from semaphore_twisted.model.tasks import Task, TaskEvent, TaskStatus, advance
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.result_tables import task_approval
from semaphore_twisted.persistence.statements.tasks import approvals as statements
from semaphore_twisted.persistence.statements.tasks import tasks as of_tasks

_VERBS = {TaskStatus.CONFIRMED: "confirm", TaskStatus.REJECTED: "reject"}


def record(conn: Connection, task_id: TaskId, events: Sequence[JobEvent]) -> None:
    """Store those of *events* that are about the plan and its approval."""
    for event in events:
        match event.what:
            case PlanRead(summary=summary):
                _store(conn, task_id, summary)
            case ApprovalAsked(token=token, until=until):
                _ask(conn, task_id, token, datetime.fromtimestamp(until, UTC))
            case ApprovalPassed():
                _move(conn, task_id, {TaskStatus.CONFIRMED: TaskEvent.RESUMED})
            case _:
                pass


def order_of(conn: Connection, task_id: TaskId) -> str:
    """Return the order for the job of a task that was decided about, else nothing."""
    task = conn.one(of_tasks.by_id, Task, id=task_id)
    verb = None if task is None else _VERBS.get(task.status)
    token = conn.scalar(statements.token, task_id=task_id)
    return f"{verb} {token}" if verb and token else ""


def summarized(document: bytes) -> PlanSummary:
    """Return what the plan in *document* changes; it may take a second.

    The document comes from the job: a failure must not keep its log from being stored.
    """
    # only tasks that plan need this module
    from semaphore_twisted.model.plan_summary import summarize  # noqa: PLC0415

    try:
        return summarize(document)
    except Exception:  # noqa: BLE001 - see above
        return PlanSummary(complete=False, problem="The plan could not be read.")


def _store(conn: Connection, task_id: TaskId, summary: PlanSummary) -> None:
    from semaphore_twisted.operations.tasks import plans  # noqa: PLC0415 - a cycle

    plans.store(conn, task_id, summary)


def _ask(conn: Connection, task_id: TaskId, token: str, until: datetime) -> None:
    """Let the task wait, unless it is being stopped.

    A plan that the job could not list is stored without a list, to be decided about.
    """
    unlisted = "The plan could not be listed; the log has it."
    _store(conn, task_id, PlanSummary(complete=False, problem=unlisted))
    if conn.scalar(statements.token, task_id=task_id) is None:
        conn.insert(task_approval, task_id=task_id, token=token, until=until)
    # a job may be here before the server has noted that it runs
    _move(conn, task_id, {TaskStatus.STARTING: TaskEvent.STARTED}, start=conn.now)
    _move(conn, task_id, {TaskStatus.RUNNING: TaskEvent.PLANNED})


def _move(
    conn: Connection,
    task_id: TaskId,
    moves: dict[TaskStatus, TaskEvent],
    **changes: object,
) -> None:
    """Change the status of a task if it is one of those in *moves*."""
    task = conn.one(of_tasks.by_id, Task, id=task_id)
    if task is None or task.status not in moves:
        return
    status = advance(task.status, moves[task.status])
    conn.update(schema.task, task_id, status=status, **changes)
