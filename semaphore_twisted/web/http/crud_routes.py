"""The routes that all kinds of project resources share."""

from types import GenericAlias

from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.projects.references import References
from semaphore_twisted.web.http.list_pages import ListQuery
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
) -> tuple[Route, ...]:
    """Return the six routes of a kind of resource.

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
        Route.get(one, get, read, answer=answer),
        Route.get(f"{one}/refs", references, read, answer=References),
        Route.put(one, change, manage, body=body),
        Route.delete(one, delete, manage),
    )
