"""The desired state of the VPN device, read from the database.

A peer is desired if it is active, has not expired, and its user is enabled or its
project exists. One query decides this, so each change of these conditions also ends the
tunnel. A damaged row is left out and reported: the companion would refuse the whole
request because of one invalid value, and the remaining peers have to stay connected.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, AddressFamily, inet_ntop, inet_pton

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import preshared_keys
from semaphore_twisted.operations.vpn.network import NetworkRow
from semaphore_twisted.persistence.engine import Connection, Row
from semaphore_twisted.persistence.statements.vpn import peers as statements
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import DesiredPeer, Grant


class DesiredState(msgspec.Struct, frozen=True, kw_only=True):
    """The desired state of the device.

    *damaged* has a sentence for each peer that is left out because its row is damaged.
    *opened* has the decrypted preshared keys, as a cache for the next read.
    """

    revision: int
    peers: tuple[DesiredPeer, ...]
    grants: tuple[Grant, ...]
    damaged: tuple[str, ...]
    next_expiry: datetime | None
    opened: Mapping[str, bytes]

    @override
    def __repr__(self) -> str:
        """Omit the preshared keys."""
        return f"Desired({self.revision}, {len(self.peers)} peers)"


class _Moment(msgspec.Struct, frozen=True):
    at: str | None


class _Broken(Exception):
    """A row is not valid for the companion; the message is the reason."""


def desired(
    conn: Connection,
    keyring: Keyring,
    opened: Mapping[str, bytes],
    sites: Collection[str] | None = None,
) -> DesiredState:
    """Return the desired state; grants only for networks in *sites*, if given.

    *opened* is the cache of the last :class:`DesiredState`, or empty.

    :raises NotFound: if the VPN is not set up.
    """
    network = vpn_network.row(conn)
    reading = _RowReader(network, keyring, opened)
    members: dict[int, list[int]] = {}
    for project_id, user_id in conn.execute(statements.granted_members):
        members.setdefault(user_id, []).append(project_id)
    networks = _networks(conn, sites)
    grants: list[Grant] = []
    for row in conn.execute(statements.desired, now=conn.now):
        addresses = reading.take(row)
        if addresses and networks:
            grants += _grants(row, addresses, networks, members)
    expiry = conn.one(statements.next_expiry, _Moment, now=conn.now)
    return DesiredState(
        revision=network.revision,
        peers=tuple(reading.peers),
        grants=tuple(sorted(set(grants))),
        damaged=tuple(reading.damaged),
        next_expiry=None if expiry is None else _moment(expiry.at),
        opened=reading.opened,
    )


def keys_without_removal_reason(conn: Connection, keys: Collection[bytes]) -> int:
    """Return the number of *keys* whose removal has no reason in the database.

    A reason is a peer that is not active, or whose owner is disabled or deleted.
    """
    reasons = conn.column(statements.undesired_keys, now=conn.now)
    return len(set(keys).difference(reasons))


def _seconds(text: object) -> int:
    """Return a stored time as whole seconds since the epoch, rounded down.

    :raises _Broken: if it is not a time.
    """
    moment = _moment(text)
    if moment is None:
        raise _Broken("its expiry is not a time")
    return int(moment.timestamp())


def _moment(text: object) -> datetime | None:
    """Return a stored time; ``None`` if it is not a time."""
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None


class _RowReader:
    """Converts rows to peers; optimised, since each cycle reads thousands of rows."""

    def __init__(
        self, network: NetworkRow, keyring: Keyring, known: Mapping[str, bytes]
    ) -> None:
        self.peers: list[DesiredPeer] = []
        self.damaged: list[str] = []
        self.opened: dict[str, bytes] = {}
        self._known = known
        self._keyring = keyring
        self._key = network.public_key
        self._pools = dict(_bounds(pool) for _, pool, _ in network.families)
        self._servers = frozenset(network.servers)

    def take(self, row: Row) -> tuple[str, ...]:
        """Convert a row and return its addresses; none if the row is damaged."""
        uuid, public_key, envelope = row[1], row[5], row[6]
        try:
            self._check_key(public_key)
            addresses = self._addresses(row[7], row[8])
            shared = None if envelope is None else self._open(uuid, envelope)
            expires = None if row[9] is None else _seconds(row[9])
        except (_Broken, SecretUnreadable) as error:
            self.damaged.append(f"peer {row[0]} {quoted(row[2])}: {error}")
            return ()
        self.peers.append(
            DesiredPeer(
                public_key=public_key,
                addresses=addresses,
                preshared_key=shared,
                expires=expires,
            )
        )
        return addresses

    def _check_key(self, key: object) -> None:
        try:
            if not isinstance(key, bytes) or key == self._key:
                raise _Broken("its public key is invalid")
            keys.check(key)
        except keys.WrongKey as error:
            raise _Broken(error.message) from None

    def _addresses(self, ipv4: object, ipv6: object) -> tuple[str, ...]:
        addresses: tuple[str, ...] = ()
        if ipv4 is not None:
            addresses = (self._address(AF_INET, ipv4),)
        if ipv6 is not None:
            addresses += (self._address(AF_INET6, ipv6),)
        if not addresses:
            raise _Broken("it has no address")
        return addresses

    def _address(self, family: AddressFamily, text: object) -> str:
        try:
            packed = inet_pton(family, text) if isinstance(text, str) else b""
        except (OSError, TypeError, ValueError):
            packed = b""
        if not packed or inet_ntop(family, packed) != text:
            raise _Broken(f"{quoted(str(text))} is not an address in canonical form")
        first, last = self._pools.get(len(packed), (0, 0))
        if not first < int.from_bytes(packed, "big") < last or text in self._servers:
            raise _Broken(f"{text} is not an address of a peer in the pools")
        return str(text)

    def _open(self, uuid: str, envelope: str) -> bytes:
        # an envelope is bound to its row, so the row's uuid is part of the cache key
        place = f"{uuid} {envelope}"
        key = self._known.get(place)
        if key is None:
            key = preshared_keys.opened(self._keyring, uuid, envelope)
        self.opened[place] = key
        return key


def _bounds(pool: str) -> tuple[int, tuple[int, int]]:
    """Return the address length of *pool* in bytes, and its first and last number."""
    network = ip_network(pool)
    ends = int(network.network_address), int(network.broadcast_address)
    return network.max_prefixlen // 8, ends


def _networks(
    conn: Connection, sites: Collection[str] | None
) -> dict[tuple[str, int], list[str]]:
    """Return the granted networks, by type and id of the holder of the grant."""
    networks: dict[tuple[str, int], list[str]] = {}
    for peer_id, user_id, project_id, network in conn.execute(statements.grants):
        if sites is not None and network not in sites:
            continue
        for kind, number in (
            ("peer", peer_id),
            ("user", user_id),
            ("project", project_id),
        ):
            if number is not None:
                networks.setdefault((kind, number), []).append(network)
    return networks


def _grants(
    row: Row,
    addresses: tuple[str, ...],
    networks: dict[tuple[str, int], list[str]],
    members: dict[int, list[int]],
) -> Iterator[Grant]:
    """Yield the grants of the peer in *row*, from its address of the same family."""
    number, user_id, project_id = row[0], row[3], row[4]
    holders = [("peer", number), ("user", user_id), ("project", project_id)]
    holders += [("project", each) for each in members.get(user_id, ())]
    for holder in holders:
        for network in networks.get(holder, ()):
            for address in addresses:
                if (":" in address) == (":" in network):
                    yield Grant(address, network)
