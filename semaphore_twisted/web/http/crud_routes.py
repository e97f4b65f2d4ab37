"""The routes that all kinds of project resources share."""

from types import GenericAlias

from semaphore_twisted.model.projects import ObjectFacts
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.list_pages import ListQuery
from semaphore_twisted.web.http.preconditions import Tagged
from semaphore_twisted.web.http.routing import Handler, Route


def resource_routes(
    *,
    every: str,
    one: str,
    read: Access,
    body: object,
    answer: object,
    listed: Handler,
    create: Handler,
    get: Handler,
    references: Handler,
    change: Handler,
    delete: Handler,
    tagged: Tagged,
) -> tuple[Route, ...]:
    """Return the seven routes of a kind of resource.

    *every* is the path of the list, *one* that of a single resource. *read* is the
    right for reading; every change needs ``MANAGE_RESOURCES``. A PUT replaces the whole
    resource.
    """
    manage = Access.MANAGE_RESOURCES
    return (
        Route.get(
            every,
            listed,
            read,
            query=ListQuery,
            answer=GenericAlias(list, (answer,)),
        ),
        Route.post(every, create, manage, body=body, answer=answer, status=201),
        Route.get(one, get, read, answer=answer, tagged=tagged),
        Route.get(f"{one}/refs", references, read, answer=References),
        facts_route(f"{one}/facts", get, read, tagged),
        Route.put(one, change, manage, body=body, tagged=tagged),
        Route.delete(one, delete, manage, tagged=tagged),
    )


def facts_route(pattern: str, get: Handler, read: Access, tagged: Tagged) -> Route:
    """Return the route of the facts about the object that *get* shows."""

    async def facts(context: RequestContext) -> ObjectFacts:
        """Show who created an object, and who changed it last, by its events."""
        return await context.read(_facts, tagged, context.own_number)

    # a route is named by its handler
    facts.__module__ = get.__module__
    return Route.get(pattern, facts, read, answer=ObjectFacts)


def _facts(conn: Connection, actor: Actor, tagged: Tagged, number: int) -> ObjectFacts:
    tagged.current(conn, actor, number)  # raises NotFound
    return events.facts(conn, tagged.kind, number)
