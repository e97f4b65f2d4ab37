"""Checks every field of a request against the limits in root's file.

The client is treated as an attacker: a value out of bounds is not a typing error, and a
request that has one is refused as a whole.
"""

import ipaddress
from collections.abc import Sequence

from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import WrongAddress, parse_address
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DesiredPeer, Grant
from semaphore_twisted.wireguard.wire import WireGrant, WirePeer


class OutOfBounds(Exception):
    """A request exceeds the limits; the sentence names the field and no secret."""


class RequestBounds:
    """Checks requests against the settings."""

    def __init__(self, settings: TunnelSettings, public_key: bytes) -> None:
        """Limit requests by *settings*; *public_key* is the server's own."""
        self._key = public_key
        self._pools = settings.pools
        self._sites = {str(each) for each in settings.networks}
        self._never = {str(each) for each in settings.own}
        for pool in settings.pools:
            self._never |= {str(pool.network_address), str(pool.broadcast_address)}
        self._known: dict[WirePeer, DesiredPeer] = {}

    def peers(self, peers: Sequence[WirePeer]) -> tuple[DesiredPeer, ...]:
        """Return the peers of a request.

        :raises OutOfBounds: if one of them is not allowed.
        """
        known = self._known
        seen: set[bytes] = set()
        given: set[str] = set()
        found = {}
        for number, peer in enumerate(peers):
            # most peers were already checked in the previous request
            found[peer] = wanted = known.get(peer) or self._peer(number, peer)
            if wanted.public_key in seen:
                raise OutOfBounds(f"peers[{number}].public_key: given twice")
            seen.add(wanted.public_key)
            for address in wanted.addresses:
                if address in given:
                    raise OutOfBounds(f"peers[{number}].addresses: given twice")
                given.add(address)
        self._known = found
        return tuple(found.values())

    def _peer(self, number: int, peer: WirePeer) -> DesiredPeer:
        field = f"peers[{number}]"
        try:
            keys.check(peer.public_key)
        except keys.WrongKey as error:
            raise OutOfBounds(f"{field}.public_key: {error.message}") from None
        if peer.public_key == self._key:
            raise OutOfBounds(f"{field}.public_key: the server's own key")
        families = [
            self._address(f"{field}.addresses", each) for each in peer.addresses
        ]
        if len(set(families)) != len(families):
            raise OutOfBounds(f"{field}.addresses: two of the same address family")
        shared = peer.preshared_key
        return DesiredPeer(
            public_key=peer.public_key,
            addresses=peer.addresses,
            preshared_key=None if shared == keys.ZERO else shared,
            expires=peer.expires,
        )

    def _address(self, field: str, text: str) -> int:
        """Return the family of a peer's address.

        :raises OutOfBounds: if *text* is not an address that a peer may have.
        """
        try:
            canonical = parse_address(text)
        except WrongAddress as error:
            raise OutOfBounds(f"{field}: {error.message}") from None
        address = ipaddress.ip_address(canonical)
        if text != canonical:
            raise OutOfBounds(f"{field}: {canonical} is not in canonical form")
        if not any(address in pool for pool in self._pools):
            pools = ", ".join(map(str, self._pools))
            raise OutOfBounds(
                f"{field}: {canonical} is outside the network; expected an address in "
                f"{pools}"
            )
        if canonical in self._never:
            raise OutOfBounds(f"{field}: {canonical} is not an address of a peer")
        return address.version

    def grants(
        self, grants: Sequence[WireGrant], peers: Sequence[DesiredPeer]
    ) -> tuple[Grant, ...]:
        """Return the grants of a request whose peers are *peers*.

        :raises OutOfBounds: if one names an address of none of the peers, or no site
            network.
        """
        addresses = {address for each in peers for address in each.addresses}
        for number, grant in enumerate(grants):
            if grant.address not in addresses:
                raise OutOfBounds(f"grants[{number}].address: no peer has it")
            if not self._is_site(grant.address, grant.network):
                raise OutOfBounds(f"grants[{number}].network: not one of the sites")
        return tuple(sorted({Grant(each.address, each.network) for each in grants}))

    def is_grant(self, grant: Grant) -> bool:
        """Whether *grant*, stored before a restart, is still allowed."""
        try:
            self._address("address", grant.address)
        except OutOfBounds:
            return False
        return self._is_site(grant.address, grant.network)

    def _is_site(self, address: str, network: str) -> bool:
        """Whether *network* is a site network of the same family as *address*."""
        return network in self._sites and (":" in address) == (":" in network)
