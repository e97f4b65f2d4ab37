"""The life cycle of peers: pending, active, suspended, expired, revoked.

The state is stored, and the desired state of the device is derived from it, so a
committed change takes effect. The owner of a device cannot undo a restriction that
another account has set (``held``).
"""

from datetime import datetime

import msgspec

from semaphore_twisted.model.errors import Conflict, NotPermitted
from semaphore_twisted.model.peers import Peer, PeerLifecycle
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.vpn import peer_addresses
from semaphore_twisted.operations.vpn.peer_rows import (
    PeerRow,
    Right,
    is_by_another,
    managed,
    record,
    stored,
)
from semaphore_twisted.operations.vpn.peer_rules import (
    USUAL,
    PeerLimits,
    check_zone,
    format_time,
    moment_of,
)
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import invites, sites
from semaphore_twisted.persistence.statements.vpn import peers as statements

_HELD = "An administrator suspended or limited this device; only one can lift that"


def suspend(conn: Connection, actor: Actor | None, peer_id: int) -> Peer:
    """Stop a peer's traffic until it is resumed.

    :raises Conflict: unless it is active, or already suspended.
    """
    row, _ = managed(conn, actor, peer_id)
    held = row.held or is_by_another(actor, row.user_id)
    if row.state is PeerLifecycle.SUSPENDED and held == row.held:
        return row.shown()
    if row.state not in {PeerLifecycle.ACTIVE, PeerLifecycle.SUSPENDED}:
        raise _no_such_move(row, "suspended")
    return _move(conn, actor, row, PeerLifecycle.SUSPENDED, held=held)


def resume(
    conn: Connection,
    actor: Actor | None,
    peer_id: int,
    *,
    expires: datetime | msgspec.UnsetType | None = msgspec.UNSET,
) -> Peer:
    """Activate a suspended, pending or expired peer.

    :raises Conflict: with the date, if it has expired and no new expiry is given; and
        for a revoked peer.
    :raises NotPermitted: if it is held, and the actor may not undo that.
    """
    row, right = managed(conn, actor, peer_id)
    check_not_revoked(row)
    if expires is msgspec.UNSET:
        if row.state is PeerLifecycle.ACTIVE:
            return row.shown()
        until = row.expires
    else:
        until = check_zone("expires", expires)
    if row.held and right < Right.RULE:
        raise NotPermitted(_HELD)
    if until is not None and until <= conn.now:
        raise Conflict(
            f"expires: {format_time(until)} is in the past; expected a later time"
        )
    held = until is not None and (row.held or is_by_another(actor, row.user_id))
    return _move(conn, actor, row, PeerLifecycle.ACTIVE, expires=until, held=held)


def expire(
    conn: Connection, actor: Actor | None, peer_id: int, *, at: datetime | None = None
) -> Peer:
    """Expire a peer now, or at the future time *at*."""
    row, right = managed(conn, actor, peer_id)
    if at is not None:
        return limit(conn, actor, row, right, at)
    check_not_revoked(row)
    if row.state is PeerLifecycle.EXPIRED:
        return row.shown()
    held = row.held or is_by_another(actor, row.user_id)
    over = conn.now if row.expires is None else min(row.expires, conn.now)
    return _move(conn, actor, row, PeerLifecycle.EXPIRED, expires=over, held=held)


def limit(
    conn: Connection,
    actor: Actor | None,
    row: PeerRow,
    right: Right,
    expires: datetime | None,
) -> Peer:
    """Set when a peer expires; ``None`` for never.

    :raises Conflict: if it has already expired or was revoked.
    :raises NotPermitted: if it is held and would expire later.
    """
    check_not_revoked(row)
    until = moment_of("expires", expires, conn.now)
    if row.state is PeerLifecycle.EXPIRED:
        raise Conflict(
            f"expires: the peer expired at {_over(row)}; resume it with a later one"
        )
    if until == row.expires:
        return row.shown()
    if row.held and right < Right.RULE and not _is_earlier(until, row.expires):
        raise NotPermitted(_HELD)
    waits = row.state is not PeerLifecycle.ACTIVE
    held = row.held and (waits or until is not None)
    held = held or (until is not None and is_by_another(actor, row.user_id))
    conn.update(schema.vpn_peer, row.id, expires=until, held=held)
    when = "never" if until is None else f"at {format_time(until)}"
    record(conn, actor, row, f"ends {when} (before: {_before(row)})")
    return stored(conn, row.id).shown()


