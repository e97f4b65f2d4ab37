"""Routes of the user's own login sessions."""

from semaphore_twisted.model.users import Access, LoginSession
from semaphore_twisted.operations.accounts import sessions as operations
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


async def sessions(context: RequestContext) -> list[LoginSession]:
    """List the user's login sessions, the last used first."""
    return await context.read(operations.list_sessions, context.credentials.limits)


async def end_others(context: RequestContext) -> None:
    """End the user's login sessions, except the one that asks."""
    await context.write(operations.end_others)
    context.access_changed()


async def end(context: RequestContext) -> None:
    """End one of the user's login sessions."""
    await context.write(operations.end_one, context.path["session_id"])
    context.access_changed()


ROUTES = (
    Route.get("/user/sessions", sessions, Access.USER, answer=list[LoginSession]),
    Route.delete("/user/sessions", end_others, Access.USER),
    Route.delete("/user/sessions/{session_id}", end, Access.USER),
)
