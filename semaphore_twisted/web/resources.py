"""The routes that all kinds of project resources share."""

from collections.abc import Awaitable, Callable
from typing import Any

from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.references import References
from semaphore_twisted.web.routing import Route

Handler = Callable[..., Awaitable[Any]]


def resource_routes(
    *,
    every: str,
    one: str,
    read: Access,
    body: Any,
    answer: Any,
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
        Route(
            method="GET",
            pattern=every,
            handler=listed,
            access=read,
            answer=list[answer],
        ),
        Route(
            method="POST",
            pattern=every,
            handler=create,
            access=manage,
            body=body,
            answer=answer,
            status=201,
        ),
        Route(method="GET", pattern=one, handler=get, access=read, answer=answer),
        Route(
            method="GET",
            pattern=f"{one}/refs",
            handler=references,
            access=read,
            answer=References,
        ),
        Route(
            method="PUT",
            pattern=one,
            handler=change,
            access=manage,
            body=body,
            status=204,
        ),
        Route(method="DELETE", pattern=one, handler=delete, access=manage, status=204),
    )