def revoke(
    conn: Connection, actor: Actor | None, peer_id: int, *, options: PeerLimits = USUAL
) -> Peer:
    """Revoke a peer permanently.

    Its key is never accepted again; its addresses are quarantined.
    """
    row, _ = managed(conn, actor, peer_id)
    if row.state is not PeerLifecycle.REVOKED:
        end(conn, actor, row, options=options)
    return stored(conn, row.id).shown()


def end(
    conn: Connection,
    actor: Actor | None,
    row: PeerRow,
    *,
    options: PeerLimits = USUAL,
    why: str = "",
) -> None:
    """Revoke a peer; the caller has checked the actor's right."""
    peer_addresses.quarantine(conn, [row.ipv4, row.ipv6], options.quarantine_days)
    conn.run(sites.close_to_peer, which=row.id)
    conn.update(
        schema.vpn_peer,
        row.id,
        state=PeerLifecycle.REVOKED,
        preshared_key=None,
        ipv4=None,
        ipv6=None,
        ended=conn.now,
    )
    because = f", since {why}" if why else ""
    record(conn, actor, row, f"revoked (was {row.state}){because}")


def end_all_of_user(conn: Connection, actor: Actor | None, user_id: int) -> None:
    """Revoke all peers of a user who is being deleted, and invites the user made."""
    conn.run(invites.revoke_made_by, maker=user_id, at=conn.now)
    for row in conn.all(statements.of_user, PeerRow, user_id=user_id):
        end(conn, actor, row, why="the user is deleted")


def end_all_of_project(conn: Connection, actor: Actor | None, project_id: int) -> None:
    """Revoke all hosts of a project that is being deleted."""
    for row in conn.all(statements.of_project, PeerRow, project_id=project_id):
        end(conn, actor, row, why="the project is deleted")


def expire_due(conn: Connection) -> int:
    """Mark active peers that are past their expiry as expired; return their number."""
    due = conn.all(statements.due, PeerRow, now=conn.now)
    for row in due:
        _move(
            conn, None, row, PeerLifecycle.EXPIRED, expires=row.expires, held=row.held
        )
    return len(due)


def check_usable(row: PeerRow) -> None:
    """Accept a peer that has neither expired nor been revoked.

    :raises Conflict: otherwise.
    """
    check_not_revoked(row)
    if row.state is PeerLifecycle.EXPIRED:
        raise Conflict(
            f"The peer expired at {_over(row)}; resume it with a later one first"
        )


def _move(
    conn: Connection,
    actor: Actor | None,
    row: PeerRow,
    state: PeerLifecycle,
    *,
    held: bool,
    expires: datetime | msgspec.UnsetType | None = msgspec.UNSET,
) -> Peer:
    until = row.expires if expires is msgspec.UNSET else expires
    conn.update(
        schema.vpn_peer,
        row.id,
        state=state,
        expires=until,
        held=held,
        ended=conn.now if state is PeerLifecycle.EXPIRED else None,
    )
    what = f"{state} (was {row.state})"
    if until != row.expires and state is PeerLifecycle.ACTIVE:
        what += ", ends never" if until is None else f", ends at {format_time(until)}"
    record(conn, actor, row, what)
    return stored(conn, row.id).shown()


def check_not_revoked(row: PeerRow) -> None:
    """Accept a peer that was not revoked.

    :raises Conflict: if it was.
    """
    if row.state is PeerLifecycle.REVOKED:
        raise Conflict("The peer was revoked, which is final; enroll the device anew")


def _no_such_move(row: PeerRow, expected: str) -> Conflict:
    if row.state is PeerLifecycle.REVOKED:
        return Conflict("The peer was revoked, which is final; enroll the device anew")
    return Conflict(f"The peer is {row.state}; only active ones can be {expected}")


def _is_earlier(until: datetime | None, before: datetime | None) -> bool:
    return until is not None and (before is None or until <= before)


def _over(row: PeerRow) -> str:
    return format_time(row.expires) if row.expires is not None else "a time unknown"


def _before(row: PeerRow) -> str:
    return "never" if row.expires is None else format_time(row.expires)
