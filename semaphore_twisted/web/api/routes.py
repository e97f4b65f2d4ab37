"""Every route of the API."""

from importlib import import_module
from importlib.util import find_spec

from semaphore_twisted.web.routing import Route

_NOUNS = (
    "system",
    "auth",
    "users",
    "tokens",
    "projects",
    "members",
    "events",
    "views",
    "keys",
    "repositories",
    "inventory",
    "environment",
    "templates",
    "tasks",
)


def _routes() -> tuple[Route, ...]:
    package = __name__.rpartition(".")[0]
    return tuple(
        route
        for noun in _NOUNS
        if find_spec(f"{package}.{noun}") is not None
        for route in import_module(f"{package}.{noun}").ROUTES
    )


ROUTES: tuple[Route, ...] = _routes()
