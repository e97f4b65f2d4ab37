"""Lives of peers: suspended, resumed, expired, revoked; users and projects that end."""

from datetime import datetime, timedelta
from typing import Any

from semaphore_twisted.model.errors import Conflict, Invalid, NotPermitted
from semaphore_twisted.model.peers import Peer, PeerKind, PeerLifecycle
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.projects import members, projects
from semaphore_twisted.operations.projects.members import NewMember
from semaphore_twisted.operations.vpn import peers, site_networks
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.operations.vpn.peers import ChangedPeer
from semaphore_twisted.operations.vpn.site_networks import NewGrant, NewSite
from semaphore_twisted.persistence import schema
from tests.support.memory import make_user
from tests.support.peers import PeersCase, public_key

DAY = timedelta(days=1)


class StateTests(PeersCase):
    """The states of one peer."""

    def setUp(self) -> None:
        """Create the peer."""
        super().setUp()
        self.peer = self.make(name="laptop", expires=self.conn.now + DAY)

    def row(self) -> dict[str, Any]:
        """Return the whole row."""
        cursor = self.conn.raw.execute(
            "SELECT * FROM vpn_peer WHERE id = ?", (self.peer.id,)
        )
        names = [each[0] for each in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))

    def test_suspend_and_resume(self) -> None:
        """To suspend and resume changes nothing else, on the device either."""
        row, wanted = self.row(), self.desired()
        suspended = peers.suspend(self.conn, self.alice, self.peer.id)
        self.assertEqual(suspended.state, PeerLifecycle.SUSPENDED)
        self.assertEqual(self.desired().peers, ())
        self.assertEqual({**self.row(), "state": "active"}, row)
        resumed = peers.resume(self.conn, self.alice, self.peer.id)
        self.assertEqual(resumed, self.peer)
        self.assertEqual(self.row(), row)
        self.assertEqual(self.desired().peers, wanted.peers)

    def test_harmless_twice(self) -> None:
        """A repeated change of the state has no effect, and no event."""
        for verb in (peers.resume, peers.suspend, peers.expire, peers.revoke):
            verb(self.conn, self.alice, self.peer.id)
            before = (self.rows("vpn_peer"), self.revision(), self.events())
            verb(self.conn, self.alice, self.peer.id)
            self.assertEqual(
                (self.rows("vpn_peer"), self.revision(), self.events()), before
            )

    def test_expire(self) -> None:
        """Expiring a peer now removes it at once, with the date."""
        expired = peers.expire(self.conn, self.alice, self.peer.id)
        self.assertEqual(expired.state, PeerLifecycle.EXPIRED)
        self.assertEqual(expired.expires, self.conn.now)
        self.assertEqual(self.desired().peers, ())

    def test_expire_later(self) -> None:
        """Expiring a peer later sets a date."""
        moment = self.conn.now + timedelta(hours=1)
        limited = peers.expire(self.conn, self.alice, self.peer.id, at=moment)
        self.assertEqual(
            (limited.state, limited.expires), (PeerLifecycle.ACTIVE, moment)
        )
        self.assertRaises(
            Invalid,
            peers.expire,
            self.conn,
            self.alice,
            self.peer.id,
            at=self.conn.now,
        )

    def test_resume_expired(self) -> None:
        """An expired peer is resumed with a new date, in one call, only."""
        peers.expire(self.conn, self.alice, self.peer.id)
        for given in ({}, {"expires": self.conn.now}, {"expires": self.conn.now - DAY}):
            error = self.assertRaises(
                Conflict, peers.resume, self.conn, self.alice, self.peer.id, **given
            )
            self.assertIn("2026-01-0", error.message)
            self.assertTrue(error.message.startswith("expires: "))
        error = self.assertRaises(
            Conflict,
            peers.change,
            self.conn,
            self.alice,
            self.peer.id,
            ChangedPeer(expires=self.conn.now + DAY),
        )
        self.assertIn("resume", error.message)
        until = self.conn.now + DAY
        resumed = peers.resume(self.conn, self.alice, self.peer.id, expires=until)
        self.assertEqual(
            (resumed.state, resumed.expires), (PeerLifecycle.ACTIVE, until)
        )
        self.assertEqual(self.desired_names(), ["laptop"])
        self.assertIsNone(self.row()["ended"])

    def test_resumed_for_ever(self) -> None:
        """A resumed peer may have no date; the event says so."""
        peers.expire(self.conn, self.alice, self.peer.id)
        resumed = peers.resume(self.conn, self.alice, self.peer.id, expires=None)
        self.assertIsNone(resumed.expires)
        self.assertIn("active (was expired), ends never", self.events()[-1])

    def test_suspended_over_its_time(self) -> None:
        """A suspended peer whose time went by meanwhile needs a new date, too."""
        peers.suspend(self.conn, self.alice, self.peer.id)
        with self.later(86400):
            self.assertRaises(
                Conflict, peers.resume, self.conn, self.alice, self.peer.id
            )

    def test_naive_date(self) -> None:
        """A date without a zone is refused."""
        self.assertRaises(
            Invalid,
            peers.resume,
            self.conn,
            self.alice,
            self.peer.id,
            expires=datetime(2030, 1, 1),
        )

    def test_revoke(self) -> None:
        """A revoked peer keeps only its key, and cannot be restored."""
        revoked = peers.revoke(self.conn, self.alice, self.peer.id)
        self.assertEqual(revoked.state, PeerLifecycle.REVOKED)
        self.assertEqual((revoked.ipv4, revoked.ipv6), ("", ""))
        row = self.row()
        for name in ("ipv4", "ipv6", "preshared_key"):
            self.assertIsNone(row[name])
        self.assertIsNotNone(row["ended"])
        self.assertEqual(self.desired().peers, ())
        for refused in (
            lambda: peers.resume(self.conn, self.root, self.peer.id, expires=None),
            lambda: peers.suspend(self.conn, self.root, self.peer.id),
            lambda: peers.expire(self.conn, self.root, self.peer.id),
            lambda: peers.expire(
                self.conn, self.root, self.peer.id, at=self.conn.now + DAY
            ),
            lambda: peers.change(
                self.conn, self.root, self.peer.id, ChangedPeer(name="x")
            ),
            lambda: peers.rotate(
                self.conn, self.root, self.peer.id, public_key(1), keyring=self.keyring
            ),
        ):
            error = self.assertRaises(Conflict, refused)
            self.assertIn("revoked", error.message)

    def test_moves(self) -> None:
        """Each transition is accepted or refused as in the table."""
        taken = {
            ("active", "suspend"): "suspended",
            ("active", "resume"): "active",
            ("active", "expire"): "expired",
            ("active", "revoke"): "revoked",
            ("pending", "resume"): "active",
            ("pending", "expire"): "expired",
            ("pending", "revoke"): "revoked",
            ("suspended", "suspend"): "suspended",
            ("suspended", "resume"): "active",
            ("suspended", "expire"): "expired",
            ("suspended", "revoke"): "revoked",
            ("expired", "resume"): "active",
            ("expired", "expire"): "expired",
            ("expired", "revoke"): "revoked",
            ("revoked", "revoke"): "revoked",
        }
        verbs = {
            "suspend": peers.suspend,
            "resume": peers.resume,
            "expire": peers.expire,
            "revoke": peers.revoke,
        }
        for state in PeerLifecycle:
            for name, verb in verbs.items():
                self.conn.update(
                    schema.vpn_peer, self.peer.id, state=state, expires=None
                )
                wanted = taken.get((state, name))
                if wanted is None:
                    self.assertRaises(
                        Conflict, verb, self.conn, self.root, self.peer.id
                    )
                else:
                    found = verb(self.conn, self.root, self.peer.id)
                    self.assertEqual(found.state, wanted, (state, name))

    def test_failure_at_each_statement(self) -> None:
        """A fault of the store at any statement leaves everything as it was."""
        grants = site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.20.0.0/16")
        )
        site_networks.grant(
            self.conn, None, NewGrant(site_id=grants.id, peer_id=self.peer.id)
        )
        for verb in (
            lambda: peers.suspend(self.conn, self.alice, self.peer.id),
            lambda: peers.expire(self.conn, self.alice, self.peer.id),
            lambda: peers.revoke(self.conn, self.alice, self.peer.id),
            lambda: peers.rotate(
                self.conn, self.alice, self.peer.id, public_key(9), keyring=self.keyring
            ),
        ):
            self.check_all_or_nothing(verb)


