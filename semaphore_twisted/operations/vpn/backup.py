"""Backs up the whole VPN, and restores it into another database."""

from collections.abc import Sequence

import msgspec

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import Conflict, SecretUnreadable
from semaphore_twisted.model.saved_vpn import (
    Owned,
    SavedAddress,
    SavedGrant,
    SavedInvite,
    SavedNetwork,
    SavedPeer,
    SavedSite,
    SavedVpn,
)
from semaphore_twisted.model.users import Actor, User
from semaphore_twisted.operations import events
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.projects import projects
from semaphore_twisted.operations.projects.projects import NewProject
from semaphore_twisted.operations.vpn import preshared_keys
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import backup as statements


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a restore; *notes* are sentences about missing owners."""

    peers: int
    invites: int
    sites: int
    grants: int
    notes: tuple[str, ...]


class _PeerBackup(SavedPeer, frozen=True, kw_only=True):
    sealed: str | None


class _Project(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    uuid: str
    name: str


def saved(conn: Connection, keyring: Keyring) -> tuple[SavedVpn, tuple[str, ...]]:
    """Return the VPN, and a sentence for each preshared key that cannot be decrypted.

    :raises Conflict: if the VPN is not set up.
    """
    network = conn.one(statements.network, SavedNetwork)
    if network is None:
        raise Conflict("The VPN is not set up; there is nothing to back up")
    peers, broken = [], []
    for row in conn.all(statements.peers, _PeerBackup):
        values = {name: getattr(row, name) for name in SavedPeer.__struct_fields__}
        if row.sealed is not None:
            try:
                key = preshared_keys.opened(keyring, row.uuid, row.sealed)
                values["preshared_key"] = key
            except SecretUnreadable as error:
                broken.append(f"{row.name} was left out: {error.message}")
                continue
        peers.append(SavedPeer(**values))
    whole = SavedVpn(
        network=network,
        peers=tuple(peers),
        invites=tuple(conn.all(statements.invites, SavedInvite)),
        sites=tuple(conn.all(statements.sites, SavedSite)),
        grants=tuple(conn.all(statements.grants, SavedGrant)),
        quarantine=tuple(conn.all(statements.quarantine, SavedAddress)),
    )
    what = f"backed up with {len(peers)} peers"
    events.VPN.record(conn, None, None, "VPN", what)
    return whole, tuple(broken)


def restore(
    conn: Connection,
    keyring: Keyring,
    vpn: SavedVpn,
    *,
    heir: User,
    replace: bool,
) -> Restored:
    """Replace the stored VPN with *vpn*.

    Peers whose owner does not exist here get the owner *heir*.

    :raises Conflict: if there are peers, and *replace* is not set.
    """
    present = conn.scalar(statements.count)
    if present and not replace:
        raise Conflict(
            f"This database has {present} peers, including revoked ones; --replace "
            "removes them"
        )
    before = conn.one(statements.network, SavedNetwork)
    for statement in statements.EMPTY:
        conn.run(statement)
    # A revision must never repeat: a client may wait for it to be applied.
    revision = max(vpn.network.revision, before.revision if before else 0) + 1
    conn.insert(
        schema.vpn_network,
        **{**msgspec.structs.asdict(vpn.network), "revision": revision},
    )
    restored = _Restoring(conn, keyring, heir).run(vpn)
    what = f"restored with {restored.peers} peers (revision {revision})"
    events.VPN.record(conn, None, None, "VPN", what)
    return restored


class _Restoring:
    """Writes the rows of a backup, with the ids of their owners in this database."""

    def __init__(self, conn: Connection, keyring: Keyring, heir: User) -> None:
        self.conn = conn
        self.keyring = keyring
        self.heir = heir
        self.notes: dict[str, None] = {}
        self.projects = conn.all(statements.projects, _Project)

    def run(self, vpn: SavedVpn) -> Restored:
        """Write all rows."""
        sites = {
            each.name: self.conn.insert(
                schema.vpn_site, name=each.name, network=each.network
            )
            for each in vpn.sites
        }
        invites = self._invites(vpn.invites)
        peers = {each.uuid: self._peer(each, invites) for each in vpn.peers}
        grants = sum(self._grant(each, sites, peers) for each in vpn.grants)
        for each in vpn.quarantine:
            self.conn.insert(
                schema.vpn_quarantine, address=each.address, until=each.until
            )
        return Restored(
            peers=len(peers),
            invites=len(invites),
            sites=len(sites),
            grants=grants,
            notes=tuple(self.notes),
        )

    def _invites(self, invites: Sequence[SavedInvite]) -> dict[str, int]:
        invite_ids = {}
        for each in invites:
            user, project = self._user(each.user), self._project(each)
            if user is None and project is None:
                self._note(f"An invite of {each.user or 'nobody'} was left out")
                continue
            values = _columns(each)
            invite_ids[each.token_digest] = self.conn.insert(
                schema.vpn_invite, **values, user_id=user, project_id=project
            )
        return invite_ids

    def _peer(self, peer: SavedPeer, invites: dict[str, int]) -> int:
        user, project = self._user(peer.user), self._project(peer)
        if user is None and project is None:
            user = self.heir.id
            self._note(
                f"{peer.name} of {peer.user or 'nobody'} belongs to "
                f"{self.heir.username} now"
            )
        values = _columns(peer)
        del values["invite"], values["preshared_key"]
        key = peer.preshared_key
        sealed = None
        if key is not None:
            sealed = preshared_keys.sealed(self.keyring, peer.uuid, key)
        return self.conn.insert(
            schema.vpn_peer,
            **values,
            user_id=user,
            project_id=project,
            invite_id=invites.get(peer.invite),
            preshared_key=sealed,
        )

    def _grant(
        self, grant: SavedGrant, sites: dict[str, int], peers: dict[str, int]
    ) -> int:
        values: dict[str, object] = {"site_id": sites[grant.site]}
        if grant.peer:
            values["peer_id"] = peers.get(grant.peer)
        elif grant.user:
            values["user_id"] = self._user(grant.user)
        else:
            values["project_id"] = self._project(grant)
        if None in values.values():
            self._note(f"{grant.site} is not open to {grant.user or 'a peer'} any more")
            return 0
        self.conn.insert(schema.vpn_grant, **values)
        return 1

    def _user(self, login: str) -> int | None:
        user = users.find(self.conn, login) if login else None
        return user.id if user is not None else None

    def _project(self, owned: Owned) -> int | None:
        """Return the project; create it if it is missing, since a host needs one."""
        if not owned.project_uuid:
            return None
        for name in ("project_uuid", "project"):
            attribute = "uuid" if name == "project_uuid" else "name"
            project_ids = [
                each.id
                for each in self.projects
                if getattr(each, attribute) == getattr(owned, name)
            ]
            if len(project_ids) == 1:
                return project_ids[0]
        made = projects.create(
            self.conn, Actor(user=self.heir), NewProject(name=owned.project)
        )
        self._note(f"The project {made.name} was made, of {self.heir.username}")
        self.projects.append(
            _Project(id=made.id, uuid=owned.project_uuid, name=made.name)
        )
        return made.id

    def _note(self, sentence: str) -> None:
        self.notes[sentence] = None


def _columns(row: Owned) -> dict[str, object]:
    values = msgspec.structs.asdict(row)
    for name in Owned.__struct_fields__:
        del values[name]
    return values
