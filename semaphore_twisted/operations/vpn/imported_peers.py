"""Imports peers from files of other products, with their keys and addresses."""

from collections.abc import Sequence

import msgspec
from attrs import define, field

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import Peer, PeerKind, PeerLifecycle
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.vpn import network, new_peers, peer_rows
from semaphore_twisted.operations.vpn.network import NetworkRow
from semaphore_twisted.operations.vpn.new_peers import Draft, Owner
from semaphore_twisted.operations.vpn.peer_rules import name_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import network as network_statements
from semaphore_twisted.persistence.statements.vpn import peers as statements
from semaphore_twisted.wireguard import host_names
from semaphore_twisted.wireguard.serverfile import ImportedPeer


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an import: the new peers, and the number of existing ones."""

    added: tuple[Peer, ...]
    present: int


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
    """Import peers of another product, with their keys and addresses.

    A peer whose key is already known is skipped, even if it was revoked.

    :raises NotPermitted: if the actor is not an administrator.
    :raises Invalid: naming the line, if a peer has no address in the pools.
    :raises Conflict: naming the line, if an address is in use; nothing is imported
        then.
    """
    network.check_administrator(actor)
    owner = new_peers.owner_of(conn, actor, kind, user_id, project_id)
    taking = _PeerImport(conn, network.row(conn), keyring, kind, owner)
    added = []
    for each in peers:
        if conn.scalar(statements.key_holder, public_key=each.public_key) is not None:
            continue
        try:
            row = taking.take(each)
        except (Conflict, Invalid) as error:
            raise type(error)(f"Line {each.line}: {error.message}") from None
        peer_rows.record(conn, actor, row, "taken over from a file")
        added.append(row.shown())
    return Imported(added=tuple(added), present=len(peers) - len(added))


@define
class _PeerImport:
    """Imports peers for one owner, one by one."""

    _conn: Connection
    _network: NetworkRow
    _keyring: Keyring
    _kind: PeerKind
    _owner: Owner
    _names: set[str] = field()
    _resting: set[str] = field()

    @_names.default
    def _used_names(self) -> set[str]:
        return new_peers.names_of(self._conn, self._owner)

    @_resting.default
    def _addresses_at_rest(self) -> set[str]:
        return set(self._conn.column(network_statements.quarantined))

    def take(self, peer: ImportedPeer) -> peer_rows.PeerRow:
        """Store *peer*, whose key is not known yet."""
        if peer.public_key == self._network.public_key:
            raise Invalid("the peer's public key is the server's own")
        addresses = self._addresses(peer)
        draft = Draft(
            name=self._free_name(peer.name, tuple(addresses.values())),
            kind=self._kind,
            state=PeerLifecycle.ACTIVE,
            user_id=self._owner.user_id,
            project_id=self._owner.project_id,
            public_key=peer.public_key,
            preshared_key=peer.preshared_key,
            addresses=addresses,
        )
        return new_peers.store(self._conn, self._network, self._keyring, draft)

    def _addresses(self, peer: ImportedPeer) -> dict[str, str]:
        """Return the peer's addresses by column."""
        addresses: dict[str, str] = {}
        for address in peer.addresses:
            family = "ipv6" if ":" in address else "ipv4"
            if not self._network.is_for_peers(address):
                raise Invalid(f"{address} is not an address of a peer in the pools")
            if address in self._resting:
                raise Conflict(
                    f"{address} was released a short time ago, and is in quarantine"
                )
            if family in addresses:
                raise Invalid(
                    f"{addresses[family]} and {address} are of the same address family"
                )
            addresses[family] = address
        if not addresses:
            raise Invalid("the peer has no address of its own in the pools")
        return addresses

    def _free_name(self, text: str | None, addresses: tuple[str, ...]) -> str:
        """Return an unused name for a peer of the owner, based on *text*.

        Without *text*, it is based on the first of *addresses*. A host's name has only
        characters that Ansible takes literally.
        """
        wanted = name_of(text or addresses[0])
        joint = " ({})"
        if self._kind is PeerKind.HOST:
            wanted, joint = host_names.plain(wanted[:56], addresses), "_{}"
        found, count = wanted, 1
        while found.casefold() in self._names:
            count += 1
            found = f"{wanted[:56]}{joint.format(count)}"
        self._names.add(found.casefold())
        return found
