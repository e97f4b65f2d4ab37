"""Creation of peers: owner, name, keys and addresses."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import PeerKind, PeerLifecycle, SiteNetwork
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.vpn import peer_addresses, preshared_keys
from semaphore_twisted.operations.vpn.network import NetworkRow, check_administrator
from semaphore_twisted.operations.vpn.network_rules import key_of
from semaphore_twisted.operations.vpn.peer_rows import PeerRow, Right, right_of, stored
from semaphore_twisted.operations.vpn.peer_rules import MOST, PeerLimits, in_field
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import users as user_statements
from semaphore_twisted.persistence.statements.projects import (
    projects as project_statements,
)
from semaphore_twisted.persistence.statements.vpn import peers as statements
from semaphore_twisted.persistence.statements.vpn import sites as vpn_sites
from semaphore_twisted.wireguard import host_names, key_pairs


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of a peer, a user or a project, and the creator's right over it."""

    user_id: UserId | None
    project_id: ProjectId | None
    right: Right


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A checked peer that is to be stored.

    *addresses* are by column; ``None`` allocates them. *preshared_key* is ``None`` for
    no preshared key.
    """

    name: str
    kind: PeerKind
    state: PeerLifecycle
    user_id: UserId | None
    project_id: ProjectId | None
    public_key: bytes
    preshared_key: bytes | None
    tags: tuple[str, ...] = ()
    expires: datetime | None = None
    invite_id: int | None = None
    held: bool = False
    addresses: dict[str, str] | None = None

    @override
    def __repr__(self) -> str:
        """Omit the preshared key."""
        return f"Draft({self.name!r})"


def owner_of(
    conn: Connection,
    actor: Actor | None,
    kind: PeerKind,
    user_id: UserId | None,
    project_id: ProjectId | None,
) -> Owner:
    """Return the owner of a new peer; by default the actor, or the actor's project.

    :raises Invalid: if that owner cannot have peers of this *kind*.
    :raises NotFound: if the actor does not see the project.
    :raises NotPermitted: if the actor may not create peers for that owner.
    """
    if kind is PeerKind.HOST:
        return _of_project(conn, actor, user_id, project_id)
    if project_id is not None or (actor is not None and actor.project_id is not None):
        raise Invalid(f"kind: a {kind} belongs to a user, and only hosts to a project")
    if user_id is None:
        if actor is None:
            raise Invalid(f"user_id: not set; expected the user that owns the {kind}")
        user_id = actor.user.id
    right = right_of(conn, actor, user_id, None)
    if right is Right.NOTHING:
        raise NotPermitted("Only administrators may create devices for other users")
    if not conn.scalar(user_statements.active, user_id=user_id):
        raise Invalid("user_id: there is no such active user")
    return Owner(user_id=user_id, project_id=None, right=right)


def _of_project(
    conn: Connection,
    actor: Actor | None,
    user_id: UserId | None,
    project_id: ProjectId | None,
) -> Owner:
    if user_id is not None:
        raise Invalid("user_id: a host belongs to a project, not to a user")
    if project_id is None and actor is not None:
        project_id = actor.project_id
    if project_id is None:
        raise Invalid("project_id: not set; expected the project that owns the host")
    right = right_of(conn, actor, None, project_id)
    there = conn.scalar(project_statements.by_id, project_id=project_id)
    if right is Right.NOTHING or there is None:
        raise NotFound(f"There is no project {project_id}")
    if right < Right.RULE:
        raise NotPermitted
    return Owner(user_id=None, project_id=project_id, right=right)


def check_quota(conn: Connection, user_id: UserId, options: PeerLimits) -> None:
    """Accept one more device of a user.

    :raises Conflict: if the user has the maximum number of devices.
    """
    count = conn.scalar(statements.count_devices, user_id=user_id)
    if count >= options.devices_per_user:
        raise Conflict(
            f"There are {count} devices of this user, and {options.devices_per_user} "
            "are allowed; revoke one first, or ask an administrator"
        )


def check_name(
    conn: Connection, owner: Owner | PeerRow, name: str, but: int = 0
) -> None:
    """Accept a name that no other peer of the owner has, ignoring case.

    :raises Invalid: if it is a host's name with a special meaning for Ansible.
    :raises Conflict: if another peer has it.
    """
    taken = names_of(conn, owner, but)
    if owner.project_id is not None:
        in_field("name", host_names.checked, name)
        taken |= {host_names.plain(each) for each in taken}  # as used in inventories
    if name.casefold() in taken:
        raise Conflict(f"name: there is already a peer named {quoted(name)}")


def names_of(conn: Connection, owner: Owner | PeerRow, but: int = 0) -> set[str]:
    """Return the case-folded names of an owner's peers, except the peer *but*."""
    if owner.project_id is None:
        statement, owner_id = statements.names_of_user, int(owner.user_id or 0)
    else:
        statement, owner_id = statements.names_of_project, int(owner.project_id)
    names = conn.column(statement, owner_id=owner_id, but=but)
    return {name.casefold() for name in names}


