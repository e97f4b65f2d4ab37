"""Reads events as a client does that reads all pages."""

from semaphore_twisted.model import limits
from semaphore_twisted.model.projects import Event
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.persistence.engine import Connection


def list_events(
    conn: Connection,
    actor: Actor,
    *,
    limit: int = limits.EVENTS,
    before: int = events.NEWEST,
) -> list[Event]:
    """Return the events that ``events.listed`` selects."""
    rest = events.listed(conn, actor, limit=limit, before=before)
    found: list[Event] = []
    while rest:
        read, taken = events.page(conn, actor, rest)
        found += read
        rest = rest[taken:]
    return found
