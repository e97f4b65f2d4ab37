"""Environments (variable groups): their routes."""

from semaphore_twisted.model.inventories import Environment
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import environments
from semaphore_twisted.operations.environments import NewEnvironment
from semaphore_twisted.operations.references import References
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.routing import Route
from semaphore_twisted.web.sorting import order


async def listed(context: Context) -> list[Environment]:
    """List the environments."""
    return await context.read(environments.listed, **order(context.query))


async def create(context: Context, body: NewEnvironment) -> Environment:
    """Make an environment."""
    return await context.write(environments.create, body, keyring=context.keyring)


async def get(context: Context) -> Environment:
    """Show an environment."""
    return await context.read(environments.get, context.path["environment_id"])


async def references(context: Context) -> References:
    """Show what refers to an environment."""
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
    """Delete an environment that nothing uses."""
    await context.write(environments.delete, context.path["environment_id"])


_ALL = "/project/{project_id}/environment"
_ONE = "/project/{project_id}/environment/{environment_id}"
_READ = Access.MANAGE_RESOURCES
_MANAGE = Access.MANAGE_RESOURCES

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        pattern=_ALL,
        handler=listed,
        access=_READ,
        answer=list[Environment],
    ),
    Route(
        method="POST",
        pattern=_ALL,
        handler=create,
        access=_MANAGE,
        body=NewEnvironment,
        answer=Environment,
        status=201,
    ),
    Route(method="GET", pattern=_ONE, handler=get, access=_READ, answer=Environment),
    Route(
        method="GET",
        pattern=f"{_ONE}/refs",
        handler=references,
        access=_READ,
        answer=References,
    ),
    Route(
        method="PUT",
        pattern=_ONE,
        handler=change,
        access=_MANAGE,
        body=NewEnvironment,
        status=204,
    ),
    Route(method="DELETE", pattern=_ONE, handler=delete, access=_MANAGE, status=204),
)
