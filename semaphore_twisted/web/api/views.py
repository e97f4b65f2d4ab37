"""Routes of views: the tabs of a project's templates."""

from semaphore_twisted.model.projects import View
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import templates as of_templates
from semaphore_twisted.operations.projects import views as operations
from semaphore_twisted.operations.projects.views import NewView
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse
from semaphore_twisted.web.http.routing import Route


async def views(context: RequestContext) -> list[View]:
    """List the views by position."""
    return await context.read(operations.list_views)


async def create(context: RequestContext, body: NewView) -> View:
    """Create a view."""
    return await context.write(operations.create, body)


async def get(context: RequestContext) -> View:
    """Show a view."""
    return await context.read(operations.get, context.path["view_id"])


async def templates(context: RequestContext) -> list[Template] | StreamedResponse:
    """List the templates in a view, in its order unless another one is asked for.

    The view of all templates lists those of the project.
    """
    view = await context.read(operations.get, context.path["view_id"])
    every = view.type == "all"
    return await list_pages.listed(
        context,
        of_templates.ORDERS if every else of_templates.ORDERS_OF_VIEW,
        of_templates.page,
        sort=view.sort_column,
        descending=view.sort_reverse,
        **({} if every else {"view_id": view.id}),
    )


async def change(context: RequestContext, body: NewView) -> None:
    """Change a view."""
    await context.write(operations.change, context.path["view_id"], body)


async def order(context: RequestContext, body: dict[str, int]) -> None:
    """Set the positions of views, by their ids."""
    await context.write(operations.order, body)


async def delete(context: RequestContext) -> None:
    """Delete a view; its templates stay."""
    await context.write(operations.delete, context.path["view_id"])


_ALL = "/project/{project_id}/views"
_ONE = "/project/{project_id}/views/{view_id}"
_TAGGED = Tagged(events.VIEW, operations.get)

ROUTES = (
    Route.get(_ALL, views, Access.MEMBER, answer=list[View]),
    Route.post(
        _ALL, create, Access.MANAGE_RESOURCES, body=NewView, answer=View, status=201
    ),
    Route.post(
        "/project/{project_id}/views/positions",
        order,
        Access.MANAGE_RESOURCES,
        body=dict[str, int],
    ),
    Route.get(_ONE, get, Access.MEMBER, answer=View, tagged=_TAGGED),
    Route.get(
        f"{_ONE}/templates",
        templates,
        Access.MEMBER,
        query=list_pages.ListQuery,
        answer=list[Template],
    ),
    Route.put(_ONE, change, Access.MANAGE_RESOURCES, body=NewView, tagged=_TAGGED),
    Route.delete(_ONE, delete, Access.MANAGE_RESOURCES, tagged=_TAGGED),
)
