"""Routes of the key store; reading requires the right to manage resources too."""

from semaphore_twisted.crypto import keychecks
from semaphore_twisted.crypto.keychecks import KeyCheck
from semaphore_twisted.model.keys import AccessKey, SshFields
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import keys
from semaphore_twisted.operations.projects.keys import (
    GeneratedKey,
    KeySummary,
    KeyUsage,
    NewAccessKey,
    NewGeneratedKey,
)
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.crud_routes import resource_routes
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.responses import StreamedResponse
from semaphore_twisted.web.http.routing import Route


async def listed(context: RequestContext) -> list[AccessKey] | StreamedResponse:
    """List the keys."""
    return await list_pages.listed(context, keys.ORDERS, keys.page)


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


async def check(context: RequestContext, body: SshFields) -> KeyCheck:
    """Say which SSH key was pasted, or what is wrong with it; nothing is stored.

    ``login`` is ignored. A text that is no usable key is no error of the request: the
    answer says in ``problem`` what it is, and what else could be found out.
    """
    return await context.compute(keychecks.check, body.private_key, body.passphrase)


async def generate(context: RequestContext, body: NewGeneratedKey) -> GeneratedKey:
    """Generate an SSH key; the private half is stored and never returned."""
    secret = await context.compute(keys.generated, body)
    return await context.write(
        keys.create_generated, body, secret=secret, keyring=context.keyring
    )


async def usage(context: RequestContext) -> KeyUsage:
    """Show who uses a key, and when it was changed and last used.

    An inventory or a repository that uses it has the templates that use that, too.
    ``changed`` is the time at which its secret was set, ``last_used`` that of the last
    job that received it, and ``last_used_by`` says whether that was a run or a check.
    They are null for what happened before they were recorded.
    """
    return await context.read(keys.usage, context.path["key_id"])


async def overview(context: RequestContext) -> list[KeySummary]:
    """Show kind, age and number of users of each key, the 2,000 oldest at most."""
    return await context.long_read(keys.overview)


_EVERY = "/project/{project_id}/keys"
_ONE = "/project/{project_id}/keys/{key_id}"
_MANAGE = Access.MANAGE_RESOURCES

ROUTES = (
    *resource_routes(
        every=_EVERY,
        one=_ONE,
        read=_MANAGE,
        body=NewAccessKey,
        answer=AccessKey,
        listed=listed,
        create=create,
        get=get,
        references=references,
        change=change,
        delete=delete,
        tagged=Tagged(events.KEY, keys.get),
    ),
    Route.post(f"{_EVERY}/check", check, _MANAGE, body=SshFields, answer=KeyCheck),
    Route.post(
        f"{_EVERY}/generate",
        generate,
        _MANAGE,
        body=NewGeneratedKey,
        answer=GeneratedKey,
        status=201,
    ),
    Route.get(f"{_EVERY}/overview", overview, _MANAGE, answer=list[KeySummary]),
    Route.get(f"{_ONE}/usage", usage, _MANAGE, answer=KeyUsage),
)
