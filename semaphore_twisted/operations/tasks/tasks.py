"""Operations on tasks: start, list, stop and delete."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.model import limits
from semaphore_twisted.model.apps import has_plans
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import Invalid, NotFound, at_field
from semaphore_twisted.model.ids import (
    ProjectId,
    ScheduleId,
    TaskId,
    TemplateId,
    UserId,
)
from semaphore_twisted.model.inventories import WORKSPACES, Inventory
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.tasks import (
    OutputLine,
    Task,
    TaskEvent,
    TaskInList,
    TaskStatus,
    advance,
)
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import apps, events
from semaphore_twisted.operations.projects import template_parts
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.projects.survey import answers
from semaphore_twisted.operations.tasks import deployable, output, slices
from semaphore_twisted.operations.tasks.overrides import (
    NewTask,
    TemplateSource,
    allowed,
    inventory_of,
)
from semaphore_twisted.operations.tasks.versions import next_version
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import templates as of_templates
from semaphore_twisted.persistence.statements.tasks import orders
from semaphore_twisted.persistence.statements.tasks import tasks as statements

#: Maximum number of tasks in a list, as in Semaphore.
LONGEST_LIST = 1_000

#: Maximum number of tasks whose stop is requested in one transaction.
_STOPPED_AT_ONCE = 50

#: Above all task ids.
NEWEST = 2**63 - 1


def template_of(
    conn: Connection, project_id: ProjectId, template_id: TemplateId
) -> Template:
    """Return a template with its vaults and variable groups.

    :raises NotFound: if the project has no template with this id
    """
    template = conn.one(
        of_templates.by_id, Template, id=template_id, project_id=project_id
    )
    if template is None:
        raise NotFound(f"The project has no template {template_id}")
    return template_parts.completed(conn, template)


def task_of(conn: Connection, project_id: ProjectId, task_id: TaskId) -> Task:
    """Return a task.

    :raises Invalid: if the project has no task with this id; Semaphore answers 400 here
    """
    task = conn.one(statements.of_project, Task, id=task_id, project_id=project_id)
    if task is None:
        raise Invalid(f"The project has no task {task_id}")
    return task


def create(conn: Connection, actor: Actor, keyring: Keyring, body: NewTask) -> Task:
    """Queue a task; its one-time secrets are stored encrypted until it starts.

    :raises NotFound: if the template does not belong to the project
    :raises Invalid: if the task overrides settings that its template does not permit
    """
    template = template_of(conn, project_of(actor), body.template_id)
    made = add(conn, keyring, template, body, user_id=actor.user.id)
    events.TASK.record(
        conn,
        actor,
        made.id,
        template.name,
        "queued for running",
        object_name=template.playbook,
    )
    # S106: not a secret, but the text that Semaphore's answer contains
    return replace(made, secret="{}")  # noqa: S106


def add(
    conn: Connection,
    keyring: Keyring,
    template: Template,
    body: NewTask,
    *,
    user_id: UserId | None,
    schedule_id: ScheduleId | None = None,
) -> Task:
    """Insert a checked, waiting task of *template*; the caller has checked the access.

    *schedule_id* is the schedule that starts it, if one does.

    :raises Invalid: if the task overrides settings that its template does not permit
    """
    made = draft(conn, template, body, user_id=user_id)
    uuid = conn.uuid()
    sealed = None
    if made.secrets:
        context = secret_context(
            uuid, conn.scalar(statements.project_uuid, id=template.project_id)
        )
        sealed = keyring.seal(msgspec.json.encode(made.secrets), context)
    number = conn.insert(
        schema.task,
        uuid=uuid,
        secret=sealed,
        schedule_id=schedule_id,
        **made.columns,
    )
    conn.run(statements.count_one_more, id=template.id)
    return task_of(conn, template.project_id, TaskId(number))


class TaskDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A checked task that is not stored: columns of its row, and one-time secrets."""

    columns: JsonObject
    secrets: dict[str, str]

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    @property
    def task(self) -> Task:
        """The task, with the number 0."""
        columns = dict(self.columns)
        limit = columns.pop("hosts_limit")
        columns.pop("used_inventory_id")
        return Task(id=TaskId(0), limit=limit, **columns)


def draft(
    conn: Connection, template: Template, body: NewTask, *, user_id: UserId | None
) -> TaskDraft:
    """Return a checked, waiting task of *template*; nothing is stored.

    :raises Invalid: if the task overrides settings that its template does not permit,
        or if the app is switched off
    """
    if template.fault:
        raise Invalid(f"template_id: template {template.id}: {template.fault}")
    app = apps.table(conn).usable(template.app)
    overrides = allowed(template, body, _source(conn, template), app)
    with at_field("environment"):
        given = answers(
            template.survey_vars or (),
            environment=body.environment,
            secret=body.secret,
            app=app,
        )
    if overrides.inventory_id is not None:
        _check_inventory(conn, template, overrides.inventory_id)
    columns: JsonObject = {
        "project_id": template.project_id,
        "template_id": template.id,
        "status": TaskStatus.WAITING,
        "playbook": body.playbook,
        "environment": _environment(body.environment, given.variables),
        "message": body.message,
        "user_id": user_id,
        "created": conn.now,
        "version": _version(conn, template),
        "build_task_id": deployable.build_of(conn, template, body.build_task_id),
        "used_inventory_id": inventory_of(template, overrides.inventory_id) or 0,
        **msgspec.structs.asdict(overrides),
    }
    return TaskDraft(columns=columns, secrets=given.secrets)


