"""The VPN's network, its pools, and the addresses of its peers."""

import ipaddress
import random
from sqlite3 import IntegrityError
from time import process_time
from typing import Any

import msgspec

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.peers import Network
from semaphore_twisted.operations.vpn import (
    network as vpn_network,
)
from semaphore_twisted.operations.vpn import (
    peers,
    site_networks,
)
from semaphore_twisted.operations.vpn.network import ChangedNetwork, NewNetwork
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.operations.vpn.site_networks import NewSite
from semaphore_twisted.persistence import schema
from semaphore_twisted.wireguard import key_pairs, keys
from tests.support.memory import memory_connection
from tests.support.peers import SERVER_KEY, PeersCase, network, public_key


class MakingTests(PeersCase):
    """A network that is made, and made again."""

    def setUp(self) -> None:
        """Begin without a network."""
        super().setUp()
        self.conn.raw.execute("DELETE FROM vpn_network")

    def initialise(self, **changes: Any) -> Network:
        """Make the network, or bring it to *changes*."""
        return vpn_network.initialise(self.conn, None, network(**changes))

    def test_none(self) -> None:
        """Without a network there is none, and other changes work."""
        self.assertIsNone(vpn_network.find(self.conn))
        error = self.assertRaises(NotFound, vpn_network.get, self.conn, self.alice)
        self.assertEqual(error.message, "The VPN is not set up")
        self.assertEqual(vpn_network.bump(self.conn), 0)
        self.assertEqual(vpn_network.revision(self.conn), 0)

    def test_made(self) -> None:
        """The server's address and the endpoint's port have defaults."""
        made = self.initialise()
        self.assertEqual(made.endpoint, "vpn.example.net:51820")
        self.assertEqual((made.pool4, made.server4), ("10.80.0.0/24", "10.80.0.1"))
        self.assertEqual((made.pool6, made.server6), ("fd80::/64", "fd80::1"))
        self.assertEqual((made.mtu, made.interface), (1420, "semaphore0"))
        self.assertEqual(made.public_key, keys.format(SERVER_KEY))
        self.assertEqual((made.revision, made.dns), (1, True))
        self.assertEqual(made.url, "https://semaphore.internal")
        self.assertEqual(vpn_network.find(self.conn), made)
        self.assertEqual(len(self.rows("vpn_network")), 1)
        self.assertIn("The VPN's network: made", self.events()[-1])

    def test_without_ipv6(self) -> None:
        """A network may have no IPv6 inside; then no peer has."""
        made = self.initialise(pool6="")
        self.assertEqual((made.pool6, made.server6), ("", ""))
        self.assertEqual(self.make().ipv6, "")
        self.assertEqual(len(vpn_network.pools(self.conn, None)), 1)

    def test_again(self) -> None:
        """A repeated call changes nothing, and records no event."""
        before = self.initialise()
        peer = self.make()
        count = len(self.events())
        before = vpn_network.get(self.conn, None)
        self.assertEqual(self.initialise(), before)
        self.assertEqual(len(self.events()), count)
        self.assertEqual(peers.get(self.conn, None, peer.id), peer)

    def test_changed(self) -> None:
        """A change is recorded; addresses stay."""
        self.initialise()
        peer = self.make()
        other = keys.format(bytes(31) + b"\x09")
        before = self.revision()
        made = self.initialise(endpoint="192.0.2.1:443", mtu=1300, public_key=other)
        self.assertEqual(made.endpoint, "192.0.2.1:443")
        self.assertEqual((made.mtu, made.public_key), (1300, other))
        self.assertEqual(self.revision(), before + 1)
        event = self.events()[-1]
        self.assertIn("endpoint vpn.example.net:51820 → 192.0.2.1:443", event)
        self.assertIn("mtu 1420 → 1300", event)
        self.assertNotIn(other, event)
        self.assertEqual(peers.get(self.conn, None, peer.id), peer)

    def test_pools_stay(self) -> None:
        """While there are peers no pool changes; without them it may."""
        self.initialise()
        peer = self.make()
        for changes in (
            {"pool4": "10.81.0.0/16"},
            {"pool4": "10.80.0.0/25"},
            {"pool4": "10.80.0.0/16", "server4": "10.80.1.1"},
            {"pool6": "fd81::/64"},
            {"pool6": "fd80::/65"},
            {"pool6": ""},
            {"server4": "10.80.0.9"},
            {"server6": "fd80::9"},
        ):
            before = self.dump()
            error = self.assertRaises(Conflict, self.initialise, **changes)
            self.assertIn("1 peers", error.message)
            self.assertEqual(self.dump(), before)
        peers.revoke(self.conn, None, peer.id)
        self.assertEqual(self.initialise(pool4="10.81.0.0/16").server4, "10.81.0.1")
        self.assertEqual(self.rows("vpn_quarantine"), [])
        self.assertEqual(self.make().ipv4, "10.81.0.2")

    def test_pools_grow(self) -> None:
        """A pool grows around its peers, whose files hold, and one may be added."""
        self.initialise(pool6="")
        peer = self.make()
        resting = self.make()
        peers.revoke(self.conn, None, resting.id, options=PeerLimits(quarantine_days=9))
        self.assertEqual(self.initialise(pool4="10.80.0.0/22").server4, "10.80.0.1")
        self.assertEqual(peers.get(self.conn, None, peer.id).ipv4, peer.ipv4)
        self.assertEqual(len(self.rows("vpn_quarantine")), 1)
        found = self.initialise(pool4="10.80.0.0/22", pool6="fd80::/64")
        self.assertEqual(found.server6, "fd80::1")
        self.assertEqual(self.make().ipv6, "fd80::2")
        found = self.initialise(
            pool4="10.0.0.0/8", server4="10.80.0.1", pool6="fd80::/48"
        )
        self.assertEqual((found.server4, found.server6), ("10.80.0.1", "fd80::1"))
        self.assertEqual(self.make().ipv4, "10.0.0.1")
        self.assertRaises(Conflict, self.initialise, pool4="10.80.0.0/22")

    def test_refused(self) -> None:
        """An impossible value is refused with the field's name."""
        self.initialise()
        before = self.rows("vpn_network")
        for field, values in {
            "interface": ("", "a/b", "..", "a" * 16, "a b", "-\n"),
            "endpoint": ("", "http://h", "h:51820/", "h h", "h:0", "h:70000", "::"),
            "pool4": (
                "",
                "10.80.0.5/24",
                "10.80.0.0/31",
                "10.80.0.0/32",
                "10.0.0.0/7",
                "fd80::/64",
                "010.80.0.0/24",
                "::ffff:10.80.0.0/120",
            ),
            "pool6": ("10.0.0.0/24", "fd80::1/64", "fd80::/121", "fd80::/32"),
            "server4": ("10.80.0.0", "10.80.0.255", "10.81.0.1", "x", "fd80::1"),
            "server6": ("fd80::", "fd81::1", "10.80.0.1"),
            "public_key": ("", "x", keys.format(bytes(32))),
            "mtu": (0, 1279, 9001),
        }.items():
            for value in values:
                error = self.assertRaises(Invalid, self.initialise, **{field: value})
                self.assertTrue(
                    error.message.startswith(f"{field}: "), (value, error.message)
                )
        error = self.assertRaises(Invalid, self.initialise, pool4="10.80.0.5/24")
        self.assertIn("10.80.0.0/24", error.message)
        self.assertRaises(Invalid, self.initialise, pool6="", server6="fd80::1")
        self.assertEqual(self.rows("vpn_network"), before)

    def test_overlap(self) -> None:
        """A pool and a network behind the server have nothing in common."""
        site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.80.0.0/16")
        )
        error = self.assertRaises(Invalid, self.initialise)
        self.assertIn("10.80.0.0/16", error.message)

    def test_who(self) -> None:
        """Administrators and the console set it up; all may see it."""
        self.assertRaises(
            NotPermitted, vpn_network.initialise, self.conn, self.alice, network()
        )
        made = vpn_network.initialise(self.conn, self.root, network())
        self.assertEqual(vpn_network.get(self.conn, self.alice), made)
        self.assertRaises(NotPermitted, vpn_network.pools, self.conn, self.alice)

    def test_options(self) -> None:
        """Name, port and scheme of the site are the configuration's."""
        self.initialise()
        for options, url in (
            (PeerLimits(domain="in.test"), "https://in.test"),
            (PeerLimits(port=3000), "https://semaphore.internal:3000"),
            (PeerLimits(port=80, scheme="http"), "http://semaphore.internal"),
            (PeerLimits(dns=False), "https://10.80.0.1"),
        ):
            found = vpn_network.get(self.conn, None, options)
            self.assertEqual(found.url, url)
        self.assertEqual(PeerLimits(dns=False).url("fd80::1"), "https://[fd80::1]")


