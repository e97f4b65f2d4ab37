"""The limits of a request."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd.request_validation import OutOfBounds, RequestBounds
from semaphore_twisted.wireguard import keys, wire
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from semaphore_twisted.wireguard.state import Grant
from tests.support.devices import PRIVATE, SETTINGS, peer

OWN = keys.public_of(PRIVATE)


class PeerTests(SynchronousTestCase):
    """Peers of a request."""

    def setUp(self) -> None:
        """Make the bounds."""
        self.bounds = RequestBounds(SETTINGS, OWN)

    def refuse(self, field: str, *peers: wire.WirePeer) -> None:
        """Check that the first fault is at *field*, and nothing of it is kept."""
        for _ in range(2):
            error = self.assertRaises(OutOfBounds, self.bounds.peers, peers)
            self.assertTrue(str(error).startswith(f"{field}: "), error)

    def test_good(self) -> None:
        """Peers within the bounds become desired peers, in their order."""
        peers = [peer(3), peer(2, preshared=b"\7" * 32)]
        found = self.bounds.peers(peers)
        self.assertEqual(
            [each.public_key for each in found], [x[0] for x in map(_of, peers)]
        )
        self.assertEqual(found[1].preshared_key, b"\7" * 32)
        self.assertEqual(self.bounds.peers(peers), found)
        self.assertEqual(self.bounds.peers([]), ())

    def test_zero_preshared_key(self) -> None:
        """The zero key means no preshared key."""
        (found,) = self.bounds.peers([peer(2, preshared=bytes(32))])
        self.assertIsNone(found.preshared_key)

    def test_keys(self) -> None:
        """Keys that everybody can compute with, and the server's own, are refused."""
        for key in (OWN, bytes(32), b"\1" + bytes(31)):
            self.refuse("peers[0].public_key", replace(peer(2), public_key=key))

    def test_twice(self) -> None:
        """Duplicate keys and addresses are refused."""
        same_key = replace(peer(3), public_key=peer(2).public_key)
        same_address = replace(peer(3), addresses=("10.80.1.3", "fd80::2"))
        self.refuse("peers[1].public_key", peer(2), same_key)
        self.refuse("peers[2].addresses", peer(4), peer(2), same_address)
        self.refuse("peers[1].public_key", peer(2), peer(2))
        self.bounds.peers([peer(2)])
        self.refuse("peers[1].public_key", peer(2), same_key)

    def test_addresses(self) -> None:
        """Addresses are the pools', single, and spelled in the one way."""
        for text in (
            "10.80.0.1",
            "10.80.0.0",
            "10.80.255.255",
            "10.81.0.2",
            "10.80.0.2/32",
            "10.80.0.02",
            "10.80.0.2 ",
            "10.80.0.2\n",
            "::ffff:10.80.0.2",
            "fd80::1",
            "fd80::",
            "fd80::ffff:ffff:ffff:ffff",
            "fd81::2",
            "FD80::2",
            "fd80:0::2",
            "fd80::2%eth0",
            "",
            "-h",
            "\N{ARABIC-INDIC DIGIT ONE}0.80.0.2",
        ):
            self.refuse("peers[0].addresses", replace(peer(2), addresses=(text,)))
        for pair in (("10.80.0.2", "10.80.0.3"), ("fd80::2", "fd80::3")):
            self.refuse("peers[0].addresses", replace(peer(2), addresses=pair))

    @given(st.text(max_size=50) | st.ip_addresses().map(str))
    def test_any_text(self, text: str) -> None:
        """Only an address of a pool is accepted."""
        try:
            self.bounds.peers([replace(peer(2), addresses=(text,))])
        except OutOfBounds:
            return
        address = ipaddress.ip_address(text)
        self.assertEqual(str(address), text)
        self.assertTrue(any(address in pool for pool in SETTINGS.pools))

    def test_one_family(self) -> None:
        """Without an IPv6 pool, IPv6 addresses are refused."""
        bounds = RequestBounds(TunnelSettings(addresses=("10.80.0.1/16",)), OWN)
        bounds.peers([replace(peer(2), addresses=("10.80.0.2",))])
        self.assertRaises(OutOfBounds, bounds.peers, [peer(2)])


def _of(found: wire.WirePeer) -> tuple[bytes, tuple[str, ...]]:
    return found.public_key, found.addresses


class GrantTests(SynchronousTestCase):
    """Grants of a request."""

    def setUp(self) -> None:
        """Have a peer."""
        self.bounds = RequestBounds(
            replace(SETTINGS, sites=(SiteRule("10.20.0.0/24"), SiteRule("fd20::/64"))),
            OWN,
        )
        self.peers = self.bounds.peers([peer(2)])

    def test_good(self) -> None:
        """Grants are returned sorted, without duplicates."""
        asked = [
            wire.WireGrant("fd80::2", "fd20::/64"),
            wire.WireGrant("10.80.1.2", "10.20.0.0/24"),
        ]
        wanted = (Grant("10.80.1.2", "10.20.0.0/24"), Grant("fd80::2", "fd20::/64"))
        self.assertEqual(self.bounds.grants(asked * 2, self.peers), wanted)
        self.assertTrue(all(map(self.bounds.is_grant, wanted)))

    def test_refused(self) -> None:
        """A grant is for a peer of the request and a site, of one family."""
        for address, network, field in (
            ("10.80.1.3", "10.20.0.0/24", "address"),
            ("10.80.0.1", "10.20.0.0/24", "address"),
            ("10.80.1.2/32", "10.20.0.0/24", "address"),
            ("10.80.1.2", "10.20.0.0/25", "network"),
            ("10.80.1.2", "10.20.0.0/16", "network"),
            ("10.80.1.2", "0.0.0.0/0", "network"),
            ("10.80.1.2", "fd20::/64", "network"),
            ("10.80.1.2", "10.20.0.0/24 accept", "network"),
        ):
            grant = wire.WireGrant(address, network)
            error = self.assertRaises(
                OutOfBounds, self.bounds.grants, [grant], self.peers
            )
            self.assertTrue(str(error).startswith(f"grants[0].{field}: "), error)

    def test_of_before(self) -> None:
        """A stored grant holds only within today's file."""
        for grant in (
            Grant("10.80.0.1", "10.20.0.0/24"),
            Grant("10.99.0.2", "10.20.0.0/24"),
            Grant("10.80.1.2", "10.30.0.0/24"),
            Grant("10.80.1.2 accept", "10.20.0.0/24"),
        ):
            self.assertFalse(self.bounds.is_grant(grant))
