"""Routes of environments (variable groups)."""

from semaphore_twisted.model.inventories import Environment
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import environments
from semaphore_twisted.operations.projects.environments import NewEnvironment
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import resource_routes
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse


async def listed(context: RequestContext) -> list[Environment] | StreamedResponse:
    """List the environments."""
    return await list_pages.listed(context, environments.ORDERS, environments.page)


async def create(context: RequestContext, body: NewEnvironment) -> Environment:
    """Create an environment."""
    return await context.write(environments.create, body, keyring=context.keyring)


async def get(context: RequestContext) -> Environment:
    """Show an environment."""
    return await context.read(environments.get, context.path["environment_id"])


async def references(context: RequestContext) -> References:
    """Show the objects that refer to an environment."""
    return await context.read(environments.references, context.path["environment_id"])


async def change(context: RequestContext, body: NewEnvironment) -> None:
    """Replace an environment."""
    await context.write(
        environments.change,
        context.path["environment_id"],
        body,
        keyring=context.keyring,
    )


async def delete(context: RequestContext) -> None:
    """Delete an unused environment."""
    await context.write(environments.delete, context.path["environment_id"])


ROUTES = resource_routes(
    every="/project/{project_id}/environment",
    one="/project/{project_id}/environment/{environment_id}",
    read=Access.MANAGE_RESOURCES,
    body=NewEnvironment,
    answer=Environment,
    listed=listed,
    create=create,
    get=get,
    references=references,
    change=change,
    delete=delete,
    tagged=Tagged(events.ENVIRONMENT, environments.get),
)
