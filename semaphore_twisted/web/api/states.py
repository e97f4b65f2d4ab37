"""Routes of a workspace's state: aliases, versions and the lock.

The operations are imported where they are used: most servers have no
states, and save the memory.
"""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from semaphore_twisted.model.errors import Busy
from semaphore_twisted.model.ids import AliasId, InventoryId, StateId
from semaphore_twisted.model.states import (
    NewStateAlias,
    StateAlias,
    StateLock,
    StateVersion,
)
from semaphore_twisted.model.users import Access
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import JSON, Response, StreamedResponse
from semaphore_twisted.web.http.routing import Route

#: Characters of the id of a lock.
_LOCK_ID = 255

#: How often a rollback is tried, if other versions are stored meanwhile.
_ATTEMPTS = 3


class LockQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The lock that is removed."""

    lock_id: Annotated[
        str, Meta(max_length=_LOCK_ID, description="The id of the lock, as it was read")
    ] = ""


async def aliases(context: RequestContext) -> list[StateAlias]:
    """List the aliases of a workspace's state."""
    from semaphore_twisted.operations.states import aliases as of_aliases  # noqa: PLC0415

    return await context.read(
        of_aliases.listed, _workspace(context), site=context.site_url
    )


async def create_alias(context: RequestContext, body: NewStateAlias) -> StateAlias:
    """Create an alias of a workspace's state; the status is 200, as in Semaphore."""
    from semaphore_twisted.operations.states import aliases as of_aliases  # noqa: PLC0415

    return await context.write(
        of_aliases.create, _workspace(context), body, site=context.site_url
    )


async def get_alias(context: RequestContext) -> StateAlias:
    """Show an alias of a workspace's state."""
    from semaphore_twisted.operations.states import aliases as of_aliases  # noqa: PLC0415

    return await context.read(
        of_aliases.get, _workspace(context), _alias(context), site=context.site_url
    )


async def change_alias(context: RequestContext, body: NewStateAlias) -> None:
    """Protect an alias with another access key."""
    from semaphore_twisted.operations.states import aliases as of_aliases  # noqa: PLC0415

    await context.write(of_aliases.change, _workspace(context), _alias(context), body)


async def delete_alias(context: RequestContext) -> None:
    """Delete an alias; clients that use it are refused from then on."""
    from semaphore_twisted.operations.states import aliases as of_aliases  # noqa: PLC0415

    await context.write(of_aliases.delete, _workspace(context), _alias(context))


async def versions(context: RequestContext) -> list[StateVersion]:
    """List the versions of a workspace's state, newest first, without contents."""
    from semaphore_twisted.operations.states import versions as operations  # noqa: PLC0415

    return await context.read(operations.listed, _workspace(context))


async def latest(context: RequestContext) -> StateVersion:
    """Show the present version, without its content."""
    from semaphore_twisted.operations.states import versions as operations  # noqa: PLC0415

    return await context.read(operations.latest, _workspace(context))


async def get(context: RequestContext) -> StateVersion:
    """Show a version, without its content."""
    from semaphore_twisted.operations.states import versions as operations  # noqa: PLC0415

    return await context.read(operations.get, _workspace(context), _state(context))


async def content(context: RequestContext) -> Response:
    """Send the content of a version, as Terraform stored it; it has secrets.

    An event records who read it.
    """
    from semaphore_twisted.operations.states import versions as operations  # noqa: PLC0415

    place = _workspace(context), _state(context)
    text = await context.long_read(operations.content_of, context.keyring, *place)
    await context.write(operations.record_reading, *place)
    return Response(200, text, JSON)


async def delete(context: RequestContext) -> None:
    """Delete a version; the present one only if it is the last one left."""
    from semaphore_twisted.operations.states import versions as operations  # noqa: PLC0415

    await context.write(operations.delete, _workspace(context), _state(context))


async def roll_back(context: RequestContext) -> StateVersion:
    """Store an old version once more, as the next one with a higher serial."""
    from semaphore_twisted.operations.states import versions as operations  # noqa: PLC0415

    inventory_id, state_id = _workspace(context), _state(context)
    entropy = context.services.entropy
    for _ in range(_ATTEMPTS):
        old = await context.long_read(
            operations.for_roll_back, context.keyring, inventory_id, state_id
        )
        new = await context.compute(
            operations.sealed_again,
            old,
            keyring=context.keyring,
            uuid=str(UUID(bytes=entropy(16), version=4)),
            entropy=entropy,
        )
        stored = await context.write(
            operations.roll_back, inventory_id, state_id, new, after=old.newest
        )
        if stored is not None:
            return stored
    raise Busy("Other versions of the state are being stored; try again")


async def listed_locks(context: RequestContext) -> list[StateLock]:
    """Show who has locked a workspace's state: a list of one lock, or of none."""
    from semaphore_twisted.operations.states import locks  # noqa: PLC0415

    return await context.read(locks.listed, _workspace(context))


async def force_unlock(context: RequestContext) -> None:
    """Remove the lock of another client, which must not be running any more."""
    from semaphore_twisted.operations.states import locks  # noqa: PLC0415

    asked = context.parameters(LockQuery)
    await context.write(locks.force_unlock, _workspace(context), lock_id=asked.lock_id)


def _workspace(context: RequestContext) -> InventoryId:
    return InventoryId(context.path["inventory_id"])


def _alias(context: RequestContext) -> AliasId:
    return AliasId(context.path["alias_id"])


def _state(context: RequestContext) -> StateId:
    return StateId(context.path["state_id"])


_ALL = "/project/{project_id}/inventory/{inventory_id}/terraform"
_ALIAS = f"{_ALL}/aliases/{{alias_id}}"
_STATE = f"{_ALL}/states/{{state_id}}"
_READ, _MANAGE = Access.MEMBER, Access.MANAGE_RESOURCES

ROUTES = (
    Route.get(f"{_ALL}/aliases", aliases, _READ, answer=list[StateAlias]),
    Route.post(
        f"{_ALL}/aliases",
        create_alias,
        _MANAGE,
        body=NewStateAlias,
        answer=StateAlias,
    ),
    Route.get(_ALIAS, get_alias, _READ, answer=StateAlias),
    Route.put(_ALIAS, change_alias, _MANAGE, body=NewStateAlias),
    Route.delete(_ALIAS, delete_alias, _MANAGE),
    Route.get(f"{_ALL}/states", versions, _READ, answer=list[StateVersion]),
    Route.get(f"{_ALL}/states/latest", latest, _READ, answer=StateVersion),
    Route.get(_STATE, get, _READ, answer=StateVersion),
    Route.get(
        f"{_STATE}/content",
        content,
        _MANAGE,
        answer=StreamedResponse,
    ),
    Route.delete(_STATE, delete, _MANAGE),
    Route.post(
        f"{_STATE}/rollback", roll_back, _MANAGE, answer=StateVersion, status=201
    ),
    Route.get(f"{_ALL}/locks", listed_locks, _READ, answer=list[StateLock]),
    Route.delete(f"{_ALL}/locks", force_unlock, _MANAGE, query=LockQuery),
)
