"""Which version a deploy task deploys, and which one a template deployed last."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.operations.tasks.tasks import create, template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import builds as statements
from semaphore_twisted.persistence.statements.tasks import tasks as task_statements

#: Maximum length of a chain of deploy tasks that is followed to a build.
_LONGEST_CHAIN = 100


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A template that deploys, and its newest successful run that was no dry run.

    *task_id*, *version*, *build_task_id* and *end* are ``None`` before the first one.
    """

    template_id: TemplateId
    name: str
    #: the template whose builds or deployments it deploys
    build_template_id: TemplateId
    task_id: TaskId | None = None
    version: str | None = None
    build_task_id: TaskId | None = None
    end: datetime | None = None


class _Deploying(msgspec.Struct, frozen=True):
    id: TemplateId
    name: str
    build_template_id: TemplateId


def incoming_version(conn: Connection, task: Task) -> str | None:
    """Return the version that a deploy task deploys, through chains of deploy tasks."""
    number = task.build_task_id
    for _ in range(_LONGEST_CHAIN):
        if number is None:
            return None
        built = conn.one(task_statements.by_id, Task, id=number)
        if built is None or built.version is not None:
            return built.version if built else None
        number = built.build_task_id
    return None


def create_newest(
    conn: Connection, actor: Actor, keyring: Keyring, body: NewTask
) -> Task:
    """Queue a task as :func:`.tasks.create` does; a deploy task takes the newest build.

    That is for a sender that cannot choose one, as the dialog of the page proposes it.
    """
    template = template_of(conn, project_of(actor), body.template_id)
    if template.type == "deploy" and template.build_template_id is not None:
        newest = conn.scalar(
            statements.newest_success, template_id=template.build_template_id
        )
        body = replace(body, build_task_id=newest)
    return create(conn, actor, keyring, body)


def deployments(
    conn: Connection, actor: Actor, template_id: TemplateId
) -> list[Deployment]:
    """Return the templates that deploy the builds of a template, with their runs.

    A template that deploys on what another one has deployed comes after that one. There
    are at most :data:`.limits.OVERVIEW_TEMPLATES`.

    :raises NotFound: if the project has no template with this id
    """
    project_id = project_of(actor)
    template_of(conn, project_id, template_id)
    following: dict[TemplateId, list[_Deploying]] = {}
    for each in conn.all(statements.deploying, _Deploying, project_id=project_id):
        following.setdefault(each.build_template_id, []).append(each)
    found: list[Deployment] = []
    seen = {template_id}
    waiting = following.get(template_id, [])[::-1]
    while waiting and len(found) < limits.OVERVIEW_TEMPLATES:
        each = waiting.pop()
        if each.id in seen:
            continue
        seen.add(each.id)
        found.append(_deployment(conn, each))
        waiting += following.get(each.id, [])[::-1]
    return found


def _deployment(conn: Connection, template: _Deploying) -> Deployment:
    number = conn.scalar(statements.newest_success, template_id=template.id)
    task = None
    if number is not None:
        task = conn.one(task_statements.by_id, Task, id=number)
    return Deployment(
        template_id=template.id,
        name=template.name,
        build_template_id=template.build_template_id,
        task_id=task.id if task else None,
        version=incoming_version(conn, task) if task else None,
        build_task_id=task.build_task_id if task else None,
        end=task.end if task else None,
    )