def check_key(conn: Connection, network: NetworkRow, text: str) -> bytes:
    """Return the public key in *text*, which no peer uses or has used.

    :raises Invalid: if it is not a key, or is the server's own.
    :raises Conflict: if it is in use; the sentence does not name the peer.
    """
    key = key_of(text)
    if key == network.public_key:
        raise Invalid("public_key: this is the server's own key")
    if conn.scalar(statements.key_holder, public_key=key) is not None:
        raise key_used()
    return key


def key_used() -> Conflict:
    """Return the error for a key that is in use."""
    return Conflict("public_key: this key is used already; make another one")


def new_preshared_key(conn: Connection) -> bytes:
    """Return a new preshared key."""
    return key_pairs.new_preshared_key(conn.entropy)


def granted(
    conn: Connection, actor: Actor | None, names: Sequence[str]
) -> tuple[SiteNetwork, ...]:
    """Return the site networks of *names*, which only an administrator may grant.

    :raises NotPermitted: if *names* is not empty, and the actor is no administrator.
    :raises Invalid: naming the first unknown network.
    """
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return ()
    check_administrator(actor)
    if len(wanted) > MOST:
        raise Invalid(f"grants: {len(wanted)} grants; expected at most {MOST}")
    found = []
    for name in wanted:
        site = conn.one(vpn_sites.by_name, SiteNetwork, name=name)
        if site is None:
            raise Invalid(f"grants: there is no subnet route named {quoted(name)}")
        found.append(site)
    return tuple(found)


def store(
    conn: Connection, network: NetworkRow, keyring: Keyring, draft: Draft
) -> PeerRow:
    """Store *draft*; unique columns prevent a concurrent use of a key or address.

    :raises Conflict: if a pool is full, or the key or an address is in use.
    """
    uuid = conn.uuid()
    addresses = draft.addresses
    if addresses is None:
        addresses = peer_addresses.allocate(conn, network)
    preshared = draft.preshared_key
    cursor = conn.execute(
        statements.add,
        uuid=uuid,
        name=draft.name,
        kind=draft.kind,
        state=draft.state,
        user_id=draft.user_id,
        project_id=draft.project_id,
        invite_id=draft.invite_id,
        public_key=draft.public_key,
        preshared_key=(
            None
            if preshared is None
            else preshared_keys.sealed(keyring, uuid, preshared)
        ),
        ipv4=addresses.get("ipv4"),
        ipv6=addresses.get("ipv6"),
        tags=draft.tags,
        created=conn.now,
        expires=draft.expires,
        held=draft.held,
    )
    if cursor.rowcount != 1:
        if conn.scalar(statements.key_holder, public_key=draft.public_key) is not None:
            raise key_used()
        raise Conflict(f"{' and '.join(addresses.values())}: used by another peer")
    return stored(conn, cursor.lastrowid or 0)


def open_to(conn: Connection, peer_id: int, sites: Sequence[SiteNetwork]) -> None:
    """Grant a newly created peer access to *sites*."""
    for site in sites:
        conn.insert(schema.vpn_grant, site_id=site.id, peer_id=peer_id)
