"""Routes of the user's API tokens."""

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Access, ApiToken, TokenScope
from semaphore_twisted.operations.accounts import tokens as operations
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token's name, end and scope.

    It ends after a number of days; 0: never. With ``read_only`` it changes nothing,
    with ``project_id`` it is for this project only. By default it may do what its owner
    may.
    """

    name: Name = ""
    expires_in_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    read_only: bool = False
    project_id: ProjectId | None = None


async def tokens(context: RequestContext) -> list[ApiToken]:
    """List the user's tokens, each by the beginning of its id."""
    return await context.read(operations.list_tokens)


async def create(context: RequestContext, body: NewToken) -> ApiToken:
    """Create a token; its complete id is shown only now."""
    days = body.expires_in_days
    return await context.write(
        operations.create,
        name=body.name.strip(),
        lifetime=timedelta(days=days) if days else None,
        scope=TokenScope(read_only=body.read_only, project_id=body.project_id),
    )


async def delete(context: RequestContext) -> None:
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