class ChangingTests(PeersCase):
    """Changes by an administrator."""

    def test_one_field(self) -> None:
        """A field that is not given stays unchanged."""
        before = vpn_network.get(self.conn, None)
        changed = vpn_network.change(self.conn, self.root, ChangedNetwork(mtu=1300))
        self.assertEqual(
            changed,
            msgspec.structs.replace(before, mtu=1300, revision=before.revision + 1),
        )
        again = vpn_network.change(self.conn, self.root, ChangedNetwork())
        self.assertEqual(again, changed)

    def test_endpoint(self) -> None:
        """An address of IPv6 gets its brackets; the next file has it."""
        vpn_network.change(self.conn, None, ChangedNetwork(endpoint="2001:db8::1"))
        self.assertIn("Endpoint = [2001:db8::1]:51820\n", self.enroll().config)

    def test_zero(self) -> None:
        """Nought is not "unset"."""
        self.assertRaises(
            Invalid, vpn_network.change, self.conn, None, ChangedNetwork(mtu=0)
        )
        given = msgspec.json.decode(b"{}", type=ChangedNetwork)
        self.assertIs(given.mtu, msgspec.UNSET)

    def test_who(self) -> None:
        """Users change nothing, and no actor changes the pools or the key."""
        self.assertRaises(
            NotPermitted,
            vpn_network.change,
            self.conn,
            self.alice,
            ChangedNetwork(mtu=1300),
        )
        self.assertEqual(set(ChangedNetwork.__struct_fields__), {"endpoint", "mtu"})

    def test_mtu_in_file(self) -> None:
        """The usual size is not written; another is."""
        self.assertNotIn("MTU", self.enroll().config)
        vpn_network.change(self.conn, None, ChangedNetwork(mtu=1380))
        self.assertIn("MTU = 1380\n", self.enroll().config)