class HeldTests(PeersCase):
    """A suspension by an administrator, which the owner cannot lift."""

    def refused(self, verb: Any, *arguments: Any, **given: Any) -> None:
        """See that alice may not."""
        error = self.assertRaises(
            NotPermitted, verb, self.conn, self.alice, *arguments, **given
        )
        self.assertIn("administrator", error.message)

    def test_suspended(self) -> None:
        """A device that an administrator suspended stays so."""
        made = self.make()
        peers.suspend(self.conn, self.alice, made.id)
        peers.resume(self.conn, self.alice, made.id)
        peers.suspend(self.conn, self.root, made.id)
        self.refused(peers.resume, made.id)
        self.refused(peers.resume, made.id, expires=None)
        peers.resume(self.conn, self.root, made.id)
        peers.suspend(self.conn, self.alice, made.id)
        peers.resume(self.conn, self.alice, made.id)

    def test_suspended_again(self) -> None:
        """An administrator can hold what its owner has suspended."""
        made = self.make()
        peers.suspend(self.conn, self.alice, made.id)
        peers.suspend(self.conn, None, made.id)
        self.refused(peers.resume, made.id)

    def test_limited(self) -> None:
        """A date that an administrator set can be brought forward only."""
        until = self.conn.now + DAY
        made = self.make(self.root, user_id=self.alice.user.id, expires=until)
        self.refused(peers.change, made.id, ChangedPeer(expires=None))
        self.refused(peers.change, made.id, ChangedPeer(expires=until + DAY))
        peers.change(
            self.conn, self.alice, made.id, ChangedPeer(expires=until - DAY / 2)
        )
        peers.expire(self.conn, self.alice, made.id)
        self.refused(peers.resume, made.id, expires=until)
        peers.resume(self.conn, self.root, made.id, expires=until)
        self.refused(peers.change, made.id, ChangedPeer(expires=None))
        peers.change(self.conn, self.root, made.id, ChangedPeer(expires=None))
        peers.change(self.conn, self.alice, made.id, ChangedPeer(expires=until))
        peers.change(self.conn, self.alice, made.id, ChangedPeer(expires=None))

    def test_limited_while_suspended(self) -> None:
        """To change the date of a suspended device does not let it go."""
        made = self.make()
        peers.suspend(self.conn, self.root, made.id)
        peers.change(self.conn, self.root, made.id, ChangedPeer(expires=None))
        peers.expire(self.conn, self.root, made.id, at=self.conn.now + DAY)
        peers.change(self.conn, self.root, made.id, ChangedPeer(expires=None))
        self.refused(peers.resume, made.id)

    def test_revoke(self) -> None:
        """The owner may revoke a suspended device."""
        made = self.make()
        peers.suspend(self.conn, self.root, made.id)
        peers.revoke(self.conn, self.alice, made.id)


