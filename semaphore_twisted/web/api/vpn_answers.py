"""Shared by the VPN routes: responses that tell whether the device has a change.

A change is committed before the response. *applied* says whether the device has it too;
otherwise *reason* says why not, and it is applied as soon as possible.
"""

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from msgspec.structs import asdict

from semaphore_twisted.interfaces import IPeerControl
from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.peers import (
    Enrolled,
    Invite,
    Network,
    NetworkGrant,
    Peer,
    SiteNetwork,
)
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.vpn import network
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http.context import RequestContext

P = ParamSpec("P")
T = TypeVar("T")

NOT_SET_UP = "The VPN is not set up on this server: semaphore vpn init"


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body without fields."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the device has a change, and the reason if it has not."""

    applied: bool
    reason: str = ""


class NetworkOutcome(Network, frozen=True, kw_only=True):
    """The VPN's settings after a change."""

    applied: bool
    reason: str = ""


class PeerOutcome(Peer, frozen=True, kw_only=True):
    """A peer after a change."""

    applied: bool
    reason: str = ""


class EnrolledOutcome(Enrolled, frozen=True, kw_only=True):
    """The data that a new peer needs, shown only now."""

    applied: bool
    reason: str = ""


class InviteOutcome(Invite, frozen=True, kw_only=True):
    """An invite after a change."""

    applied: bool
    reason: str = ""


class SiteOutcome(SiteNetwork, frozen=True, kw_only=True):
    """A site network after a change."""

    applied: bool
    reason: str = ""


class GrantOutcome(NetworkGrant, frozen=True, kw_only=True):
    """A grant after a change."""

    applied: bool
    reason: str = ""


def control(context: RequestContext) -> IPeerControl:
    """Return the service of the VPN.

    :raises Conflict: if there is no VPN
    """
    peers = context.services.peers
    if peers is None:
        raise Conflict(NOT_SET_UP)
    return peers


async def changed(
    context: RequestContext,
    operation: Callable[Concatenate[Connection, Actor, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> tuple[T, Applied]:
    """Run a changing *operation*; return its result and whether it was applied."""
    peers = control(context)
    value, revision = await context.write(noted, operation, *args, **kwargs)
    return value, await applied(peers, revision)


def noted(
    conn: Connection,
    actor: Actor,
    operation: Callable[Concatenate[Connection, Actor, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> tuple[T, int]:
    """Run *operation*; return its result and the revision that it created."""
    return operation(conn, actor, *args, **kwargs), network.revision(conn)


async def applied(peers: IPeerControl, revision: int) -> Applied:
    """Wait briefly until the device has *revision*."""
    peers.wake()
    reason = await peers.applied(revision)
    return Applied(applied=not reason, reason=reason)


def outcome_of(kind: type[T], value: msgspec.Struct, outcome: Applied) -> T:
    """Return *value* as *kind*, which adds the fields of *outcome*."""
    return kind(**asdict(value), **asdict(outcome))


def asked(
    context: RequestContext, known: Mapping[str, Callable[[str], object]]
) -> dict[str, Any]:
    """Return the query as arguments; refuse parameters that are not *known*.

    Those that the route declares are left out: ``context.parameters`` reads them.

    :raises Invalid: naming the parameter
    """
    found = {}
    query = context.route.query
    declared = () if query is None else query.__struct_encode_fields__
    for name, text in context.query.items():
        if name in declared:
            continue
        read = known.get(name)
        if read is None:
            raise Invalid(
                f"unknown parameter {quoted(name)}; expected {' or '.join(known)}"
                if known
                else f"unknown parameter {quoted(name)}; expected none"
            )
        try:
            found[name] = read(text)
        except ValueError:
            raise Invalid(f"{name}: invalid value {quoted(text)}") from None
    return found


def number(text: str) -> int:
    """Return the number in a parameter."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise ValueError(text)
    return int(text)


def truth(text: str) -> bool:
    """Return the boolean in a parameter."""
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"
