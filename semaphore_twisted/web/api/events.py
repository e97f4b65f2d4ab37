"""The record of what happened."""

from semaphore_twisted.model.projects import Event
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import events as operations
from semaphore_twisted.web.context import Context
from semaphore_twisted.web.routing import Route

#: How many events the short lists have.
LAST = 200


async def events(context: Context) -> list[Event]:
    """List what happened in one's own projects and to the installation."""
    return await context.long_read(operations.list_events)


async def last_events(context: Context) -> list[Event]:
    """List the newest of what happened."""
    return await context.read(operations.list_events, limit=LAST)


async def project_events(context: Context) -> list[Event]:
    """List what happened in a project."""
    return await context.long_read(operations.list_events)


async def last_project_events(context: Context) -> list[Event]:
    """List the newest of what happened in a project."""
    return await context.read(operations.list_events, limit=LAST)


ROUTES = tuple(
    Route(
        method="GET",
        pattern=pattern,
        handler=handler,
        access=access,
        answer=list[Event],
    )
    for pattern, handler, access in (
        ("/events", events, Access.USER),
        ("/events/last", last_events, Access.USER),
        ("/project/{project_id}/events", project_events, Access.MEMBER),
        ("/project/{project_id}/events/last", last_project_events, Access.MEMBER),
    )
)
