"""What the device says of its peers: kept in the store, and shown to whom it may be.

The device counts from nought whenever it is made anew, so totals are kept apart from
what it had counted last, and never fall.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.users import Actor, Permission
from semaphore_twisted.operations.peer_rows import manages
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import vpn as network_statements
from semaphore_twisted.persistence.statements import vpn_peers as statements
from semaphore_twisted.wireguard.wire import Status

#: A peer that is in touch makes a handshake each 120 seconds, and some slack.
ONLINE = 180


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a peer; *received* and *sent* are the server's view."""

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
    """Keep what the device says of its peers; return it as their users see it.

    Rows that did not change are not written; keys that no peer has are passed over.
    """
    known = {each.public_key: each for each in conn.all(statements.observed, _Known)}
    found = []
    for status in statuses:
        before = known.get(status.public_key)
        if before is None:
            continue
        after = _updated(before, status)
        if after != before:
            _write(conn, after)
        found.append(_shown(after, status, conn.now))
    return found


def statuses(
    conn: Connection, actor: Actor | None, seen: Sequence[PeerStatus]
) -> list[PeerStatus]:
    """Return what the actor may see of *seen*.

    Where a device is outside of the tunnel is for its owner and administrators, and
    for those who manage the project of a host.
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
    found = []
    for each in seen:
        if each.project_id is not None:
            if each.project_id in managed:
                whole = managed[each.project_id]
                found.append(each if whole else replace(each, endpoint=None))
        elif own is not None and each.user_id == own:
            found.append(each)
    return found


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