def secret_context(row_uuid: str, project_uuid: str) -> SealContext:
    """Return the encryption context of a task's one-time secrets."""
    return SealContext("task", "task", "secret", row_uuid, project_uuid)


def _source(conn: Connection, template: Template) -> TemplateSource:
    branch = conn.scalar(
        statements.branch_of_repository, repository_id=template.repository_id
    )

    def ran(commit: str) -> bool:
        return bool(
            conn.scalar(
                statements.ran_commit,
                template_id=template.id,
                commit_hash=commit,
                branch=template.git_branch or branch or "",
            )
        )

    return TemplateSource(branch=branch or "", ran=ran)


def _environment(sent: str, variables: dict[str, object]) -> str:
    if not variables:
        return "{}" if sent.strip() else ""
    return msgspec.json.encode(variables).decode()


def _check_inventory(conn: Connection, template: Template, number: int) -> None:
    """Check the inventory that a task chooses.

    A workspace must be one of the template's: the state of another template's would be
    changed by code that it is not made for. Apps without plans have no workspaces.
    """
    found = conn.one(
        orders.inventory_by_id, Inventory, id=number, project_id=template.project_id
    )
    if found is None:
        raise Invalid(f"The project has no inventory {number}", field="inventory_id")
    if number == template.inventory_id:
        return
    with at_field("inventory_id"):
        if not has_plans(template.app):
            if found.type in WORKSPACES:
                raise Invalid(
                    f"inventory_id: {number} is a workspace; {template.app} has none"
                )
        elif found.type not in WORKSPACES or found.holder_id != template.id:
            raise Invalid(
                f"inventory_id: {number} is no workspace of this template; attach it"
                " first"
            )


def _version(conn: Connection, template: Template) -> str | None:
    if template.type != "build" or not template.start_version:
        return None
    last = conn.scalar(statements.last_version, template_id=template.id)
    return next_version(template.start_version, last)


