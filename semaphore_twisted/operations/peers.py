"""Devices and hosts of the VPN: what an actor can do with them.

A user sees and manages his own devices; the hosts of a project are seen by its members
and managed by those who manage its resources; administrators may do everything, and so
may whoever is at the machine's own console (``None``). What somebody may not see does
not exist for him. In a project (the actor's ``project_id``) only its hosts exist.

Each change raises the network's revision and leaves one event.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import (
    Enrolled,
    Peer,
    PeerKind,
    PeerState,
    PeerStatus,
)
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.peer_rules import USUAL, Options
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.wireguard.serverfile import ImportedPeer
from semaphore_twisted.wireguard.state import DesiredPeer, Grant
from semaphore_twisted.wireguard.wire import Status


class NewPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer to be made.

    A device belongs to *user_id* (whoever asks, if not given), a host to
    *project_id*. *grants* are names of site networks that it may enter, which only an
    administrator opens. Unless *preshared* is false it gets a preshared key.
    """

    name: str
    public_key: str
    kind: PeerKind = PeerKind.LAPTOP
    user_id: UserId | None = None
    project_id: ProjectId | None = None
    expires: datetime | None = None
    tags: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    preshared: bool = True


class ChangedPeer(msgspec.Struct, frozen=True, kw_only=True):
    """What is changed of a peer; what is not given stays. ``None`` is never."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    tags: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    expires: datetime | None | msgspec.UnsetType = msgspec.UNSET


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """What the device should be.

    *damaged* has a sentence for each peer that is left out because its row is broken.
    *opened* are the preshared keys by their envelopes, to be given to the next read.
    """

    revision: int
    peers: tuple[DesiredPeer, ...]
    grants: tuple[Grant, ...]
    damaged: tuple[str, ...]
    next_expiry: datetime | None
    opened: Mapping[str, bytes]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did: those that are new, and how many were here already."""

    added: tuple[Peer, ...]
    present: int


def listed(
    conn: Connection,
    actor: Actor | None,
    *,
    kind: PeerKind | None = None,
    state: PeerState | None = None,
    user_id: int | None = None,
    project_id: int | None = None,
    tag: str | None = None,
) -> list[Peer]:
    """Return the peers that the actor sees, by name; revoked ones only if asked for."""
    raise NotImplementedError


def get(conn: Connection, actor: Actor | None, peer_id: int) -> Peer:
    """Return a peer.

    :raises NotFound: if there is none that the actor sees.
    """
    raise NotImplementedError


def find(conn: Connection, actor: Actor | None, text: str) -> Peer:
    """Return the peer of a uuid, number or name; revoked ones by the former two.

    :raises NotFound: if there is none that the actor sees.
    :raises Conflict: naming them, if there are several.
    """
    raise NotImplementedError


def create(
    conn: Connection,
    actor: Actor | None,
    new: NewPeer,
    *,
    keyring: Keyring,
    options: Options = USUAL,
    key_made_here: bool = False,
) -> Enrolled:
    """Make a peer; *key_made_here* is noted in its event.

    :raises Conflict: if its name or key is used, or no address or device is left.
    """
    raise NotImplementedError


def change(
    conn: Connection, actor: Actor | None, peer_id: int, changed: ChangedPeer
) -> Peer:
    """Change a peer's name, tags, or when it ends."""
    raise NotImplementedError


def suspend(conn: Connection, actor: Actor | None, peer_id: int) -> Peer:
    """Stop a peer's traffic until it is resumed."""
    raise NotImplementedError


def resume(
    conn: Connection,
    actor: Actor | None,
    peer_id: int,
    *,
    expires: datetime | None | msgspec.UnsetType = msgspec.UNSET,
) -> Peer:
    """Let a suspended, pending or expired peer in again.

    :raises Conflict: with the date, if its time is over and no new one is given.
    """
    raise NotImplementedError


def expire(
    conn: Connection, actor: Actor | None, peer_id: int, *, at: datetime | None = None
) -> Peer:
    """End a peer's access now, or *at* a time to come."""
    raise NotImplementedError


def rotate(
    conn: Connection,
    actor: Actor | None,
    peer_id: int,
    public_key: str,
    *,
    keyring: Keyring,
    options: Options = USUAL,
    key_made_here: bool = False,
) -> Enrolled:
    """Give a peer another key, and another preshared one; all else stays."""
    raise NotImplementedError


def revoke(
    conn: Connection, actor: Actor | None, peer_id: int, *, options: Options = USUAL
) -> Peer:
    """End a peer for good; its key is never taken again, its addresses for a while."""
    raise NotImplementedError


def import_(
    conn: Connection,
    actor: Actor | None,
    peers: Sequence[ImportedPeer],
    *,
    keyring: Keyring,
    kind: PeerKind = PeerKind.LAPTOP,
    user_id: UserId | None = None,
    project_id: ProjectId | None = None,
) -> Imported:
    """Take peers of another product over, with their keys and addresses.

    :raises Conflict: naming the line, if an address is used; nothing is taken then.
    """
    raise NotImplementedError


def desired(
    conn: Connection,
    keyring: Keyring,
    opened: Mapping[str, bytes],
    sites: Collection[str] | None = None,
) -> Desired:
    """Return what the device should be; grants only for networks of *sites*, if given.

    *opened* is that of the last :class:`Desired`, or empty.
    """
    raise NotImplementedError


def unexplained(conn: Connection, keys: Collection[bytes]) -> int:
    """Return for how many of *keys* there is no reason here to remove them."""
    raise NotImplementedError


def expire_due(conn: Connection) -> int:
    """Mark the active peers whose time is over; return how many."""
    raise NotImplementedError


def observed(conn: Connection, statuses: Sequence[Status]) -> list[PeerStatus]:
    """Keep what the device says of its peers; return it as their users see it."""
    raise NotImplementedError


def statuses(
    conn: Connection, actor: Actor | None, seen: Sequence[PeerStatus]
) -> list[PeerStatus]:
    """Return what the actor may see of *seen*."""
    raise NotImplementedError
