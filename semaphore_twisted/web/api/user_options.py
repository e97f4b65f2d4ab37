"""Routes of the options that a user sets for the page."""

from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.accounts import options as operations
from semaphore_twisted.operations.accounts.options import UserOption
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


async def options(context: RequestContext) -> dict[str, str]:
    """Show the user's options by their keys."""
    return await context.read(operations.of_user)


async def store(context: RequestContext, body: UserOption) -> UserOption:
    """Store an option of the user."""
    return await context.write(operations.store, body)


ROUTES = (
    Route.get("/user/options", options, Access.USER, answer=dict[str, str]),
    Route.post("/user/options", store, Access.USER, body=UserOption, answer=UserOption),
)
