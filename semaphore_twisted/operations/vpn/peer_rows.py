"""The stored form of peers, and the rights to see and manage them."""

from datetime import datetime
from enum import IntEnum
from typing import ClassVar

import msgspec

from semaphore_twisted.model.errors import NotFound, NotPermitted
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import Peer, PeerKind, PeerLifecycle
from semaphore_twisted.model.users import Actor, Permission, Role
from semaphore_twisted.operations import events
from semaphore_twisted.operations.vpn import network
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import network as network_statements
from semaphore_twisted.persistence.statements.vpn import peers as statements
from semaphore_twisted.wireguard import keys


class PeerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A peer as it is stored, without its preshared key."""

    id: int
    uuid: str
    name: str
    kind: PeerKind
    state: PeerLifecycle
    user_id: UserId | None
    project_id: ProjectId | None
    owner: str
    public_key: bytes
    ipv4: str
    ipv6: str
    tags: tuple[str, ...]
    created: datetime
    expires: datetime | None
    held: bool
    last_handshake: datetime | None
    received: int
    sent: int
    ownerless: bool  # the user is disabled, or the project was deleted
    fault: str | msgspec.UnsetType = msgspec.UNSET

    #: Columns that may be emptied if damaged; they do not decide about access.
    MENDED: ClassVar = ("tags",)

    def shown(self) -> Peer:
        """Return the peer as the API shows it."""
        return Peer(
            id=self.id,
            uuid=self.uuid,
            name=self.name,
            kind=self.kind,
            state=self.state,
            user_id=self.user_id,
            project_id=self.project_id,
            owner=self.owner,
            public_key=keys.format(self.public_key),
            ipv4=self.ipv4,
            ipv6=self.ipv6,
            tags=self.tags,
            created=self.created,
            expires=self.expires,
            last_handshake=self.last_handshake,
            received=self.received,
            sent=self.sent,
            fault=self.fault,
            stopped=self._stopped(),
        )

    def _stopped(self) -> str:
        if self.state is not PeerLifecycle.ACTIVE or not self.ownerless:
            return ""
        return "its user is disabled" if self.user_id else "it has no owner"


class Right(IntEnum):
    """Rights over a peer; each includes the ones before.

    An owner (``OWN``) cannot undo a restriction set by another account (``held``);
    ``RULE`` can.
    """

    NOTHING = 0
    SEE = 1
    OWN = 2
    RULE = 3


def right_of(
    conn: Connection, actor: Actor | None, user_id: int | None, project_id: int | None
) -> Right:
    """Return the right of *actor* over peers of a user or a project."""
    if actor is None:
        return Right.RULE
    if actor.project_id is not None:
        if project_id != actor.project_id:
            return Right.NOTHING
        return Right.RULE if actor.may(Permission.MANAGE_RESOURCES) else Right.SEE
    if actor.user.admin:
        return Right.RULE
    if project_id is not None:
        return _right_in(conn, actor, project_id)
    return Right.OWN if user_id == actor.user.id else Right.NOTHING


def manages(role: str) -> bool:
    """Return whether a member with *role* manages the hosts of its project."""
    return bool(Role(role).permissions & Permission.MANAGE_RESOURCES)


def _right_in(conn: Connection, actor: Actor, project_id: int) -> Right:
    """Return the right of a member over a project's hosts, outside of the project."""
    role = conn.scalar(
        network_statements.role, user_id=actor.user.id, project_id=project_id
    )
    if role is None:
        return Right.NOTHING
    return Right.RULE if manages(role) else Right.SEE


def stored(conn: Connection, peer_id: int) -> PeerRow:
    """Return a peer that is expected to exist."""
    row = conn.one(statements.by_id, PeerRow, peer_id=peer_id)
    if row is None:
        raise _no_peer(peer_id)
    return row


def seen(conn: Connection, actor: Actor | None, peer_id: int) -> tuple[PeerRow, Right]:
    """Return a peer that *actor* sees, and the actor's right over it.

    :raises NotFound: if there is no such peer, or the actor does not see it.
    """
    row = stored(conn, peer_id)
    right = right_of(conn, actor, row.user_id, row.project_id)
    if right is Right.NOTHING:
        raise _no_peer(peer_id)
    return row, right


def _no_peer(peer_id: int) -> NotFound:
    return NotFound(f"There is no peer {peer_id}")


def managed(
    conn: Connection, actor: Actor | None, peer_id: int
) -> tuple[PeerRow, Right]:
    """Return a peer that *actor* manages, and the actor's right over it.

    :raises NotFound: if the actor does not see it.
    :raises NotPermitted: if the actor may only see it.
    """
    row, right = seen(conn, actor, peer_id)
    if right < Right.OWN:
        raise NotPermitted
    return row, right


def is_by_another(actor: Actor | None, user_id: int | None) -> bool:
    """Return whether the actor is not the user who owns the device."""
    return user_id is not None and (actor is None or actor.user.id != user_id)


def record(
    conn: Connection,
    actor: Actor | None,
    row: PeerRow,
    what: str,
    *,
    address: str = "",
) -> None:
    """Increase the revision, and record a change of a peer; never with a key."""
    network.record_change(
        conn,
        actor,
        row.id,
        row.name,
        f"of {row.owner}: {what}",
        kind=events.VPN_PEER,
        project_id=row.project_id,
        address=address,
    )
