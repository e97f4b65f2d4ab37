"""The desired state of the device, and the stored status of its peers."""

from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.peers import PeerKind, PeerStatus
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.operations.vpn import (
    network as vpn_network,
)
from semaphore_twisted.operations.vpn import (
    peers,
    site_networks,
)
from semaphore_twisted.operations.vpn.peers import NewPeer
from semaphore_twisted.operations.vpn.site_networks import NewGrant, NewSite
from semaphore_twisted.persistence import schema
from semaphore_twisted.wireguard.key_pairs import parse_key as parse
from semaphore_twisted.wireguard.state import Grant
from semaphore_twisted.wireguard.wire import Status
from tests.support.memory import Entropy, actor_of, memory_connection
from tests.support.peers import MASTER, SERVER_KEY, PeersCase, network, public_key


class DesiredTests(PeersCase):
    """The desired state."""

    def damage(self, peer_id: int, **values: Any) -> None:
        """Change a row by hand."""
        self.conn.update(schema.vpn_peer, peer_id, **values)

    def test_empty(self) -> None:
        """Without peers nothing is desired, which is not "no change"."""
        found = self.desired()
        self.assertEqual((found.peers, found.grants, found.damaged), ((), (), ()))
        self.assertIsNone(found.next_expiry)
        self.assertEqual(found.revision, self.revision())

    def test_last_one(self) -> None:
        """When the last peer is revoked, none is desired."""
        made = self.make()
        peers.revoke(self.conn, None, made.id)
        self.assertEqual(self.desired().peers, ())
        self.assertEqual(
            peers.keys_without_removal_reason(self.conn, [parse(made.public_key)]), 0
        )

    def test_expires(self) -> None:
        """The expiry of a peer is in whole seconds, never later than in the store."""
        moment = self.conn.now + timedelta(days=1, microseconds=999_999)
        self.make(name="limited", expires=moment)
        self.make(name="for ever")
        limited, lasting = self.desired().peers
        self.assertIsNone(lasting.expires)
        assert limited.expires is not None
        late = moment.timestamp() - limited.expires
        self.assertTrue(0 <= late < 1, late)
        (row,) = self.conn.raw.execute("SELECT id FROM vpn_peer WHERE name = 'limited'")
        self.damage(row[0], expires="3 o'clock")
        found = self.desired()
        self.assertEqual(found.peers, (lasting,))
        self.assertIn("its expiry is not a time", found.damaged[0])

    def test_no_network(self) -> None:
        """Without a network there is no desired state, not even an empty one."""
        conn = memory_connection()
        self.assertRaises(NotFound, peers.desired, conn, self.keyring, {})

    def test_damaged(self) -> None:
        """A damaged row is reported and left out; the other peers stay."""
        cases: list[dict[str, Any]] = [
            {"ipv4": None, "ipv6": None},
            {"ipv4": "10.80.0.9/32"},
            {"ipv4": "10.81.0.9"},
            {"ipv4": "10.80.0.0"},
            {"ipv4": "10.80.0.255"},
            {"ipv4": "10.80.0.1"},
            {"ipv4": "fd80::9"},
            {"ipv6": "FD80::9"},
            {"ipv6": "fd80:0::9"},
            {"ipv6": "fd81::9"},
            {"ipv6": "10.80.0.9"},
            {"ipv6": ""},
            {"ipv4": "a\nb"},
            {"ipv4": "a\0b"},
            {"public_key": SERVER_KEY},
            {"public_key": bytes(32)},
            {"preshared_key": "nonsense"},
            {"preshared_key": "s1.nonsense.x"},
        ]
        good = self.make(name="good")
        for case in cases:
            self.conn.raw.execute("DELETE FROM vpn_peer WHERE id != ?", (good.id,))
            bad = self.make(self.bob, name="bad")
            self.damage(bad.id, **case)
            found = self.desired()
            self.assertEqual(
                [each.public_key for each in found.peers], [parse(good.public_key)]
            )
            (told,) = found.damaged
            self.assertTrue(told.startswith(f'peer {bad.id} "bad": '), told)
            self.make(self.bob)  # other peers still get addresses

    def test_unknown_key(self) -> None:
        """With another master key all peers are reported, and none is explained."""
        made = [self.make() for _ in range(3)]
        other = Keyring(MasterKey(bytes(range(1, 33))), entropy=Entropy())
        found = peers.desired(self.conn, other, {})
        self.assertEqual(found.peers, ())
        self.assertEqual(len(found.damaged), 3)
        live = {parse(each.public_key) for each in made}
        self.assertEqual(peers.keys_without_removal_reason(self.conn, live), 3)

    def test_moved_envelope(self) -> None:
        """An envelope that was moved to another row is refused, be it known or not."""
        first, second = self.make(), self.make()
        known = self.desired().opened
        envelope = self.conn.raw.execute(
            "SELECT preshared_key FROM vpn_peer WHERE id = ?", (first.id,)
        ).fetchone()[0]
        self.damage(second.id, preshared_key=envelope)
        found = peers.desired(self.conn, self.keyring, known)
        self.assertEqual(len(found.peers), 1)
        self.assertIn("cannot be decrypted", found.damaged[0])

    def test_opened(self) -> None:
        """An opened preshared key is reused, and forgotten with its peer."""
        self.make()
        made = self.make()
        first = self.desired()
        self.assertEqual(len(first.opened), 2)
        nothing = Keyring(MasterKey(bytes(range(1, 33))), entropy=Entropy())
        second = peers.desired(self.conn, nothing, first.opened)
        self.assertEqual(second.peers, first.peers)
        peers.revoke(self.conn, None, made.id)
        third = peers.desired(self.conn, nothing, second.opened)
        self.assertEqual(len(third.opened), 1)

    def test_rekey(self) -> None:
        """Preshared keys are encrypted again with all other values, and still open."""
        self.make()
        wanted = self.desired().peers
        ring = Keyring(MasterKey(bytes(range(2, 34))), [MASTER], entropy=Entropy())
        with self.conn.transaction(write=True):
            report = vault.rekey(self.conn, ring)
        self.assertEqual((report.resealed, report.skipped), (1, ()))
        alone = Keyring(MasterKey(bytes(range(2, 34))), entropy=Entropy())
        self.assertEqual(peers.desired(self.conn, alone, {}).peers, wanted)
        self.assertEqual([each.why for each in vault.check(self.conn, alone)], [""])

    def test_one_unreadable_of_many(self) -> None:
        """All other peers are listed, and ``vault check`` names the damaged one."""
        made = [self.make(self.root) for _ in range(20)]
        self.damage(made[7].id, preshared_key="s1.broken")
        self.assertEqual(len(peers.listed(self.conn, self.root)), 20)
        (report,) = [each for each in vault.check(self.conn, self.keyring) if each.why]
        self.assertEqual((report.table, report.row), ("vpn_peer", str(made[7].id)))

    def test_unexplained(self) -> None:
        """A key has a reason to go if the store has one; a short read has none."""
        active, suspended, expired, revoked, disabled = (
            self.make(self.root, user_id=user.id)
            for user in (*[self.alice.user] * 4, self.bob.user)
        )
        foreign = bytes(31) + b"\xee"
        peers.suspend(self.conn, None, suspended.id)
        peers.expire(self.conn, None, expired.id)
        peers.revoke(self.conn, None, revoked.id)
        users.set_active(self.conn, None, disabled.user_id or 0, active=False)
        explained = [
            parse(each.public_key) for each in (suspended, expired, revoked, disabled)
        ]
        self.assertEqual(peers.keys_without_removal_reason(self.conn, explained), 0)
        alive = parse(active.public_key)
        self.assertEqual(
            peers.keys_without_removal_reason(self.conn, [*explained, alive]), 1
        )
        self.assertEqual(
            peers.keys_without_removal_reason(self.conn, [foreign, foreign, alive]), 2
        )
        self.assertEqual(peers.keys_without_removal_reason(self.conn, []), 0)

    def test_host_of_no_project(self) -> None:
        """A host of a deleted project is not desired, and its removal is explained."""
        made = self.make(self.owner)
        self.damage(made.id, project_id=None)
        self.assertEqual(self.desired().peers, ())
        self.assertEqual(
            peers.keys_without_removal_reason(self.conn, [parse(made.public_key)]), 0
        )

    def test_many_peers(self) -> None:
        """All of many peers and their grants are read; ``bench`` measures the time."""
        vpn_network.initialise(self.conn, None, network(pool4="10.80.0.0/16"))
        with self.conn.transaction(write=True):
            for number in range(300):
                peers.create(
                    self.conn,
                    self.root,
                    NewPeer(name=f"n{number}", public_key=public_key(number + 9000)),
                    keyring=self.keyring,
                )
        site = site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.20.0.0/16")
        )
        site_networks.grant(
            self.conn, None, NewGrant(site_id=site.id, user_id=self.root.user.id)
        )
        known = self.desired().opened
        found = peers.desired(self.conn, self.keyring, known)
        self.assertEqual((len(found.peers), len(found.grants)), (300, 300))
        self.assertEqual(found.damaged, ())


