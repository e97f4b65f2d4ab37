"""Routes of the event log."""

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.projects import Event
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations import events as operations
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http import batched_lists, list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import StreamedResponse
from semaphore_twisted.web.http.routing import Route

#: Number of events in the short lists.
LAST = 200


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The events that are wanted, newest first.

    A search goes through 5,000 events at a time: an answer may have fewer than
    ``limit`` events, or none, and a ``Link`` to go on.
    """

    search: list_pages.SearchText = ""
    limit: list_pages.OwnNumber = ""
    before: list_pages.OwnNumber = ""


async def events(context: RequestContext) -> list[Event] | StreamedResponse:
    """List the events of the user's projects and of the installation.

    ``limit`` is their number, newest first, by default 1,000. ``before`` is the cursor
    from the ``Link`` header (RFC 8288), which leads to older events if there are any.
    """
    return await _listed(context, limits.EVENTS)


async def last_events(context: RequestContext) -> list[Event] | StreamedResponse:
    """List the newest events."""
    return await _listed(context, LAST)


async def project_events(context: RequestContext) -> list[Event] | StreamedResponse:
    """List the events of a project; parameters as for all events."""
    return await _listed(context, limits.EVENTS)


async def last_project_events(
    context: RequestContext,
) -> list[Event] | StreamedResponse:
    """List the newest events of a project."""
    return await _listed(context, LAST)


async def _listed(context: RequestContext, most: int) -> list[Event] | StreamedResponse:
    count = _number(context, "limit", most, most)
    before = _number(context, "before", operations.NEWEST, operations.NEWEST)
    search = context.parameters(EventsQuery).search
    if search:
        ids, end = await context.long_read(
            operations.find, search, limit=count, before=before
        )
        list_pages.link(context, "before", None if end is None else str(end))
        return await list_pages.chosen(context, ids, operations.page)
    following: int | None = None

    def wanted(conn: Connection, actor: Actor) -> list[int]:
        nonlocal following
        found = operations.listed(conn, actor, limit=count + 1, before=before)
        if len(found) > count:
            following = found[count - 1]
        return found[:count]

    rows = await batched_lists.listed(context, wanted, operations.page)
    more = following is not None
    context.headers.append((b"x-has-next", b"true" if more else b"false"))
    if more:
        link = f'<?limit={count}&before={following}>; rel="next"'
        context.headers.append((b"link", link.encode()))
    return rows


def _number(context: RequestContext, name: str, absent: int, most: int) -> int:
    text = context.query.get(name)
    if not text:
        return absent
    if text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= most:
        return int(text[:20])
    raise Invalid(f"{name} must be a number from 1 to {most}")


ROUTES = tuple(
    Route.get(pattern, handler, access, query=EventsQuery, answer=list[Event])
    for pattern, handler, access in (
        ("/events", events, Access.USER),
        ("/events/last", last_events, Access.USER),
        ("/project/{project_id}/events", project_events, Access.MEMBER),
        ("/project/{project_id}/events/last", last_project_events, Access.MEMBER),
    )
)
