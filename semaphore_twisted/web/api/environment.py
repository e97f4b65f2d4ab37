"""Routes of environments (variable groups)."""

from semaphore_twisted.model.inventories import Environment
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import environments
from semaphore_twisted.operations.environments import NewEnvironment
from semaphore_twisted.operations.references import References
from semaphore_twisted.web import lists
from semaphore_twisted.web.answers import Streamed
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.resources import resource_routes
from semaphore_twisted.web.sorting import order


async def listed(context: Context) -> list[Environment] | Streamed:
    """List the environments."""
    return await lists.listed(
        context, environments.ids, environments.page, **order(context.query)
    )


async def create(context: Context, body: NewEnvironment) -> Environment:
    """Create an environment."""
    return await context.write(environments.create, body, keyring=context.keyring)


async def get(context: Context) -> Environment:
    """Show an environment."""
    return await context.read(environments.get, context.path["environment_id"])


async def references(context: Context) -> References:
    """Show the objects that refer to an environment."""
    return await context.read(environments.references, context.path["environment_id"])


async def change(context: Context, body: NewEnvironment) -> None:
    """Replace an environment."""
    await context.write(
        environments.change,
        context.path["environment_id"],
        body,
        keyring=context.keyring,
    )


async def delete(context: Context) -> None:
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
)
