"""Tasks, as people start, see and end them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Context, Keyring
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid, NotFound
from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId, UserId
from semaphore_twisted.model.tasks import (
    Happening,
    OutputLine,
    Status,
    Task,
    TaskInList,
    advance,
)
from semaphore_twisted.model.templates import App, Template, TemplateVault
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events, output, slices
from semaphore_twisted.operations.overrides import NewTask, Source, allowed
from semaphore_twisted.operations.references import project_of
from semaphore_twisted.operations.survey import answers
from semaphore_twisted.operations.versions import next_version
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import orders
from semaphore_twisted.persistence.statements import tasks as statements
from semaphore_twisted.persistence.statements import templates as of_templates

#: Most tasks in a list, as in Semaphore.
LONGEST_LIST = 1_000

#: Above every id.
NEWEST = 2**63 - 1


def template_of(
    conn: Connection, project_id: ProjectId, template_id: TemplateId
) -> Template:
    """Return a template with its vaults.

    :raises NotFound: if the project has none of this id
    """
    found = conn.one(
        of_templates.by_id, Template, id=template_id, project_id=project_id
    )
    if found is None:
        raise NotFound(f"The project has no template {template_id}")
    vaults = conn.all(of_templates.vaults, TemplateVault, template_id=template_id)
    return replace(found, vaults=tuple(vaults))


def task_of(conn: Connection, project_id: ProjectId, task_id: TaskId) -> Task:
    """Return a task.

    :raises Invalid: if the project has none of this id; Semaphore answers 400 here
    """
    found = conn.one(statements.of_project, Task, id=task_id, project_id=project_id)
    if found is None:
        raise Invalid(f"The project has no task {task_id}")
    return found


def create(conn: Connection, actor: Actor, keyring: Keyring, body: NewTask) -> Task:
    """Put a task into the queue; its one-time secrets are sealed until it starts.

    :raises NotFound: if the template is not the project's
    :raises Invalid: if the task asks for what its template does not allow
    """
    template = template_of(conn, project_of(actor), body.template_id)
    made = add(conn, keyring, template, body, user_id=actor.user.id)
    _record(conn, actor, template, made.id, "queued for running")
    # S106: not a secret, but what Semaphore answers here
    return replace(made, secret="{}")  # noqa: S106


def add(
    conn: Connection,
    keyring: Keyring,
    template: Template,
    body: NewTask,
    *,
    user_id: UserId | None,
) -> Task:
    """Insert a waiting task of *template*, checked; who asks was checked before.

    :raises Invalid: if the task asks for what its template does not allow
    """
    if template.fault:
        raise Invalid(f"template_id: template {template.id}: {template.fault}")
    if template.app not in {*App, ""}:
        raise Invalid(f"The app “{template.app}” is not served")
    overrides = allowed(template, body, _source(conn, template))
    given = answers(
        template.survey_vars or (),
        environment=body.environment,
        secret=body.secret,
        app=App(template.app or App.ANSIBLE),
    )
    if overrides.inventory_id is not None:
        _check_inventory(conn, template.project_id, overrides.inventory_id)
    uuid = conn.uuid()
    sealed = None
    if given.secrets:
        context = secret_context(
            uuid, conn.scalar(statements.project_uuid, id=template.project_id)
        )
        sealed = keyring.seal(msgspec.json.encode(given.secrets), context)
    task_id = TaskId(
        conn.insert(
            schema.task,
            uuid=uuid,
            project_id=template.project_id,
            template_id=template.id,
            status=Status.WAITING,
            playbook=body.playbook,
            environment=_environment(body.environment, given.variables),
            secret=sealed,
            message=body.message,
            user_id=user_id,
            created=conn.now,
            version=_version(conn, template),
            build_task_id=_build(conn, template, body.build_task_id),
            **msgspec.structs.asdict(overrides),
        )
    )
    conn.run(statements.count_one_more, id=template.id)
    return task_of(conn, template.project_id, task_id)


def secret_context(row_uuid: str, project_uuid: str) -> Context:
    """Return where the one-time secrets of a task are sealed for."""
    return Context("task", "task", "secret", row_uuid, project_uuid)


def _source(conn: Connection, template: Template) -> Source:
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

    return Source(branch=branch or "", ran=ran)


def _environment(sent: str, variables: dict[str, Any]) -> str:
    if not variables:
        return "{}" if sent.strip() else ""
    return msgspec.json.encode(variables).decode()


def _check_inventory(conn: Connection, project_id: ProjectId, number: int) -> None:
    found = conn.scalar(orders.inventory_by_id, id=number, project_id=project_id)
    if found is None:
        raise Invalid(f"The project has no inventory {number}")


def _version(conn: Connection, template: Template) -> str | None:
    if template.type != "build" or not template.start_version:
        return None
    last = conn.scalar(statements.last_version, template_id=template.id)
    return next_version(template.start_version, last)


def _build(conn: Connection, template: Template, asked: TaskId | None) -> TaskId | None:
    """Return the build that a deploy task brings out; other tasks have none."""
    if not asked or template.type != "deploy":
        return None
    built = conn.one(
        statements.of_project, Task, id=asked, project_id=template.project_id
    )
    if built is None or built.template_id != template.build_template_id:
        raise Invalid(f"Task {asked} is no build for this template")
    return asked


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

    :raises NotFound: if a template is named that the project does not have
    """
    asked = {"project_id": project_of(actor), "before": before, "count": count}
    if template_id is None:
        return conn.column(statements.newest, **asked)
    template_of(conn, project_of(actor), template_id)
    return conn.column(statements.newest_of_template, template_id=template_id, **asked)


