"""Routes of views: the tabs of a project's templates."""

from semaphore_twisted.model.projects import View
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import views as operations
from semaphore_twisted.operations.views import NewView
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.routing import Route


async def views(context: Context) -> list[View]:
    """List the views by position."""
    return await context.read(operations.list_views)


async def create(context: Context, body: NewView) -> View:
    """Create a view."""
    return await context.write(operations.create, body)


async def get(context: Context) -> View:
    """Show a view."""
    return await context.read(operations.get, context.path["view_id"])


async def change(context: Context, body: NewView) -> None:
    """Change a view."""
    await context.write(operations.change, context.path["view_id"], body)


async def order(context: Context, body: dict[str, int]) -> None:
    """Set the positions of views, by their ids."""
    await context.write(operations.order, body)


async def delete(context: Context) -> None:
    """Delete a view; its templates stay."""
    await context.write(operations.delete, context.path["view_id"])


_ALL = "/project/{project_id}/views"
_ONE = "/project/{project_id}/views/{view_id}"

ROUTES = (
    Route(
        method="GET",
        pattern=_ALL,
        handler=views,
        access=Access.MEMBER,
        answer=list[View],
    ),
    Route(
        method="POST",
        pattern=_ALL,
        handler=create,
        access=Access.MANAGE_RESOURCES,
        body=NewView,
        answer=View,
        status=201,
    ),
    Route(
        method="POST",
        pattern="/project/{project_id}/views/positions",
        handler=order,
        access=Access.MANAGE_RESOURCES,
        body=dict[str, int],
        status=204,
    ),
    Route(method="GET", pattern=_ONE, handler=get, access=Access.MEMBER, answer=View),
    Route(
        method="PUT",
        pattern=_ONE,
        handler=change,
        access=Access.MANAGE_RESOURCES,
        body=NewView,
        status=204,
    ),
    Route(
        method="DELETE",
        pattern=_ONE,
        handler=delete,
        access=Access.MANAGE_RESOURCES,
        status=204,
    ),
)
