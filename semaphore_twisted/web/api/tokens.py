"""Routes of the user's API tokens."""

import msgspec

from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Access, ApiToken
from semaphore_twisted.operations import tokens as operations
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.routing import Route


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token's name; accepted, but not stored."""

    name: Name = ""


async def tokens(context: Context) -> list[ApiToken]:
    """List the user's tokens, each by the beginning of its id."""
    return await context.read(operations.list_tokens)


async def create(context: Context, body: NewToken) -> ApiToken:  # noqa: ARG001
    """Create a token; its complete id is shown only now."""
    return await context.write(operations.create)


async def delete(context: Context) -> None:
    """Revoke one of the user's tokens, by its id or at least eight characters of it."""
    await context.write(operations.delete, context.path["token_id"])
    context.access_changed()


ROUTES = (
    Route.get("/user/tokens", tokens, Access.USER, answer=list[ApiToken]),
    Route.post(
        "/user/tokens", create, Access.USER, body=NewToken, answer=ApiToken, status=201
    ),
    Route.delete("/user/tokens/{token_id:text}", delete, Access.USER),
)
