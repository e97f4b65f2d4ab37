"""The plans of Terraform tasks: stored, shown, and decided about."""

from datetime import datetime

import msgspec
from msgspec.structs import asdict, replace

from semaphore_twisted.model.errors import Conflict, NotFound
from semaphore_twisted.model.ids import TaskId, UserId
from semaphore_twisted.model.plans import PlanDecision, PlanSummary, TaskPlan
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.operations.tasks.tasks import task_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.result_tables import task_plan
from semaphore_twisted.persistence.statements.tasks import approvals as of_approvals
from semaphore_twisted.persistence.statements.tasks import plans as statements


class _StoredPlan(msgspec.Struct, frozen=True):
    summary: str
    approved: bool | None
    user_id: UserId | None
    user_name: str
    decided: datetime | None
    comment: str


class _Waits(msgspec.Struct, frozen=True):
    until: datetime


def store(conn: Connection, task_id: TaskId, summary: PlanSummary) -> None:
    """Store the plan of a task; a plan that was stored before stays.

    So a repetition after a crash changes nothing, and a decision is never about a plan
    that was exchanged. The plan gets the serial of the newest version of the state that
    this server keeps, if the task uses it: the output of Terraform has none.
    """
    if conn.one(statements.of_task, _StoredPlan, task_id=task_id) is None:
        serial = None if summary.own_backend else _serial(conn, task_id)
        summary = replace(summary, serial=serial)
        text = msgspec.json.encode(summary).decode()
        conn.insert(task_plan, task_id=task_id, summary=text)


def decide(
    conn: Connection,
    actor: Actor | None,
    task_id: TaskId,
    *,
    approved: bool,
    comment: str = "",
) -> None:
    """Store the decision about the plan of a task; the first one counts.

    The caller has checked the right, and changes the status of the task in the same
    transaction. The actor ``None`` is the server itself. Without a stored plan nothing
    is stored.

    :raises Conflict: if there is a decision
    """
    user = None if actor is None else actor.user
    decided = conn.run(
        statements.decide,
        of_task=task_id,
        approves=approved,
        by=None if user is None else user.id,
        named="" if user is None else user.name or user.username,
        at=conn.now,
        said=comment,
    )
    if decided:
        return
    stored = conn.one(statements.of_task, _StoredPlan, task_id=task_id)
    if stored is not None:
        word = "approved" if stored.approved else "rejected"
        by = f" by {stored.user_name}" if stored.user_name else ""
        raise Conflict(f"The plan was {word}{by} already")


def confirm(conn: Connection, actor: Actor, task_id: TaskId, comment: str = "") -> Task:
    """Approve the plan of a task, which is then applied.

    :raises Conflict: if the state has changed since the plan was made
    :raises semaphore_twisted.model.tasks.IllegalTransition: if it does not wait for an
        approval
    """
    task_of(conn, project_of(actor), task_id)
    stored = conn.one(statements.of_task, _StoredPlan, task_id=task_id)
    if stored is not None and stored.approved is None:
        plan = msgspec.json.decode(stored.summary, type=PlanSummary)
        moved = _moved_to(conn, task_id, plan)
        if moved is not None:
            raise Conflict(
                f"The plan was made from the state with serial {plan.serial}, and the"
                f" state has serial {moved} now, so the plan cannot be applied; reject"
                " it and run the task again"
            )
    task = tasks.confirm(conn, actor, task_id)
    _decided(conn, actor, task, approved=True, comment=comment)
    return task


def reject(conn: Connection, actor: Actor, task_id: TaskId, comment: str = "") -> Task:
    """Reject the plan of a task: nothing is changed, and the task ends.

    :raises semaphore_twisted.model.tasks.IllegalTransition: if it does not wait for an
        approval
    """
    task = tasks.reject(conn, actor, task_id)
    _decided(conn, actor, task, approved=False, comment=comment)
    return task


def _decided(
    conn: Connection, actor: Actor, task: Task, *, approved: bool, comment: str
) -> None:
    decide(conn, actor, task.id, approved=approved, comment=comment)
    template = tasks.template_of(conn, task.project_id, task.template_id)
    what = "plan approved" if approved else "plan rejected"
    events.TASK.record(
        conn,
        actor,
        task.id,
        template.name,
        f"{what}: {quoted(comment)}" if comment else what,
        object_name=template.playbook,
    )


def of_task(conn: Connection, actor: Actor, task_id: TaskId) -> TaskPlan:
    """Return the plan of a task, with the decision about it.

    :raises Invalid: if the project has no such task
    :raises NotFound: if the task has no plan
    """
    task = task_of(conn, project_of(actor), task_id)
    stored = conn.one(statements.of_task, _StoredPlan, task_id=task_id)
    if stored is None:
        raise NotFound(f"Task {task_id} has no plan")
    summary = msgspec.json.decode(stored.summary, type=PlanSummary)
    decision = moved = until = None
    if stored.approved is None:
        moved = _moved_to(conn, task_id, summary)
    if stored.approved is None and task.status is TaskStatus.WAITING_CONFIRMATION:
        waits = conn.one(of_approvals.until, _Waits, task_id=task_id)
        until = None if waits is None else waits.until
    if stored.approved is not None and stored.decided is not None:
        decision = PlanDecision(
            approved=stored.approved,
            user_id=stored.user_id,
            user_name=stored.user_name,
            at=stored.decided,
            comment=stored.comment,
        )
    return TaskPlan(
        **asdict(summary),
        decision=decision,
        moved_to=moved,
        until=until,
    )


def _serial(conn: Connection, task_id: TaskId) -> int | None:
    """Return the serial of the state that a task works on, if this server keeps it."""
    found: int | None = conn.scalar(statements.serial, task_id=task_id)
    return found


def _moved_to(conn: Connection, task_id: TaskId, plan: PlanSummary) -> int | None:
    """Return the present serial if it is not that of *plan*, else ``None``."""
    present = None if plan.serial is None else _serial(conn, task_id)
    return None if present == plan.serial else present
