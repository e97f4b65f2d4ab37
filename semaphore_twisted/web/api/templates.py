"""Routes of templates."""

from collections.abc import AsyncIterator

from semaphore_twisted.model.ids import InventoryId, TemplateId
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import template_workspaces, templates
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.operations.projects.template_rules import NewTemplate
from semaphore_twisted.operations.projects.templates import Description
from semaphore_twisted.operations.tasks import builds
from semaphore_twisted.operations.tasks.builds import Deployment
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import resource_routes
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse
from semaphore_twisted.web.http.routing import Route


async def listed(context: RequestContext) -> list[Template] | StreamedResponse:
    """List the templates."""
    wanted = list_pages.wanted(context)
    if wanted.is_whole:
        lists = context.services.template_lists
        found = await context.read(lists.find, wanted)
        content = found.content
        if found.encode:
            content = await context.long_read(lists.encoded, wanted)
            await context.read(
                lists.keep, wanted, version=found.version, content=content
            )
        if content:
            return StreamedResponse("application/json", _whole(content))
    return await list_pages.listed(context, templates.ORDERS, templates.page)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    """Yield a kept list, which all clients share; it is sent as they read it."""
    yield content


async def create(context: RequestContext, body: NewTemplate) -> Template:
    """Create a template."""
    return await context.write(template_workspaces.create_template, body)


async def get(context: RequestContext) -> Template:
    """Show a template."""
    return await context.read(templates.get, context.path["template_id"])


async def references(context: RequestContext) -> References:
    """Show the objects that refer to a template."""
    return await context.read(templates.references, context.path["template_id"])


async def change(context: RequestContext, body: NewTemplate) -> None:
    """Replace a template."""
    await context.write(templates.change, context.path["template_id"], body)


async def describe(context: RequestContext, body: Description) -> None:
    """Change only the description."""
    await context.write(templates.describe, context.path["template_id"], body)


async def deployments(context: RequestContext) -> list[Deployment]:
    """List the templates that deploy a template's builds, with the last deployment."""
    return await context.read(builds.deployments, context.path["template_id"])


async def attach(context: RequestContext) -> None:
    """Make a workspace one of the template's."""
    await context.write(template_workspaces.attach, *_workspace(context))


async def detach(context: RequestContext) -> None:
    """Make a workspace one that belongs to no template."""
    await context.write(template_workspaces.detach, *_workspace(context))


async def set_default(context: RequestContext) -> None:
    """Let the runs of a template use a workspace unless they ask for another one."""
    await context.write(template_workspaces.set_default, *_workspace(context))


def _workspace(context: RequestContext) -> tuple[TemplateId, InventoryId]:
    return context.path["template_id"], context.path["inventory_id"]


async def delete(context: RequestContext) -> None:
    """Delete a template with its tasks."""
    template_id = context.path["template_id"]
    await context.write_in_slices(templates.delete_some, template_id)
    await context.write(templates.delete, template_id)


_ONE = "/project/{project_id}/templates/{template_id}"
_TAGGED = Tagged(events.TEMPLATE, templates.get)

ROUTES = (
    *resource_routes(
        every="/project/{project_id}/templates",
        one=_ONE,
        read=Access.MEMBER,
        body=NewTemplate,
        answer=Template,
        listed=listed,
        create=create,
        get=get,
        references=references,
        change=change,
        delete=delete,
        tagged=_TAGGED,
    ),
    Route.get(
        f"{_ONE}/deployments",
        deployments,
        Access.MEMBER,
        answer=list[Deployment],
    ),
    *(
        Route.post(
            f"{_ONE}/inventory/{{inventory_id}}/{handler.__name__}",
            handler,
            Access.MANAGE_RESOURCES,
        )
        for handler in (attach, detach, set_default)
    ),
    Route.put(
        f"{_ONE}/description",
        describe,
        Access.MANAGE_RESOURCES,
        body=Description,
        tagged=_TAGGED,
    ),
)
