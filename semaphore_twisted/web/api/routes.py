"""Every route of the API."""

from semaphore_twisted.web.api import (
    auth,
    environment,
    events,
    inventory,
    keys,
    members,
    projects,
    repositories,
    system,
    tasks,
    templates,
    tokens,
    users,
    views,
)
from semaphore_twisted.web.routing import Route

ROUTES: tuple[Route, ...] = (
    *system.ROUTES,
    *auth.ROUTES,
    *users.ROUTES,
    *tokens.ROUTES,
    *projects.ROUTES,
    *members.ROUTES,
    *events.ROUTES,
    *views.ROUTES,
    *keys.ROUTES,
    *repositories.ROUTES,
    *inventory.ROUTES,
    *environment.ROUTES,
    *templates.ROUTES,
    *tasks.ROUTES,
)