class GrantTests(PeersCase):
    """Networks that peers may enter."""

    def setUp(self) -> None:
        """Make peers and networks."""
        super().setUp()
        self.mine = self.make(name="mine")
        self.bobs = self.make(self.bob, name="bobs")
        self.carols = self.make(self.carol, name="carols")
        self.host = self.make(self.owner, name="host")
        self.lab = self.site("lab", "10.20.0.0/16")
        self.six = self.site("six", "fd20::/64")

    def site(self, name: str, text: str) -> int:
        """Make a network."""
        return site_networks.create(
            self.conn, None, NewSite(name=name, network=text)
        ).id

    def grant(self, site: int, **to: Any) -> None:
        """Open a network."""
        site_networks.grant(self.conn, None, NewGrant(site_id=site, **to))

    def test_none(self) -> None:
        """Nothing is open by itself."""
        self.assertEqual(self.desired().grants, ())

    def test_to_peer(self) -> None:
        """A peer alone; each family from its own address."""
        self.grant(self.lab, peer_id=self.mine.id)
        self.grant(self.six, peer_id=self.mine.id)
        self.assertEqual(
            self.desired().grants,
            (
                Grant(self.mine.ipv4, "10.20.0.0/16"),
                Grant(self.mine.ipv6, "fd20::/64"),
            ),
        )

    def test_to_user(self) -> None:
        """A user's current and future devices, but not the hosts of their projects."""
        self.grant(self.lab, user_id=self.alice.user.id)
        second = self.make()
        self.assertEqual(
            {each.address for each in self.desired().grants},
            {self.mine.ipv4, second.ipv4},
        )

    def test_to_project(self) -> None:
        """A project's hosts and the devices of its members."""
        self.grant(self.lab, project_id=self.project.id)
        self.assertEqual(
            {each.address for each in self.desired().grants},
            {self.mine.ipv4, self.carols.ipv4, self.host.ipv4},
        )

    def test_once(self) -> None:
        """A network that several grants open to a peer is listed once."""
        self.grant(self.lab, project_id=self.project.id)
        self.grant(self.lab, user_id=self.alice.user.id)
        self.grant(self.lab, peer_id=self.mine.id)
        found = [each.address for each in self.desired().grants]
        self.assertEqual(found.count(self.mine.ipv4), 1)
        self.assertEqual(len(found), 3)

    def test_active_only(self) -> None:
        """A peer that is not desired has no grant."""
        self.grant(self.lab, user_id=self.alice.user.id)
        peers.suspend(self.conn, None, self.mine.id)
        self.assertEqual(self.desired().grants, ())

    def test_allowed_sites(self) -> None:
        """Networks that root no longer allows are left out."""
        self.grant(self.lab, peer_id=self.mine.id)
        self.grant(self.six, peer_id=self.mine.id)
        for sites, count in (((), 0), (("10.20.0.0/16",), 1)):
            found = peers.desired(self.conn, self.keyring, {}, sites)
            self.assertEqual(len(found.grants), count)
            self.assertEqual(len(found.peers), 4)

    def test_revoked(self) -> None:
        """Revoking a peer removes its own grants."""
        self.grant(self.lab, peer_id=self.mine.id)
        peers.revoke(self.conn, None, self.mine.id)
        self.assertEqual(self.rows("vpn_grant"), [])


