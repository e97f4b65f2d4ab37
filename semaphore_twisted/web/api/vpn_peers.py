"""Routes of the VPN's peers: devices and hosts.

A device generates its own key pair and sends the public key. For a device that cannot,
``server_key`` makes the server generate the pair: the private key is only in the file
of the response, and is not stored.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.peers import Enrolled, Peer, PeerKind, PeerLifecycle
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.peers import ChangedPeer, NewPeer
from semaphore_twisted.web.api.vpn_answers import (
    Applied,
    EnrolledOutcome,
    Nothing,
    PeerOutcome,
    asked,
    changed,
    control,
    number,
    outcome_of,
)
from semaphore_twisted.web.http import list_pages
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.list_pages import ListQuery
from semaphore_twisted.web.http.routing import Handler, Route
from semaphore_twisted.wireguard import key_pairs, keys, profile

_Times = datetime | msgspec.UnsetType | None


class PeerRequest(NewPeer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new peer; either *public_key* or *server_key* is given."""

    public_key: Name = ""
    server_key: bool = False


class PeerChange(ChangedPeer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The changed fields of a peer; absent fields stay."""


class KeyReplacement(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A peer's next key; either *public_key* or *server_key* is given."""

    public_key: Name = ""
    server_key: bool = False


class Resumption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the peer's access expires after it is resumed; null for never."""

    expires: _Times = msgspec.UNSET


class Expiry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a peer's access expires; now if absent."""

    at: datetime | None = None


#: The filters of the list.
FILTERS: dict[str, Callable[[str], object]] = {
    "kind": PeerKind,
    "state": PeerLifecycle,
    "user_id": number,
    "project_id": number,
    "tag": str,
}


_KEYS: dict[str, Callable[[Peer], str]] = {
    "name": lambda each: each.name,
    "owner": lambda each: each.owner,
    "created": lambda each: each.created.isoformat(),
}


async def listed(context: RequestContext) -> list[Peer]:
    """List the peers that the user may see.

    Revoked ones only with ``state=revoked``.
    """
    control(context)
    rows = await context.read(peers.listed, **asked(context, FILTERS))
    return list_pages.of(
        context,
        rows,
        keys=_KEYS,
        text=lambda each: "\n".join(
            (each.name, each.owner, each.ipv4, each.ipv6, *each.tags)
        ),
    )


async def create(context: RequestContext, body: PeerRequest) -> EnrolledOutcome:
    """Create a peer; its file is in the response, and only there."""
    new, private = keyed(context, body)
    value, outcome = await changed(
        context,
        peers.create,
        new,
        keyring=context.keyring,
        options=context.options.vpn,
        key_made_here=private is not None,
    )
    return enrolled(value, outcome, private)


async def get(context: RequestContext) -> Peer:
    """Show a peer."""
    control(context)
    return await context.read(peers.get, context.path["peer_id"])


async def change(context: RequestContext, body: PeerChange) -> PeerOutcome:
    """Change a peer's name, tags or expiry."""
    return await _moved(context, peers.change, body)


async def suspend(context: RequestContext, body: Nothing) -> PeerOutcome:
    """Suspend a peer until it is resumed."""
    del body
    return await _moved(context, peers.suspend)


async def resume(context: RequestContext, body: Resumption) -> PeerOutcome:
    """Resume a suspended peer, or admit a new one."""
    return await _moved(context, peers.resume, expires=body.expires)


async def expire(context: RequestContext, body: Expiry) -> PeerOutcome:
    """Make a peer's access expire now, or at a later time."""
    return await _moved(context, peers.expire, at=body.at)


async def rotate(context: RequestContext, body: KeyReplacement) -> EnrolledOutcome:
    """Replace a peer's key; its new file is in the response, and only there."""
    new, private = keyed(context, body)
    value, outcome = await changed(
        context,
        peers.rotate,
        context.path["peer_id"],
        new.public_key,
        keyring=context.keyring,
        options=context.options.vpn,
        key_made_here=private is not None,
    )
    return enrolled(value, outcome, private)


async def revoke(context: RequestContext) -> PeerOutcome:
    """Revoke a peer permanently."""
    return await _moved(context, peers.revoke, options=context.options.vpn)


async def _moved(
    context: RequestContext,
    operation: Callable[..., Peer],
    *args: object,
    **kwargs: object,
) -> PeerOutcome:
    value, outcome = await changed(
        context, operation, context.path["peer_id"], *args, **kwargs
    )
    return outcome_of(PeerOutcome, value, outcome)


def keyed(context: RequestContext, body: Any) -> tuple[Any, bytes | None]:
    """Return *body* with a public key, and the private key if it was generated here.

    :raises Invalid: unless exactly one of the two fields is given
    """
    if body.server_key == bool(body.public_key):
        raise Invalid("public_key: expected either public_key or server_key")
    if not body.server_key:
        return body, None
    pair = key_pairs.new_pair(context.services.entropy)
    made = msgspec.structs.replace(body, public_key=keys.format(pair.public_key))
    return made, pair.private_key


def enrolled(
    value: Enrolled, outcome: Applied, private: bytes | None
) -> EnrolledOutcome:
    """Return the response for a device, with its private key if generated here."""
    if private is not None:
        text = profile.complete(value.config, private)
        value = msgspec.structs.replace(value, config=text)
    return outcome_of(EnrolledOutcome, value, outcome)


def routes(
    prefix: str, handlers: dict[str, Handler], read: Access, write: Access, body: object
) -> tuple[Route, ...]:
    """Return the routes of peers below *prefix*; *body* is the type of a new one."""
    every = f"{prefix}/peers"
    one = f"{every}/{{peer_id}}"
    do = handlers
    return (
        Route.get(every, do["listed"], read, query=ListQuery, answer=list[Peer]),
        Route.post(
            every, do["create"], write, body=body, answer=EnrolledOutcome, status=201
        ),
        Route.get(one, do["get"], read, answer=Peer),
        Route.put(one, do["change"], write, body=PeerChange, answer=PeerOutcome),
        Route.delete(one, do["revoke"], write, answer=PeerOutcome),
        Route.post(
            f"{one}/suspend", do["suspend"], write, body=Nothing, answer=PeerOutcome
        ),
        Route.post(
            f"{one}/resume", do["resume"], write, body=Resumption, answer=PeerOutcome
        ),
        Route.post(
            f"{one}/expire", do["expire"], write, body=Expiry, answer=PeerOutcome
        ),
        Route.post(
            f"{one}/rotate",
            do["rotate"],
            write,
            body=KeyReplacement,
            answer=EnrolledOutcome,
        ),
    )


ROUTES = routes(
    "/vpn",
    {
        "listed": listed,
        "create": create,
        "get": get,
        "change": change,
        "revoke": revoke,
        "suspend": suspend,
        "resume": resume,
        "expire": expire,
        "rotate": rotate,
    },
    Access.USER,
    Access.USER,
    PeerRequest,
)
