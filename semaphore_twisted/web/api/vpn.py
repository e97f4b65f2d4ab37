"""Routes of the VPN itself: settings, status, pending changes and diagnosis."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from semaphore_twisted.model.errors import Conflict, DomainError
from semaphore_twisted.model.peers import Network, PeerStatus
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.network import ChangedNetwork, PoolUsage
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.api.vpn_answers import (
    Applied,
    NetworkOutcome,
    Nothing,
    asked,
    changed,
    control,
    outcome_of,
)
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


class NetworkChange(
    ChangedNetwork, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The changed settings; absent fields stay."""


class VpnStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of the VPN.

    *status* is ``ok`` or ``unavailable``; in the latter case *reason* says why, and
    *peers* is null. *wanted* is the revision in the database, *revision* the one on the
    device, *applied* whether they are equal. *unsafe* is true while the removal of most
    peers waits for an administrator, since the database gives no reason for it.
    """

    status: str
    reason: str
    connected: bool
    backend: str
    interface: str
    time: datetime | None
    wanted: int
    revision: int | None
    applied: bool
    unsafe: bool
    peers: list[PeerStatus] | None


class VpnPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that the next synchronization would make, one sentence each."""

    changes: Sequence[str]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check; *level* is ``ok``, ``warning`` or ``error``."""

    subject: str
    level: str
    sentence: str


class VpnDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all checks."""

    findings: list[Found]


async def network(context: RequestContext) -> Network:
    """Show the settings."""
    control(context)
    asked(context, {})
    return await context.read(vpn_network.get, context.options.vpn)


async def change_network(
    context: RequestContext, body: NetworkChange
) -> NetworkOutcome:
    """Change the endpoint or the MTU; existing client files are not updated."""
    value, outcome = await changed(
        context, vpn_network.change, body, options=context.options.vpn
    )
    return outcome_of(NetworkOutcome, value, outcome)


async def pools(context: RequestContext) -> list[PoolUsage]:
    """Show the used and free addresses of each pool."""
    control(context)
    return await context.read(vpn_network.pools)


async def status(context: RequestContext) -> VpnStatus:
    """Show the status of the VPN and of the peers that the user may see.

    Without the companion or its device it is unavailable, and no peers are shown.
    """
    service = control(context)
    asked(context, {})
    reason, statuses = "", None
    try:
        statuses = await service.statuses()
    except DomainError as error:
        reason = error.message
    known = service.state()
    shown, wanted = await context.read(_seen, statuses or ())
    revision = known.revision if known.revision >= 0 else None
    return VpnStatus(
        status="unavailable" if statuses is None else "ok",
        reason=reason or known.reason or known.error,
        connected=known.connected,
        backend=known.backend,
        interface=known.interface,
        time=known.last_poll,
        wanted=wanted,
        revision=revision,
        applied=revision is not None and revision >= wanted and statuses is not None,
        unsafe=known.unsafe,
        peers=None if statuses is None else shown,
    )


def _seen(
    conn: Connection, actor: Actor, statuses: Sequence[PeerStatus]
) -> tuple[list[PeerStatus], int]:
    return peers.statuses(conn, actor, statuses), vpn_network.revision(conn)


async def plan(context: RequestContext) -> VpnPlan:
    """Show the pending changes of the device."""
    return VpnPlan(changes=await control(context).plan())


async def confirm(context: RequestContext, body: Nothing) -> Applied:
    """Confirm the removal of most peers, which was held back as unexplained."""
    del body
    service = control(context)
    if not service.state().unsafe:
        raise Conflict("No removal waits for a confirmation")
    await context.write(vpn_network.confirm_mass_removal)
    reason = await service.confirm_mass_removal()
    return Applied(applied=not reason, reason=reason)


async def doctor(context: RequestContext) -> VpnDiagnosis:
    """Check everything that the VPN needs."""
    findings = await control(context).diagnose()
    return VpnDiagnosis(
        findings=[
            Found(subject=each.subject, level=each.level, sentence=each.sentence)
            for each in findings
        ]
    )


ROUTES = (
    Route.get("/vpn/network", network, Access.USER, answer=Network),
    Route.put(
        "/vpn/network",
        change_network,
        Access.ADMIN,
        body=NetworkChange,
        answer=NetworkOutcome,
    ),
    Route.get("/vpn/pools", pools, Access.ADMIN, answer=list[PoolUsage]),
    Route.get("/vpn/status", status, Access.USER, answer=VpnStatus),
    Route.get("/vpn/plan", plan, Access.ADMIN, answer=VpnPlan),
    Route.post("/vpn/confirm", confirm, Access.ADMIN, body=Nothing, answer=Applied),
    Route.get("/vpn/doctor", doctor, Access.ADMIN, answer=VpnDiagnosis),
)