class StatusTests(PeersCase):
    """Storing the status that the device reports."""

    def setUp(self) -> None:
        """Create peers."""
        super().setUp()
        self.mine = self.make(name="mine")
        self.bobs = self.make(self.bob, name="bobs")
        self.host = self.make(self.owner, name="host")
        self.every = (self.mine, self.bobs, self.host)

    def status(self, peer: Any, **values: Any) -> Status:
        """Return a status as the device reports it."""
        usual: dict[str, Any] = {
            "endpoint": "192.0.2.7:4000",
            "handshake": 0,
            "received": 0,
            "sent": 0,
        }
        return Status(public_key=parse(peer.public_key), **{**usual, **values})

    def observe(self, peer: Any, **values: Any) -> PeerStatus:
        """Keep one status, and return it as it is shown."""
        (found,) = peers.observed(self.conn, [self.status(peer, **values)])
        return found

    def seconds(self) -> int:
        """Return the current time in the device's form."""
        return int(self.conn.now.timestamp())

    def test_never(self) -> None:
        """No handshake is no date."""
        found = self.observe(self.mine)
        self.assertEqual(
            (found.online, found.last_handshake, found.age_seconds),
            ("never", None, None),
        )
        self.assertIsNone(peers.get(self.conn, None, self.mine.id).last_handshake)

    def test_online(self) -> None:
        """A handshake is fresh for 180 seconds."""
        for age, online in (
            (0, "active"),
            (119, "active"),
            (121, "active"),
            (179, "active"),
            (180, "active"),
            (181, "idle"),
            (10**6, "idle"),
        ):
            self.conn.update(schema.vpn_peer, self.mine.id, last_handshake=None)
            found = self.observe(self.mine, handshake=self.seconds() - age)
            self.assertEqual((found.online, found.age_seconds), (online, age))

    def test_clock_behind(self) -> None:
        """A handshake of the future is as old as one of now."""
        found = self.observe(self.mine, handshake=self.seconds() + 50)
        self.assertEqual((found.online, found.age_seconds), ("active", 0))

    def test_viewpoint(self) -> None:
        """Bytes that the server sent are shown as received by the device."""
        found = self.observe(self.mine, received=10, sent=1000)
        self.assertEqual((found.received, found.sent), (1000, 10))
        shown = peers.get(self.conn, None, self.mine.id)
        self.assertEqual((shown.received, shown.sent), (1000, 10))

    def test_totals(self) -> None:
        """Totals survive a recreated device, and never decrease."""
        told = [0, 100, 100, 250, 5, 5, 300, 0, 2**40]
        wanted = [0, 100, 100, 250, 255, 255, 550, 550, 550 + 2**40]
        found = [self.observe(self.mine, received=each).sent for each in told]
        self.assertEqual(found, wanted)

    def test_rotated(self) -> None:
        """A new key's counters start at zero, and the total continues."""
        self.observe(self.mine, received=100)
        peers.rotate(self.conn, None, self.mine.id, public_key(1), keyring=self.keyring)
        self.mine = peers.get(self.conn, None, self.mine.id)
        self.assertEqual(self.observe(self.mine, received=120).sent, 220)

    def test_handshake_stays(self) -> None:
        """The last handshake is kept when the device is recreated."""
        self.observe(self.mine, handshake=self.seconds() - 10)
        found = self.observe(self.mine, handshake=0, endpoint=None)
        self.assertEqual((found.online, found.age_seconds), ("active", 10))
        self.assertIsNone(found.endpoint)

    def test_unchanged(self) -> None:
        """An unchanged status is not written."""
        statuses = [self.status(each, received=7, handshake=5) for each in self.every]
        peers.observed(self.conn, statuses)
        before = self.conn.raw.total_changes
        peers.observed(self.conn, statuses)
        self.assertEqual(self.conn.raw.total_changes, before)
        peers.observed(self.conn, [*statuses[:2], self.status(self.host, received=8)])
        self.assertEqual(self.conn.raw.total_changes, before + 1)

    def test_revision(self) -> None:
        """Reading the device does not change the revision of the desired state."""
        before = (self.revision(), self.events())
        self.observe(self.mine, received=7)
        self.assertEqual((self.revision(), self.events()), before)

    def test_foreign(self) -> None:
        """A key that no peer has is passed over."""
        foreign = replace(self.status(self.mine), public_key=bytes(31) + b"\xee")
        self.assertEqual(peers.observed(self.conn, [foreign]), [])

    def test_who_sees(self) -> None:
        """Endpoints are visible to owners, project managers and administrators only."""
        seen = peers.observed(self.conn, [self.status(each) for each in self.every])
        every = {"mine": True, "bobs": True, "host": True}
        for actor, wanted in (
            (None, every),
            (self.root, every),
            (self.alice, {"mine": True, "host": True}),
            (self.bob, {"bobs": True}),
            (self.carol, {"host": False}),
            (self.owner, {"host": True}),
            (self.guest, {"host": False}),
            (actor_of(self.root.user, self.project), {"host": True}),
        ):
            found = {
                each.name: each.endpoint is not None
                for each in peers.statuses(self.conn, actor, seen)
            }
            self.assertEqual(found, wanted)

    def test_inventory_dates(self) -> None:
        """The last handshake is kept as a moment in UTC."""
        self.observe(self.host, handshake=1_700_000_000)
        found = peers.get(self.conn, None, self.host.id)
        self.assertEqual(found.last_handshake, datetime.fromtimestamp(1.7e9, UTC))
        self.assertEqual(found.kind, PeerKind.HOST)

    def test_many(self) -> None:
        """Two thousand peers, all changed, are kept in well under a second."""
        rows = [
            Status(
                public_key=number.to_bytes(32, "big"),
                endpoint="192.0.2.7:4000",
                handshake=self.seconds(),
                received=number,
                sent=number,
            )
            for number in range(20_000, 22_000)
        ]
        for each in rows:
            self.conn.insert(
                schema.vpn_peer,
                uuid=self.conn.uuid(),
                name="n",
                kind=PeerKind.LAPTOP,
                state="active",
                public_key=each.public_key,
                created=self.conn.now,
            )
        begun = perf_counter()
        with self.conn.transaction(write=True):
            found = peers.observed(self.conn, rows)
        self.assertLess(perf_counter() - begun, 10)
        self.assertEqual(len(found), 2000)