class ExpiryTests(PeersCase):
    """Peers that expire."""

    def test_table(self) -> None:
        """Desired are those with time left, of users who may log in."""
        off = make_user(self.conn, "off")
        users.set_active(self.conn, self.root, off.id, active=False)
        for owner in (self.alice.user, off):
            for label, seconds in (("-1", -1), ("0", 0), ("+1", 1), ("never", None)):
                until = (
                    None
                    if seconds is None
                    else self.conn.now + timedelta(seconds=seconds)
                )
                self.count += 1
                self.conn.insert(
                    schema.vpn_peer,
                    uuid=self.conn.uuid(),
                    name=f"{owner.username} {label}",
                    kind=PeerKind.LAPTOP,
                    state=PeerLifecycle.ACTIVE,
                    user_id=owner.id,
                    public_key=self.count.to_bytes(32, "big"),
                    ipv4=f"10.80.0.{self.count + 10}",
                    created=self.conn.now,
                    expires=until,
                )
        self.assertEqual(self.desired_names(), ["alice +1", "alice never"])
        self.assertEqual(
            self.desired().next_expiry, self.conn.now + timedelta(seconds=1)
        )

    def test_expire_due(self) -> None:
        """An expired peer is not desired, marked or not; each is marked once."""
        moment = self.conn.now + timedelta(seconds=10)
        self.make(name="short", expires=moment)
        self.make(name="long", expires=moment + timedelta(seconds=10))
        self.make(name="endless")
        self.assertEqual(self.desired().next_expiry, moment)
        with self.later(10):
            self.assertEqual(self.desired_names(), ["long", "endless"])
            self.assertEqual(self.desired().next_expiry, moment + timedelta(seconds=10))
            before = self.revision()
            self.assertEqual(peers.expire_due(self.conn), 1)
            self.assertEqual(peers.expire_due(self.conn), 0)
            self.assertEqual(self.revision(), before + 1)
            (short,) = peers.listed(self.conn, None, state=PeerLifecycle.EXPIRED)
            self.assertEqual((short.name, short.expires), ("short", moment))
            self.assertIn("Peer short of alice: expired", self.events()[-1])

    def test_clock_that_jumps(self) -> None:
        """A clock that jumps over a year ends what is over by then."""
        self.make(expires=self.conn.now + timedelta(days=200))
        with self.later(365 * 86400):
            self.assertEqual(self.desired().peers, ())
            self.assertEqual(peers.expire_due(self.conn), 1)

    def test_kinds(self) -> None:
        """A date is a peer's own; hosts without one stay."""
        self.make(expires=self.conn.now + DAY)
        self.make(self.owner, name="host")
        with self.later(90 * 86400):
            peers.expire_due(self.conn)
            self.assertEqual(self.desired_names(), ["host"])

    def test_nothing_due(self) -> None:
        """Where nothing is due nothing is written."""
        self.make()
        before = self.conn.raw.total_changes
        self.assertEqual(peers.expire_due(self.conn), 0)
        self.assertEqual(self.conn.raw.total_changes, before)


