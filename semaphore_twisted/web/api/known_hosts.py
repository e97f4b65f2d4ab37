"""Routes of known SSH hosts."""

from pathlib import Path

from semaphore_twisted.crypto.knownhosts import KnownHost
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.projects import known_hosts
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


async def listed(context: RequestContext) -> list[KnownHost]:
    """List the host keys that jobs have recorded."""
    found: list[KnownHost] = await context.compute(known_hosts.listed, _file(context))
    return found


async def forget(context: RequestContext) -> None:
    """Delete the keys of a host, written ``HOST`` or ``[HOST]:PORT``."""
    host = context.path["host"]
    await context.compute(known_hosts.forget, _file(context), host)
    await context.write(known_hosts.record, host)


def _file(context: RequestContext) -> Path:
    return Path(context.options.known_hosts)


ROUTES = (
    Route.get(
        "/known_hosts",
        listed,
        Access.ADMIN,
        answer=list[KnownHost],
        refusals=frozenset({409}),
    ),
    Route.delete(
        "/known_hosts/{host:text}", forget, Access.ADMIN, refusals=frozenset({409})
    ),
)
