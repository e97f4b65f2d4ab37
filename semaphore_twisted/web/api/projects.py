"""Routes of projects, and the user's role in a project."""

import msgspec

from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import demo
from semaphore_twisted.operations.projects import projects as operations
from semaphore_twisted.operations.projects.projects import NewProject
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import facts_route
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.routing import Route


class OwnRole(msgspec.Struct, frozen=True, kw_only=True):
    """The user's role in a project, with its rights as bits."""

    role: str
    permissions: int


async def projects(context: RequestContext) -> list[Project]:
    """List the user's projects; administrators see all."""
    return await context.read(operations.list_projects)


async def create(context: RequestContext, body: NewProject) -> Project:
    """Create a project; its creator becomes the owner.

    With ``demo`` it has a repository, an inventory and templates that run on the
    server's machine.
    """
    anybody = context.config.non_admin_can_create_project
    if body.demo:
        operations.check_new(context.actor, body, anybody=anybody)
        files = await context.compute(context.services.demo)
        project = await context.write(demo.create, body, files, anybody=anybody)
    else:
        project = await context.write(operations.create, body, anybody=anybody)
    context.access_changed()
    return project


async def get(context: RequestContext) -> Project:
    """Show a project."""
    return await context.read(operations.get)


async def change(context: RequestContext, body: NewProject) -> None:
    """Change a project."""
    await context.write(operations.change, body)
    context.tasks.wake()


async def delete(context: RequestContext) -> None:
    """Delete a project with all its objects."""
    await context.write_in_slices(operations.delete_some)
    await context.write(operations.delete)
    context.access_changed()
    context.services.repositories_changed()


async def role(context: RequestContext) -> OwnRole:
    """Show the user's role; an administrator without membership has none."""
    own = context.actor.role
    if own is None:
        return OwnRole(role="", permissions=0)
    return OwnRole(role=own, permissions=own.permissions)


def _current(conn: Connection, actor: Actor, project_id: int) -> Project:  # noqa: ARG001
    return operations.get(conn, actor)


_ONE = "/project/{project_id}"
_TAGGED = Tagged(events.PROJECT, _current)

ROUTES = (
    Route.get(
        "/projects", projects, Access.USER, answer=list[Project], one_project=True
    ),
    Route.post(
        "/projects", create, Access.USER, body=NewProject, answer=Project, status=201
    ),
    Route.get(_ONE, get, Access.MEMBER, answer=Project, tagged=_TAGGED),
    Route.put(_ONE, change, Access.UPDATE_PROJECT, body=NewProject, tagged=_TAGGED),
    Route.delete(_ONE, delete, Access.UPDATE_PROJECT, tagged=_TAGGED),
    facts_route(f"{_ONE}/facts", get, Access.MEMBER, _TAGGED),
    Route.get("/project/{project_id}/role", role, Access.MEMBER, answer=OwnRole),
)
