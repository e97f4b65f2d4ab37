"""The tasks of all projects that have not ended, for administrators."""

from msgspec.structs import replace

from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.limits import LIST_PART
from semaphore_twisted.model.tasks import ActiveTask, Task
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import tasks as statements


def active(
    conn: Connection,
    actor: Actor,  # noqa: ARG001 - the route is for administrators
    task_id: TaskId | None = None,
) -> list[ActiveTask]:
    """Return the oldest ``LIST_PART`` tasks that have not ended, or *task_id* only."""
    return conn.all(
        statements.active_everywhere, ActiveTask, id=task_id, count=LIST_PART
    )


def ask_stop(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Change a task of any project to ``stopping``; see :func:`.tasks.ask_stop`.

    :raises NotFound: if there is no such task
    :raises semaphore_twisted.model.errors.Invalid: if it has ended
    """
    task = conn.one(statements.by_id, Task, id=task_id)
    if task is None:
        raise NotFound
    return tasks.ask_stop(conn, replace(actor, project_id=task.project_id), task_id)
