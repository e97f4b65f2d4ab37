"""Routes of the key store; reading requires the right to manage resources too."""

from semaphore_twisted.model.keys import AccessKey
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.projects import keys
from semaphore_twisted.operations.projects.keys import NewAccessKey
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import resource_routes
from semaphore_twisted.web.http.sorting import order


async def listed(context: RequestContext) -> list[AccessKey]:
    """List the keys."""
    return await context.read(keys.listed, **order(context.query))


async def create(context: RequestContext, body: NewAccessKey) -> AccessKey:
    """Create a key; private keys are checked and normalised."""
    secret = await context.compute(keys.opened, body)
    return await context.write(
        keys.create, body, secret=secret, keyring=context.keyring
    )


async def get(context: RequestContext) -> AccessKey:
    """Show a key without its secret."""
    return await context.read(keys.get, context.path["key_id"])


async def references(context: RequestContext) -> References:
    """Show the objects that use a key."""
    return await context.read(keys.references, context.path["key_id"])


async def change(context: RequestContext, body: NewAccessKey) -> None:
    """Rename a key; type and secret change only with ``override_secret``."""
    secret = None
    if body.override_secret:
        secret = await context.compute(keys.opened, body)
    await context.write(
        keys.change,
        context.path["key_id"],
        body,
        secret=secret,
        keyring=context.keyring,
    )


async def delete(context: RequestContext) -> None:
    """Delete an unused key."""
    await context.write(keys.delete, context.path["key_id"])


ROUTES = resource_routes(
    every="/project/{project_id}/keys",
    one="/project/{project_id}/keys/{key_id}",
    read=Access.MANAGE_RESOURCES,
    body=NewAccessKey,
    answer=AccessKey,
    listed=listed,
    create=create,
    get=get,
    references=references,
    change=change,
    delete=delete,
)
