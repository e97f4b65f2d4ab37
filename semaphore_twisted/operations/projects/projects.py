"""Operations on projects; a new one has an owner, a key and an environment."""

import msgspec

from semaphore_twisted.model import texts
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.limits import SLICE_PARTS
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations import events
from semaphore_twisted.operations.tasks import slices
from semaphore_twisted.operations.vpn import network, peer_states
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import projects as statements
from semaphore_twisted.persistence.statements.tasks import tasks as task_statements


class NewProject(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a project.

    *type* and *demo* are for new projects only.
    """

    name: Name = ""
    alert: bool = False
    alert_chat: Name | None = None
    max_parallel_tasks: int = 0
    type: Name = ""
    demo: bool = False


def list_projects(conn: Connection, actor: Actor) -> list[Project]:
    """Return the actor's projects by name; all projects for an administrator.

    The token of one project shows that one.
    """
    if actor.user.admin:
        seen = conn.all(statements.every, Project)
    else:
        seen = conn.all(statements.of_user, Project, user_id=actor.user.id)
    only = actor.scope.project_id
    return seen if only is None else [each for each in seen if each.id == only]


def get(conn: Connection, actor: Actor) -> Project:
    """Return the actor's current project."""
    project = None
    if actor.project_id is not None:
        project = conn.one(statements.by_id, Project, project_id=actor.project_id)
    if project is None:
        raise NotFound
    return project


def check_creator(actor: Actor, *, anybody: bool) -> None:
    """Check that the actor may create projects.

    :raises NotPermitted: if the actor is no administrator, and only administrators
        may create projects.
    """
    if not (anybody or actor.user.admin):
        raise NotPermitted


def check_new(actor: Actor, new: NewProject, *, anybody: bool) -> None:
    """Check that the actor may create the project *new*.

    :raises NotPermitted: as :func:`check_creator`
    :raises Invalid: if *new* cannot be stored
    """
    check_creator(actor, anybody=anybody)
    texts.check(new)
    _check(new)


def create(
    conn: Connection, actor: Actor, new: NewProject, *, anybody: bool = False
) -> Project:
    """Create a project that the actor owns, with a key and a variable group.

    :raises NotPermitted: if the actor is no administrator, and only administrators
        may create projects.
    """
    project = create_empty(conn, actor, new, anybody=anybody)
    conn.insert(
        schema.access_key,
        uuid=conn.uuid(),
        name="None",
        type=KeyType.NONE,
        project_id=project.id,
    )
    conn.insert(schema.environment, project_id=project.id, name="Empty", json="{}")
    return project


def create_empty(
    conn: Connection, actor: Actor, new: NewProject, *, anybody: bool = False
) -> Project:
    """Create a project that the actor owns, without any object.

    :raises NotPermitted: as :func:`create`
    """
    check_new(actor, new, anybody=anybody)
    project_id = conn.insert(
        schema.project,
        uuid=conn.uuid(),
        created=conn.now.replace(microsecond=0),
        name=new.name.strip(),
        alert=new.alert,
        alert_chat=new.alert_chat,
        max_parallel_tasks=new.max_parallel_tasks,
        type=new.type,
    )
    conn.insert(
        schema.project_user,
        project_id=project_id,
        user_id=actor.user.id,
        role=Role.OWNER,
    )
    project = conn.one(statements.by_id, Project, project_id=project_id)
    if project is None:
        raise NotFound
    events.PROJECT.record(
        conn, actor, project.id, project.name, "created", project_id=project.id
    )
    return project


def owner_of(project: Project, actor: Actor) -> Actor:
    """Return *actor* as the owner of *project*, which it has just created."""
    return Actor(
        user=actor.user,
        project_id=project.id,
        role=Role.OWNER,
        permissions=Role.OWNER.permissions,
    )


def change(conn: Connection, actor: Actor, changed: NewProject) -> None:
    """Change the actor's current project."""
    before = get(conn, actor)
    texts.check(changed, before)
    if changed.type not in {"", before.type}:
        raise Invalid("type: this cannot be changed; make another project")
    _check(changed)
    conn.update(
        schema.project,
        before.id,
        name=changed.name.strip(),
        alert=changed.alert,
        alert_chat=changed.alert_chat,
        max_parallel_tasks=changed.max_parallel_tasks,
    )
    after = get(conn, actor)
    events.PROJECT.record(
        conn, actor, after.id, after.name, "changed", project_id=after.id
    )


def delete_some(conn: Connection, actor: Actor) -> bool:
    """Delete some ended tasks of a project that is being deleted, or empty some events.

    Return whether there may be more of either; :func:`delete` deletes the rest.

    :raises Conflict: if one of its tasks is active: it must be stopped first.
    """
    project = get(conn, actor)
    if conn.scalar(statements.active_task, project_id=project.id):
        raise Conflict("Tasks of this project are running; stop them first")
    tasks = conn.column(
        task_statements.ended_of_project, of=project.id, count=SLICE_PARTS
    )
    slices.delete_some(conn, tasks)
    return bool(tasks) or events.empty_some(conn, project.id)


def delete(conn: Connection, actor: Actor) -> None:
    """Delete the actor's current project and its contents.

    Its events are kept without their details: only time and actor remain.

    :raises Conflict: if one of its tasks is active: it must be stopped first.
    """
    project = get(conn, actor)
    if conn.scalar(statements.active_task, project_id=project.id):
        raise Conflict("Tasks of this project are running; stop them first")
    peer_states.end_all_of_project(conn, actor, project.id)
    events.empty(conn, project.id)
    for statement in statements.CONTENTS:
        conn.run(statement, of_project=project.id)
    conn.delete(schema.project, project.id)
    network.bump(conn)
    # the event of a deleted project belongs to the installation
    anywhere = msgspec.structs.replace(actor, project_id=None)
    events.PROJECT.record(conn, anywhere, project.id, project.name, "deleted")


def _check(project: NewProject) -> None:
    name = project.name.strip()
    if not name:
        raise Invalid("The project's name may not be empty", field="name")
    if not name.isprintable():
        raise Invalid("The project's name has control characters", field="name")
    if project.max_parallel_tasks < 0:
        raise Invalid(
            "max_parallel_tasks may not be negative", field="max_parallel_tasks"
        )