def newest_if_short(
    conn: Connection,
    actor: Actor,
    *,
    template_id: TemplateId | None = None,
    count: int = LONGEST_LIST,
    before: int = NEWEST,
) -> list[TaskInList] | None:
    """Return the tasks that :func:`newest` names, where one batch holds them.

    One statement finds them, which takes half of the time of two. ``None`` is for
    :func:`newest` and :func:`page`: for long texts, and for deploy tasks.

    :raises NotFound: if a template is named that the project does not have
    """
    asked = {"project_id": project_of(actor), "before": before, "count": count}
    statement = statements.newest_in_list
    if template_id is not None:
        template_of(conn, project_of(actor), template_id)
        asked["template_id"] = template_id
        statement = statements.newest_in_list_of_template
    found = conn.fitting(statement, TaskInList, size=limits.BATCH, **asked)
    if found is None or any(each.build_task_id for each in found):
        return None
    return found


def page(
    conn: Connection, actor: Actor, ids: Sequence[int]
) -> tuple[list[TaskInList], int]:
    """Return the first of *ids* as lists show them, and how many ids that were.

    Deploy tasks come with the task that built what they deploy.
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
    """Return up to *limit* lines of a task's log with numbers over *above*.

    Lines that are *raw* keep the carriage return at their end.
    """
    task_of(conn, project_of(actor), task_id)
    return output.page(conn, task_id, above=above, limit=limit, raw=raw)


def length(conn: Connection, actor: Actor, task_id: TaskId) -> int:
    """Return the number of lines of a task's log."""
    task_of(conn, project_of(actor), task_id)
    return output.length(conn, task_id)


def ask_stop(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Move a task to ``stopping``, or to ``stopped`` if it had not started.

    Asking again is fine. The service that runs tasks does what is left to be done.

    :raises Invalid: if the task has ended otherwise
    """
    found = task_of(conn, project_of(actor), task_id)
    if found.status in {Status.STOPPED, Status.STOPPING}:
        return found
    if found.status.final:
        raise Invalid(f"The task has ended already, as {found.status}")
    stopped = move(conn, found, Happening.STOP_ASKED)
    template = template_of(conn, found.project_id, found.template_id)
    _record(conn, actor, template, task_id, "stopped by a user")
    return stopped


def ask_stop_all(conn: Connection, actor: Actor, template_id: TemplateId) -> list[Task]:
    """Ask for the end of every task of a template that has not ended."""
    project_id = project_of(actor)
    template_of(conn, project_id, template_id)
    found = conn.column(
        statements.unfinished_of_template,
        project_id=project_id,
        template_id=template_id,
    )
    return [ask_stop(conn, actor, TaskId(each)) for each in found]


def confirm(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """Let a task that waits for it go on.

    :raises semaphore_twisted.model.tasks.IllegalMove: if it does not wait for it
    """
    found = task_of(conn, project_of(actor), task_id)
    return move(conn, found, Happening.CONFIRMED)


def reject(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    """End a task that waits for confirmation without doing what it planned.

    :raises semaphore_twisted.model.tasks.IllegalMove: if it does not wait for it
    """
    found = task_of(conn, project_of(actor), task_id)
    return move(conn, found, Happening.REJECTED)


def delete_some(conn: Connection, actor: Actor, task_id: TaskId) -> bool:
    """Delete a part of the log of a task that is to be deleted.

    Tell whether there is more. What is left is for :func:`delete`.

    :raises Invalid: if it has not ended
    """
    found = task_of(conn, project_of(actor), task_id)
    if not found.status.final:
        raise Invalid(f"The task is {found.status}: stop it first")
    return not slices.empty_some(conn, task_id)


def delete(conn: Connection, actor: Actor, task_id: TaskId) -> None:
    """Delete a task that has ended, with its output.

    :raises Invalid: if it has not ended
    """
    found = task_of(conn, project_of(actor), task_id)
    if not found.status.final:
        raise Invalid(f"The task is {found.status}: stop it first")
    conn.delete(schema.task, task_id)
    template = template_of(conn, found.project_id, found.template_id)
    _record(conn, actor, template, task_id, "deleted")


def move(conn: Connection, found: Task, happening: Happening) -> Task:
    """Advance a task's status; a final one has its end, and no secret any more.

    :raises semaphore_twisted.model.tasks.IllegalMove: if the table has no such move
    """
    status = advance(found.status, happening)
    if status.final:
        conn.update(schema.task, found.id, status=status, end=conn.now, secret=None)
    else:
        conn.update(schema.task, found.id, status=status)
    return task_of(conn, found.project_id, found.id)


def _record(
    conn: Connection, actor: Actor, template: Template, task_id: TaskId, what: str
) -> None:
    events.record(
        conn,
        actor,
        object_type="task",
        object_id=task_id,
        object_name=template.playbook,
        description=f"Task ID {task_id} ({template.name}) {what}",
    )
