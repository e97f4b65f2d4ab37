"""Which builds can be deployed, and which must be kept until they are.

A deploy task takes its version from its build task when it starts, so a build that an
unfinished task deploys is not deleted before.
"""

from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.templates import Template
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import builds as statements
from semaphore_twisted.persistence.statements.tasks import tasks as of_tasks


def build_of(
    conn: Connection, template: Template, task_id: TaskId | None
) -> TaskId | None:
    """Return the build task that a task of *template* deploys; ``None`` without one.

    :raises Invalid: if the template deploys nothing, or the task is another template's
        or has not succeeded
    """
    if not task_id:
        return None
    if template.type != "deploy":
        raise Invalid("build_task_id: the template deploys no build; leave it out")
    built = conn.one(
        of_tasks.of_project, Task, id=task_id, project_id=template.project_id
    )
    if built is None or built.template_id != template.build_template_id:
        raise Invalid(
            f"Task {task_id} is no build for this template", field="build_task_id"
        )
    if built.status is not TaskStatus.SUCCESS:
        raise Invalid(
            f"Task {task_id} cannot be deployed: its status is {built.status}; expected"
            " a task that succeeded",
            field="build_task_id",
        )
    return task_id


def check_task(conn: Connection, task_id: TaskId) -> None:
    """Refuse to delete a task that an unfinished one deploys.

    :raises Conflict: naming it
    """
    _refuse(conn.scalar(statements.awaited_task, task_id=task_id))


def check_template(conn: Connection, template_id: TemplateId) -> None:
    """Refuse to delete the tasks of a template while an unfinished task deploys one.

    :raises Conflict: naming one
    """
    _refuse(conn.scalar(statements.awaited_of_template, of_template=template_id))


def _refuse(task_id: int | None) -> None:
    if task_id is not None:
        raise Conflict(
            f"A task that has not ended deploys task {task_id}: stop it, or wait for"
            " its end"
        )