class PoolTests(PeersCase):
    """Allocating addresses."""

    def resize(self, pool4: str, pool6: str = "") -> None:
        """Take other pools, without peers."""
        vpn_network.initialise(self.conn, None, network(pool4=pool4, pool6=pool6))

    def test_full(self) -> None:
        """A full pool is a conflict at once, with the pool's size."""
        for pool, size in (("10.80.0.0/30", 1), ("10.80.0.0/29", 5)):
            self.conn.raw.execute("DELETE FROM vpn_peer")
            self.resize(pool)
            made = [self.make(self.root).ipv4 for _ in range(size)]
            self.assertEqual(len(set(made)), size)
            begun = process_time()
            error = self.assertRaises(Conflict, self.make, self.root)
            self.assertLess(process_time() - begun, 0.1)
            self.assertIn(pool, error.message)
            self.assertIn(f" {size} ", error.message)

    def test_full_ipv6(self) -> None:
        """The same for IPv6; a failed attempt is rolled back."""
        self.resize("10.80.0.0/16", "fd80::/120")
        for number in range(253):
            self.conn.insert(
                schema.vpn_peer,
                uuid=self.conn.uuid(),
                name="n",
                kind="laptop",
                state="active",
                public_key=(number + 30_000).to_bytes(32, "big"),
                ipv6=f"fd80::{number + 2:x}",
                created=self.conn.now,
            )
        error = self.assertRaises(Conflict, self.make, self.root)
        self.assertIn("fd80::/120 is full", error.message)
        self.assertEqual(len(self.rows("vpn_peer")), 253)

    def test_small_pool(self) -> None:
        """Where no address is free those that rest longest are given away again."""
        self.conn.raw.execute("DELETE FROM vpn_network")
        small = network(pool4="10.80.0.0/29", pool6="")
        vpn_network.initialise(self.conn, None, small)
        options = PeerLimits(devices_per_user=100, quarantine_days=30)
        made = [self.make(self.root) for _ in range(5)]
        self.assertRaises(Conflict, self.make, self.root)
        for each in (made[3], made[1]):
            with self.later(60) as conn:
                peers.revoke(conn, None, each.id, options=options)
        self.assertEqual(self.make(self.root).ipv4, made[3].ipv4)
        self.assertEqual(self.make(self.root).ipv4, made[1].ipv4)
        error = self.assertRaises(Conflict, self.make, self.root)
        self.assertIn("is full", error.message)
        self.assertEqual(self.rows("vpn_quarantine"), [])

    def test_never_reserved(self) -> None:
        """A peer's address is in the pool, and unique."""
        drawn = random.Random(4)
        for _ in range(20):
            self.conn.raw.execute("DELETE FROM vpn_peer")
            self.conn.raw.execute("DELETE FROM vpn_quarantine")
            network4 = ipaddress.ip_network(f"10.{drawn.randrange(250)}.0.0/28")
            network6 = ipaddress.ip_network(f"fd{drawn.randrange(16, 99)}::/120")
            server4 = network4[drawn.randrange(1, 15)]
            server6 = network6[drawn.randrange(1, 15)]
            new = NewNetwork(
                interface="x",
                endpoint="h",
                pool4=str(network4),
                pool6=str(network6),
                server4=str(server4),
                server6=str(server6),
                public_key=keys.format(SERVER_KEY),
            )
            vpn_network.initialise(self.conn, None, new)
            resting = {str(network4[5]), str(network6[5])} - {
                str(server4),
                str(server6),
            }
            for each in resting:
                self.conn.insert(
                    schema.vpn_quarantine,
                    address=each,
                    until=self.conn.now.replace(year=2030),
                )
            seen: set[str] = set()
            for _ in range(8):
                made = self.make(self.root)
                for text, pool, server in (
                    (made.ipv4, network4, server4),
                    (made.ipv6, network6, server6),
                ):
                    address = ipaddress.ip_address(text)
                    self.assertIn(address, pool)
                    self.assertNotIn(
                        address,
                        {pool.network_address, pool.broadcast_address, server},
                    )
                    self.assertNotIn(text, resting | seen)
                    seen.add(text)

    def test_sums(self) -> None:
        """Used, quarantined and free make the size, for both families."""
        made = [self.make(self.root) for _ in range(5)]
        for each in made[:2]:
            peers.revoke(self.conn, None, each.id)
        usage = vpn_network.pools(self.conn, self.root)
        most = 2**53 - 1  # the largest integer that every JSON parser reads exactly
        self.assertEqual(
            [(each.size, each.used, each.quarantined, each.free) for each in usage],
            [(253, 3, 2, 248), (most, 3, 2, most - 5)],
        )

    def test_early_release(self) -> None:
        """With less than a tenth left, those that rested longest are let go."""
        self.resize("10.80.0.0/27")  # room for 29
        made = [self.make(self.root) for _ in range(29)]
        for each in made[:4]:
            peers.revoke(self.conn, None, each.id)
            self.clock.advance(60)
            self.conn.now = self.clock()
        fresh = [self.make(self.root).ipv4 for _ in range(4)]
        self.assertEqual(sorted(fresh), sorted(each.ipv4 for each in made[:4]))
        self.assertRaises(Conflict, self.make, self.root)

    def test_oldest_first(self) -> None:
        """Only as many reserved addresses as needed are released, the oldest first."""
        self.resize("10.80.0.0/27")
        made = [self.make(self.root) for _ in range(20)]
        for each in (made[7], made[3], *made[10:18]):
            peers.revoke(self.conn, None, each.id)
            self.clock.advance(60)
            self.conn.now = self.clock()
        new = [self.make(self.root).ipv4 for _ in range(9)]
        self.assertNotIn(made[17].ipv4, new)
        self.assertIn(made[7].ipv4, new)

    def test_duplicate_by_hand(self) -> None:
        """The store itself takes no address or key twice."""
        first, second = self.make(), self.make()
        for values in (
            {"ipv4": first.ipv4},
            {"ipv6": first.ipv6},
            {"public_key": key_pairs.parse_key(first.public_key)},
        ):
            self.assertRaises(
                IntegrityError,
                self.conn.update,
                schema.vpn_peer,
                second.id,
                **values,
            )

    def test_foreign_row(self) -> None:
        """An address that was taken behind our back is passed over."""
        self.conn.insert(
            schema.vpn_peer,
            uuid="x",
            name="n",
            kind="laptop",
            state="suspended",
            public_key=key_pairs.parse_key(public_key(1)),
            ipv4="10.80.0.2",
            created=self.conn.now,
        )
        made = self.make()
        self.assertEqual((made.ipv4, made.ipv6), ("10.80.0.3", "fd80::2"))

    def test_no_network_elsewhere(self) -> None:
        """Another store has another network."""
        self.assertIsNone(vpn_network.find(memory_connection()))