def get(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Return a task of the project."""
    return task_of(conn, project_of(actor), task_id)


def newest(
    conn: Connection,
    actor: Actor,
    *,
    template_id: TemplateId | None = None,
    count: int = LONGEST_LIST,
    before: int = NEWEST,
) -> list[int]:
    """Return the ids of the newest *count* tasks below the id *before*, newest first.

    :raises NotFound: if the project has no template *template_id*
    """
    asked = {"project_id": project_of(actor), "before": before, "count": count}
    if template_id is None:
        return conn.column(statements.newest, **asked)
    template_of(conn, project_of(actor), template_id)
    return conn.column(statements.newest_of_template, template_id=template_id, **asked)


def newest_arrays(
    conn: Connection,
    actor: Actor,
    *,
    template_id: TemplateId | None = None,
    count: int = LONGEST_LIST,
    before: int = NEWEST,
) -> list[str] | None:
    """Return the tasks that :func:`newest` selects as arrays for :func:`from_array`.

    Return ``None`` if they exceed one batch, or cannot be represented as JSON; the
    caller then uses :func:`newest` and :func:`page`.

    :raises NotFound: if the project has no template *template_id*
    """
    asked = {"project_id": project_of(actor), "before": before, "count": count}
    statement = statements.newest_arrays
    if template_id is not None:
        template_of(conn, project_of(actor), template_id)
        asked["template_id"] = template_id
        statement = statements.newest_arrays_of_template
    return conn.arrays(statement, size=limits.BATCH, **asked)


def from_array(conn: Connection, array: str) -> TaskInList | None:
    """Return the task of *array*, or ``None`` if only :func:`page` can read it.

    That is a deploy task, which includes its build task in a list, and a task with a
    damaged number. The result depends on nothing but *array*.
    """
    try:
        row = conn.from_array(statements.newest_in_list, TaskInList, array)
    except msgspec.DecodeError:
        return None
    return None if row.build_task_id else row


def page(
    conn: Connection, actor: Actor, ids: Sequence[int]
) -> tuple[list[TaskInList], int]:
    """Return the tasks of the first *ids* for a list, and how many ids were read.

    A deploy task includes the build task that it deploys.
    """
    found, taken = conn.batch(
        statements.in_list,
        TaskInList,
        ids,
        size=limits.BATCH,
        project_id=project_of(actor),
    )
    wanted = list(dict.fromkeys(e.build_task_id for e in found if e.build_task_id))
    if not wanted:
        return found, taken
    rows, reached = conn.batch(statements.by_id, Task, wanted, size=limits.BATCH)
    missing = set(wanted[reached:])
    if missing:  # the texts of the builds are too long for one batch
        first = next(each for each in found if each.build_task_id in missing)
        found = found[: found.index(first)]
        taken = list(ids).index(first.id)
    builds = {each.id: each for each in rows}
    return [
        replace(each, build_task=builds.get(each.build_task_id))
        if each.build_task_id
        else each
        for each in found
    ], taken


def lines(
    conn: Connection,
    actor: Actor,
    task_id: TaskId,
    *,
    above: int,
    limit: int,
    raw: bool = False,
) -> list[OutputLine]:
    """Return up to *limit* lines of a task's log with numbers above *above*.

    With *raw*, lines keep the carriage return at the end.
    """
    task_of(conn, project_of(actor), task_id)
    return output.page(conn, task_id, above=above, limit=limit, raw=raw)


def length(conn: Connection, actor: Actor, task_id: TaskId) -> int:
    """Return the number of lines of a task's log."""
    task_of(conn, project_of(actor), task_id)
    return output.length(conn, task_id)


def ask_stop(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Change a task to ``stopping``, or to ``stopped`` if it has not started.

    Repeated calls are permitted. The task service then stops the job.

    :raises Invalid: if the task has ended in another status
    """
    task = task_of(conn, project_of(actor), task_id)
    if task.status in {TaskStatus.STOPPED, TaskStatus.STOPPING}:
        return task
    if task.status.final:
        raise Invalid(f"The task has ended already, as {task.status}")
    stopped = move(conn, task, TaskEvent.STOP_ASKED)
    template = template_of(conn, task.project_id, task.template_id)
    events.TASK.record(
        conn,
        actor,
        task_id,
        template.name,
        "stopped by a user",
        object_name=template.playbook,
    )
    return stopped


def ask_stop_all(conn: Connection, actor: Actor, template_id: TemplateId) -> list[Task]:
    """Request the stop of all unfinished tasks of a template."""
    project_id = project_of(actor)
    template_of(conn, project_id, template_id)
    task_ids = conn.column(
        statements.unfinished_of_template,
        project_id=project_id,
        template_id=template_id,
    )
    return [ask_stop(conn, actor, TaskId(each)) for each in task_ids]


def ask_stop_some(conn: Connection, actor: Actor, *, after: int) -> list[Task]:
    """Request the stop of some unfinished tasks of the project with ids above *after*.

    They are in the order of their ids; there are no more if the list is empty.
    """
    task_ids = conn.column(
        statements.unfinished_of_project,
        project_id=project_of(actor),
        after=after,
        count=_STOPPED_AT_ONCE,
    )
    return [ask_stop(conn, actor, TaskId(each)) for each in task_ids]


def confirm(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Confirm a task that waits for confirmation.

    :raises semaphore_twisted.model.tasks.IllegalMove: if it does not wait for one
    """
    stored_task = task_of(conn, project_of(actor), task_id)
    return move(conn, stored_task, TaskEvent.CONFIRMED)


def reject(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Reject a task that waits for confirmation; its planned changes are not made.

    :raises semaphore_twisted.model.tasks.IllegalMove: if it does not wait for one
    """
    stored_task = task_of(conn, project_of(actor), task_id)
    return move(conn, stored_task, TaskEvent.REJECTED)


def delete_some(conn: Connection, actor: Actor, task_id: TaskId) -> bool:
    """Delete a part of the log of a task that is being deleted.

    Return whether there is more; :func:`delete` deletes the rest.

    :raises Invalid: if the task has not ended
    :raises Conflict: while an unfinished task deploys it
    """
    _ = _deletable(conn, actor, task_id)
    return not slices.empty_some(conn, task_id)


def delete(conn: Connection, actor: Actor, task_id: TaskId) -> None:
    """Delete a task that has ended, with its output.

    :raises Invalid: if it has not ended
    :raises Conflict: while an unfinished task deploys it
    """
    stored_task = _deletable(conn, actor, task_id)
    conn.delete(schema.task, task_id)
    template = template_of(conn, stored_task.project_id, stored_task.template_id)
    events.TASK.record(
        conn, actor, task_id, template.name, "deleted", object_name=template.playbook
    )


def _deletable(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    stored_task = task_of(conn, project_of(actor), task_id)
    if not stored_task.status.final:
        raise Invalid(f"The task is {stored_task.status}: stop it first")
    deployable.check_task(conn, task_id)
    return stored_task


def move(conn: Connection, stored_task: Task, happening: TaskEvent) -> Task:
    """Change a task's status; a final status sets the end and deletes the secrets.

    :raises semaphore_twisted.model.tasks.IllegalMove: if the transition is not
        permitted
    """
    status = advance(stored_task.status, happening)
    if status.final:
        conn.update(
            schema.task, stored_task.id, status=status, end=conn.now, secret=None
        )
    else:
        conn.update(schema.task, stored_task.id, status=status)
    return task_of(conn, stored_task.project_id, stored_task.id)
