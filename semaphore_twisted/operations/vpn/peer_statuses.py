"""Status of peers as reported by the device: stored, and filtered by visibility.

The device's counters restart from zero when the device is created again. The totals are
therefore stored separately from the last counters, and never decrease.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.users import Actor, Permission
from semaphore_twisted.operations.vpn.peer_rows import manages
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import network as network_statements
from semaphore_twisted.persistence.statements.vpn import peers as statements
from semaphore_twisted.wireguard.wire import Status

#: A peer in use makes a handshake every 120 seconds; the rest is tolerance.
ONLINE = 180


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The stored statistics of a peer; *received* and *sent* as the server counts."""

    id: int
    name: str
    user_id: UserId | None
    project_id: ProjectId | None
    public_key: bytes
    last_handshake: datetime | None
    outer_endpoint: str | None
    received: int
    sent: int
    device_received: int
    device_sent: int


def observed(conn: Connection, statuses: Sequence[Status]) -> list[PeerStatus]:
    """Store the reported status of the peers; return it as the API shows it.

    Unchanged rows are not written; keys without a peer are ignored.
    """
    known = {each.public_key: each for each in conn.all(statements.observed, _Known)}
    peer_statuses = []
    for status in statuses:
        before = known.get(status.public_key)
        if before is None:
            continue
        after = _updated(before, status)
        if after != before:
            _write(conn, after)
        peer_statuses.append(_shown(after, status, conn.now))
    return peer_statuses


def statuses(
    conn: Connection, actor: Actor | None, seen: Sequence[PeerStatus]
) -> list[PeerStatus]:
    """Return the statuses that the actor may see.

    Only a device's owner, administrators, and managers of a host's project see the
    endpoint outside of the tunnel.
    """
    if actor is None or (actor.user.admin and actor.project_id is None):
        return list(seen)
    if actor.project_id is not None:
        managed = {actor.project_id: actor.may(Permission.MANAGE_RESOURCES)}
        own = None
    else:
        own = actor.user.id
        managed = {
            ProjectId(project): manages(role)
            for project, role in conn.execute(network_statements.roles, user_id=own)
        }
    peer_statuses = []
    for each in seen:
        if each.project_id is not None:
            if each.project_id in managed:
                whole = managed[each.project_id]
                peer_statuses.append(each if whole else replace(each, endpoint=None))
        elif own is not None and each.user_id == own:
            peer_statuses.append(each)
    return peer_statuses


def _updated(before: _Known, status: Status) -> _Known:
    handshake = before.last_handshake
    if status.handshake > 0:
        seen = datetime.fromtimestamp(status.handshake, UTC)
        handshake = seen if handshake is None else max(seen, handshake)
    return replace(
        before,
        last_handshake=handshake,
        outer_endpoint=status.endpoint or before.outer_endpoint,
        received=before.received + _risen(before.device_received, status.received),
        sent=before.sent + _risen(before.device_sent, status.sent),
        device_received=status.received,
        device_sent=status.sent,
    )


def _risen(before: int, now: int) -> int:
    return now - before if now >= before else now


def _write(conn: Connection, after: _Known) -> None:
    conn.run(
        statements.observe,
        peer_id=after.id,
        handshake=after.last_handshake,
        endpoint=after.outer_endpoint,
        total_received=after.received,
        total_sent=after.sent,
        now_received=after.device_received,
        now_sent=after.device_sent,
    )


def _shown(after: _Known, status: Status, now: datetime) -> PeerStatus:
    age = None
    if after.last_handshake is not None:
        age = max(int((now - after.last_handshake).total_seconds()), 0)
    return PeerStatus(
        id=after.id,
        name=after.name,
        online="never" if age is None else "active" if age <= ONLINE else "idle",
        last_handshake=after.last_handshake,
        age_seconds=age,
        received=after.sent,
        sent=after.received,
        endpoint=status.endpoint,
        user_id=after.user_id,
        project_id=after.project_id,
    )
