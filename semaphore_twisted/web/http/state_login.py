"""Authenticates a client of the state backend by its alias, login and password."""

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from semaphore_twisted.model.errors import NotAuthenticated, TooManyAttempts
from semaphore_twisted.model.states import ALIAS
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.hook_limit import SECONDS

if TYPE_CHECKING:  # most servers have no states, and save the memory
    from semaphore_twisted.model.state_files import StateAccess

#: The client of the local socket, through which jobs come.
LOCAL = "-"


async def log_in(
    services: Services, alias: str, basic: tuple[str, str] | None, address: str
) -> "StateAccess":
    """Return what *alias* leads to, for a client at *address* that knows its password.

    A text that cannot be an alias is looked up and counted nowhere. An alias that does
    not exist is counted for its sender only, so wrong ones take no memory each.

    :raises NotAuthenticated: if there is no such alias, or the password is wrong
    :raises TooManyAttempts: after too many wrong passwords for the alias, or too many
        aliases that do not exist
    """
    # not needed at the start, and its imports cost memory
    from semaphore_twisted.operations.states.access import (  # noqa: PLC0415
        UnknownAlias,
        authenticated,
    )

    if basic is None or not ALIAS.fullmatch(alias):
        raise NotAuthenticated
    limit, client = services.state_limit, address or LOCAL
    if not limit.permits(client, alias):
        raise TooManyAttempts(retry_after=int(SECONDS))
    try:
        access: StateAccess = await services.database.read(
            authenticated, services.keyring, alias, *basic
        )
    except UnknownAlias:
        if not limit.fail_unknown(client):
            raise TooManyAttempts(retry_after=int(SECONDS)) from None
        raise
    except NotAuthenticated:
        limit.fail(client, alias)
        raise
    limit.succeed(client, alias)
    return access


def sender(
    services: Services, alias: str, basic: tuple[str, str] | None, address: str
) -> Deferred[str | None]:
    """Return the owner of a request's body, ``None`` if its sender is not known."""

    async def ask() -> str | None:
        try:
            access = await log_in(services, alias, basic, address)
        except (NotAuthenticated, TooManyAttempts):
            return None
        return f"state:{access.inventory_id}"

    return Deferred.fromCoroutine(ask())
