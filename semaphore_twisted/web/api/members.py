"""Routes of project members and their roles."""

from semaphore_twisted.model.users import Access, Member, Permission, User
from semaphore_twisted.operations.projects import members as operations
from semaphore_twisted.operations.projects.members import ChangedMember, NewMember
from semaphore_twisted.web.api.users import UserInList, shown
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import OneOf
from semaphore_twisted.web.http.routing import Route


async def members(context: RequestContext) -> list[Member]:
    """List the members with their roles."""
    return await context.read(operations.list_members)


async def add(context: RequestContext, body: NewMember) -> None:
    """Add a user as a member."""
    await context.write(operations.add, body)
    context.access_changed()


async def get(context: RequestContext) -> User | UserInList:
    """Show a member's account; e-mail addresses only to managers of members."""
    user = await context.read(operations.get, context.path["user_id"])
    if context.actor.may(Permission.MANAGE_USERS):
        return user
    return shown(context, user)


async def change(context: RequestContext, body: ChangedMember) -> None:
    """Change a member's role."""
    await context.write(operations.change, context.path["user_id"], body)
    context.access_changed()


async def remove(context: RequestContext) -> None:
    """Remove a member."""
    await context.write(operations.remove, context.path["user_id"])
    context.access_changed()


async def leave(context: RequestContext) -> None:
    """Leave the project."""
    await context.write(operations.leave)
    context.access_changed()


_ALL = "/project/{project_id}/users"
_ONE = "/project/{project_id}/users/{user_id}"

ROUTES = (
    Route.get(_ALL, members, Access.MEMBER, answer=list[Member]),
    Route.post(_ALL, add, Access.MANAGE_USERS, body=NewMember),
    Route.get(_ONE, get, Access.MEMBER, answer=OneOf((User, UserInList))),
    Route.put(_ONE, change, Access.MANAGE_USERS, body=ChangedMember),
    Route.delete(_ONE, remove, Access.MANAGE_USERS),
    Route.delete("/project/{project_id}/me", leave, Access.MEMBER),
)