class EndingTests(PeersCase):
    """Users, memberships and projects that end."""

    def setUp(self) -> None:
        """Make peers of alice, bob and the project."""
        super().setUp()
        self.mine = self.make(name="mine")
        self.bobs = self.make(self.bob, name="bobs")
        self.host = self.make(self.owner, name="host")

    def raised(self, change: Any, *arguments: Any, **given: Any) -> None:
        """Make a change, which must raise the revision."""
        before = self.revision()
        change(self.conn, *arguments, **given)
        self.assertGreater(self.revision(), before)

    def test_disabled_user(self) -> None:
        """A disabled user's devices are removed at once; other peers stay."""
        alice = self.alice.user.id
        self.raised(users.set_active, self.root, alice, active=False)
        self.assertEqual(self.desired_names(), ["bobs", "host"])
        self.raised(users.set_active, self.root, alice, active=True)
        self.assertEqual(self.desired_names(), ["mine", "bobs", "host"])

    def test_deleted_user(self) -> None:
        """A deleted user's devices are revoked; the key is never taken again."""
        self.raised(users.delete, self.root, self.bob.user.id)
        self.assertEqual(self.desired_names(), ["mine", "host"])
        gone = peers.get(self.conn, None, self.bobs.id)
        self.assertEqual(
            (gone.state, gone.user_id, gone.ipv4), (PeerLifecycle.REVOKED, None, "")
        )
        self.assertRaises(Conflict, self.make, public_key=self.bobs.public_key)
        self.assertTrue(
            any("since the user is deleted" in each for each in self.events())
        )

    def test_deletes_himself(self) -> None:
        """Deleting one's own account revokes its devices."""
        self.raised(users.delete, self.bob, self.bob.user.id)
        self.assertEqual(self.desired_names(), ["mine", "host"])

    def test_deleted_project(self) -> None:
        """A project that is deleted takes its hosts out; devices stay."""
        self.raised(projects.delete, self.owner)
        self.assertEqual(self.desired_names(), ["mine", "bobs"])
        gone = peers.get(self.conn, None, self.host.id)
        self.assertEqual((gone.state, gone.owner), (PeerLifecycle.REVOKED, ""))

    def test_membership(self) -> None:
        """A membership that ends takes the project's grants from the user's devices."""
        site = site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.20.0.0/16")
        )
        site_networks.grant(
            self.conn, None, NewGrant(site_id=site.id, project_id=self.project.id)
        )
        every = {self.mine.ipv4, self.host.ipv4}
        self.assertEqual({each.address for each in self.desired().grants}, every)
        member = NewMember(user_id=self.bob.user.id, role=Role.GUEST)
        self.raised(members.add, self.owner, member)
        self.assertEqual(
            {each.address for each in self.desired().grants}, {*every, self.bobs.ipv4}
        )
        self.raised(members.remove, self.owner, self.bob.user.id)
        self.assertEqual({each.address for each in self.desired().grants}, every)
        members.add(self.conn, self.owner, member)
        acting = Actor(user=self.bob.user, project_id=self.project.id, role=Role.GUEST)
        self.raised(members.leave, acting)
        self.assertEqual({each.address for each in self.desired().grants}, every)

    def test_without_vpn(self) -> None:
        """Without a network these operations still work."""
        self.conn.raw.execute("DELETE FROM vpn_network")
        users.set_active(self.conn, self.root, self.bob.user.id, active=False)
        users.delete(self.conn, self.root, self.bob.user.id)
        projects.delete(self.conn, self.owner)
        self.assertEqual(self.revision(), 0)


class QuarantineTests(PeersCase):
    """Addresses that were given back."""

    def revoke(self, peer: Peer, days: int = 30) -> None:
        """Revoke *peer*; its addresses rest for so many days."""
        peers.revoke(self.conn, None, peer.id, options=PeerLimits(quarantine_days=days))

    def test_rests(self) -> None:
        """An address is free again when its quarantine is over, not before."""
        first, second = self.make(), self.make()
        self.revoke(first)
        third = self.make(self.bob)
        self.assertNotIn(third.ipv4, {first.ipv4, second.ipv4})
        self.assertNotIn(third.ipv6, {first.ipv6, second.ipv6})
        with self.later(30 * 86400):
            pass
        fourth = self.make(self.bob)
        self.assertEqual((fourth.ipv4, fourth.ipv6), (first.ipv4, first.ipv6))
        self.assertEqual(self.rows("vpn_quarantine"), [])

    def test_no_days(self) -> None:
        """Without a quarantine an address is free at once."""
        first = self.make()
        self.revoke(first, days=0)
        self.assertEqual(self.make().ipv4, first.ipv4)
