"""Operations on devices and hosts of the VPN.

A user sees and manages the own devices. The members of a project see its hosts, and the
members who manage its resources manage them. Administrators and the command line on the
server (actor ``None``) have every right. A peer that the actor may not see is reported
as missing. In a project (the actor's ``project_id``) only its hosts are visible.

Each change increases the network's revision and records one event.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import Conflict, NotFound
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import Enrolled, Peer, PeerKind, PeerLifecycle
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.vpn import (
    desired_peers,
    imported_peers,
    new_peers,
    peer_files,
    peer_states,
    peer_statuses,
    preshared_keys,
)
from semaphore_twisted.operations.vpn import (
    network as vpn_network,
)
from semaphore_twisted.operations.vpn.new_peers import Draft
from semaphore_twisted.operations.vpn.peer_rows import (
    PeerRow,
    Right,
    is_by_another,
    managed,
    record,
    right_of,
    seen,
    stored,
)
from semaphore_twisted.operations.vpn.peer_rules import (
    USUAL,
    PeerLimits,
    moment_of,
    name_of,
    tags_of,
)
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import peers as statements

# operations that are implemented in modules of their own

Desired = desired_peers.DesiredState
Imported = imported_peers.Imported
suspend = peer_states.suspend
resume = peer_states.resume
expire = peer_states.expire
revoke = peer_states.revoke
expire_due = peer_states.expire_due
import_ = imported_peers.import_
desired = desired_peers.desired
keys_without_removal_reason = desired_peers.keys_without_removal_reason
observed = peer_statuses.observed
statuses = peer_statuses.statuses

_MADE_HERE = ", its key pair was made on the server"


class NewPeer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates a peer.

    A device belongs to *user_id* (default: the actor), a host to *project_id*. *grants*
    are names of site networks that it may access; only an administrator may grant them.
    It gets a preshared key unless *preshared* is false.
    """

    name: Name
    public_key: Name
    kind: PeerKind = PeerKind.LAPTOP
    user_id: UserId | None = None
    project_id: ProjectId | None = None
    expires: datetime | None = None
    tags: tuple[Name, ...] = ()
    grants: tuple[Name, ...] = ()
    preshared: bool = True


class ChangedPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a peer; fields that are not given do not change.

    ``None`` as *expires* means that the peer does not expire.
    """

    name: Name | msgspec.UnsetType = msgspec.UNSET
    tags: tuple[Name, ...] | msgspec.UnsetType = msgspec.UNSET
    expires: datetime | msgspec.UnsetType | None = msgspec.UNSET


def listed(
    conn: Connection,
    actor: Actor | None,
    *,
    kind: PeerKind | None = None,
    state: PeerLifecycle | None = None,
    user_id: int | None = None,
    project_id: int | None = None,
    tag: str | None = None,
) -> list[Peer]:
    """Return the peers that the actor sees, by name.

    Revoked peers are included only if *state* requests them.
    """
    given = {
        "kind": kind,
        "state": state,
        "user_id": user_id,
        "project_id": project_id,
    }
    if actor is not None and actor.project_id is not None:
        rows = conn.all(
            statements.listed_in_project, PeerRow, **given, within=actor.project_id
        )
    elif actor is None or actor.user.admin:
        rows = conn.all(statements.listed, PeerRow, **given)
    else:
        rows = conn.all(
            statements.listed_of_viewer, PeerRow, **given, viewer=actor.user.id
        )
    return [row.shown() for row in rows if tag is None or tag in row.tags]


def get(conn: Connection, actor: Actor | None, peer_id: int) -> Peer:
    """Return a peer.

    :raises NotFound: if there is none that the actor sees.
    """
    return seen(conn, actor, peer_id)[0].shown()


def find(conn: Connection, actor: Actor | None, text: str) -> Peer:
    """Return the peer with a uuid, name or number; a revoked one not by its name.

    :raises NotFound: if there is none that the actor sees.
    :raises Conflict: naming them, if there are several.
    """
    found = [
        row
        for row in _named(conn, text)
        if right_of(conn, actor, row.user_id, row.project_id) > Right.NOTHING
    ]
    if not found:
        raise NotFound(f"There is no peer {quoted(text)}")
    if len(found) > 1:
        which = ", ".join(f"{row.id} (of {row.owner})" for row in found)
        raise Conflict(f"{quoted(text)} is the name of several peers: {which}")
    return found[0].shown()


def create(
    conn: Connection,
    actor: Actor | None,
    new: NewPeer,
    *,
    keyring: Keyring,
    options: PeerLimits = USUAL,
    key_made_here: bool = False,
) -> Enrolled:
    """Create a peer; *key_made_here* is recorded in its event.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if its name or key is in use, or no address or device is left.
    """
    network = vpn_network.row(conn)
    owner = new_peers.owner_of(conn, actor, new.kind, new.user_id, new.project_id)
    name, tags = name_of(new.name), tags_of(new.tags)
    expires = moment_of("expires", new.expires, conn.now)
    sites = new_peers.granted(conn, actor, new.grants)
    key = new_peers.check_key(conn, network, new.public_key)
    if owner.user_id is not None and owner.right < Right.RULE:
        new_peers.check_quota(conn, owner.user_id, options)
    new_peers.check_name(conn, owner, name)
    preshared = new_peers.new_preshared_key(conn) if new.preshared else None
    draft = Draft(
        name=name,
        kind=new.kind,
        state=PeerLifecycle.ACTIVE,
        user_id=owner.user_id,
        project_id=owner.project_id,
        public_key=key,
        preshared_key=preshared,
        tags=tags,
        expires=expires,
        held=expires is not None and is_by_another(actor, owner.user_id),
    )
    row = new_peers.store(conn, network, keyring, draft)
    new_peers.open_to(conn, row.id, sites)
    record(conn, actor, row, "made" + (_MADE_HERE if key_made_here else ""))
    return peer_files.enrolled(conn, network, row, preshared, options)


def change(
    conn: Connection, actor: Actor | None, peer_id: int, changed: ChangedPeer
) -> Peer:
    """Change a peer's name, tags or expiry.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if the name is in use, or the peer has ended.
    """
    row, right = managed(conn, actor, peer_id)
    peer_states.check_not_revoked(row)
    values: dict[str, str | tuple[str, ...]] = {}
    if changed.name is not msgspec.UNSET:
        name = name_of(changed.name)
        if name != row.name:  # an unchanged name may violate a newer rule
            new_peers.check_name(conn, row, name, but=row.id)
            values["name"] = name
    if changed.tags is not msgspec.UNSET:
        values["tags"] = tags_of(changed.tags)
    values = {key: new for key, new in values.items() if getattr(row, key) != new}
    if changed.expires is not msgspec.UNSET:
        peer_states.limit(conn, actor, row, right, changed.expires)
    if values:
        conn.update(schema.vpn_peer, row.id, **values)
        after = stored(conn, row.id)
        what = [f"renamed from {row.name}"] if "name" in values else []
        if "tags" in values:
            what.append(f"tags {', '.join(after.tags) or 'none'}")
        record(conn, actor, after, "; ".join(what))
    return stored(conn, row.id).shown()


def rotate(
    conn: Connection,
    actor: Actor | None,
    peer_id: int,
    public_key: str,
    *,
    keyring: Keyring,
    options: PeerLimits = USUAL,
    key_made_here: bool = False,
) -> Enrolled:
    """Replace a peer's key and preshared key; all else stays the same.

    :raises Conflict: if the key is in use, or the peer has ended.
    """
    row, _ = managed(conn, actor, peer_id)
    peer_states.check_usable(row)
    network = vpn_network.row(conn)
    key = new_peers.check_key(conn, network, public_key)
    preshared = new_peers.new_preshared_key(conn)
    changed = conn.run(
        statements.rotate,
        peer_id=row.id,
        new_key=key,
        sealed=preshared_keys.sealed(keyring, row.uuid, preshared),
    )
    if not changed:
        raise new_peers.key_used()
    after = stored(conn, row.id)
    record(conn, actor, after, "key changed" + (_MADE_HERE if key_made_here else ""))
    return peer_files.enrolled(conn, network, after, preshared, options)


def _named(conn: Connection, text: str) -> list[PeerRow]:
    """Return the peers with the uuid *text*, or else with that name or number."""
    try:
        uuid = str(UUID(text))
    except ValueError:
        pass
    else:
        return conn.all(statements.by_uuid, PeerRow, uuid=uuid)
    rows = conn.all(statements.by_name, PeerRow, name=text)
    if not rows and text.isascii() and text.isdigit() and len(text) < 19:
        rows = conn.all(statements.by_id, PeerRow, peer_id=int(text))
    return rows
