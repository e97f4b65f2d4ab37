"""Invites: creation, uses, uniform refusals, revocation."""

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.peers import (
    Enrolled,
    Invite,
    InviteState,
    PeerKind,
    PeerLifecycle,
)
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.projects import members
from semaphore_twisted.operations.projects.members import ChangedMember
from semaphore_twisted.operations.vpn import invites, peers, site_networks
from semaphore_twisted.operations.vpn.invites import (
    CreatedInvite,
    NewInvite,
    Reason,
    Redemption,
    Refusal,
)
from semaphore_twisted.operations.vpn.site_networks import ChangedSite, NewSite
from tests.support.events import list_events
from tests.support.memory import actor_of, make_member, make_user
from tests.support.peers import PeersCase, public_key

DAY = 24 * 3600


class InvitesCase(PeersCase):
    """Makes and redeems invites."""

    def invite(self, actor: Actor | None = None, **fields: Any) -> CreatedInvite:
        """Create an invite, by default Alice's for one laptop."""
        usual: dict[str, Any] = {
            "kind": PeerKind.LAPTOP,
            "max_uses": 1,
            "lifetime_seconds": DAY,
        }
        if actor is self.owner:
            usual["kind"] = PeerKind.HOST
        with self.conn.transaction(write=True):
            return invites.create(
                self.conn,
                actor or self.alice,
                NewInvite(**{**usual, **fields}),
                options=self.options,
            )

    def redeem(
        self, made: CreatedInvite | str, number: int = 1, **fields: Any
    ) -> Enrolled | Refusal:
        """Redeem an invite with the key *number*."""
        usual: dict[str, Any] = {
            "token": made if isinstance(made, str) else made.token,
            "public_key": public_key(number),
            "name": f"device-{number}",
        }
        with self.conn.transaction(write=True):
            return invites.redeem(
                self.conn,
                Redemption(**{**usual, **fields}),
                keyring=self.keyring,
                options=self.options,
                address="192.0.2.9",
            )

    def enrolled(self, made: CreatedInvite, number: int = 1, **fields: Any) -> Enrolled:
        """Redeem an invite, which must be possible."""
        found = self.redeem(made, number, **fields)
        assert isinstance(found, Enrolled)
        return found

    def refused(
        self, made: CreatedInvite | str, reason: Reason, number: int = 1
    ) -> None:
        """See that an invite cannot be used, and leaves nothing but an event."""
        before = (self.rows("vpn_peer"), self.rows("vpn_invite"), len(self.events()))
        self.assertEqual(self.redeem(made, number), Refusal(reason))
        after = (self.rows("vpn_peer"), self.rows("vpn_invite"), len(self.events()) - 1)
        self.assertEqual(after, before)
        self.assertTrue(self.events()[-1].endswith(f"was refused: {reason}"))

    def now(self, made: CreatedInvite) -> Invite:
        """Return an invite as it is now."""
        return invites.get(self.conn, None, made.invite.id)


class MakingTests(InvitesCase):
    """Creating invites."""

    def test_made(self) -> None:
        """The invite has the requested values."""
        until = self.conn.now + timedelta(days=9)
        made = self.invite(
            self.root,
            user_id=self.bob.user.id,
            max_uses=3,
            tags=("a",),
            peer_expires=until,
        )
        invite = made.invite
        self.assertEqual((invite.owner, invite.kind), ("bob", PeerKind.LAPTOP))
        self.assertEqual((invite.state, invite.uses), (InviteState.OPEN, 0))
        self.assertEqual((invite.max_uses, invite.tags), (3, ("a",)))
        self.assertEqual(invite.peer_expires, until)
        self.assertEqual(invite.expires, self.conn.now + timedelta(days=1))
        self.assertRegex(made.token, r"\Asmp-enroll-[A-Za-z0-9_-]{43}\Z")
        self.assertTrue(made.token.startswith(invite.prefix))
        self.assertLess(len(invite.prefix), 20)

    def test_token_is_shown_once(self) -> None:
        """Of a token the store has the digest, by which it is found."""
        made = self.invite()
        self.assertNotIn(made.token, self.dump())
        self.assertNotIn(made.token[len(made.invite.prefix) :], self.dump())
        self.assertIn(hashlib.sha256(made.token.encode()).hexdigest(), self.dump())
        self.assertNotIn(made.token, repr(made))
        body = Redemption(token=made.token, public_key="k", name="n")
        self.assertNotIn(made.token, repr(body))
        self.assertNotEqual(self.invite().token, made.token)

    def test_needed(self) -> None:
        """An empty body, and each missing limit, is refused."""
        whole = {"kind": "laptop", "max_uses": 1, "lifetime_seconds": 60}
        msgspec.json.decode(msgspec.json.encode(whole), type=NewInvite)
        for name in whole:
            less = {key: value for key, value in whole.items() if key != name}
            error = self.assertRaises(
                msgspec.ValidationError,
                msgspec.json.decode,
                msgspec.json.encode(less),
                type=NewInvite,
            )
            self.assertIn(name, str(error))

    def test_limits(self) -> None:
        """A value out of range is refused with the field's name."""
        past = self.conn.now - timedelta(seconds=1)
        for actor, field, values in (
            (self.root, "max_uses", (0, -1, 1001)),
            (self.alice, "max_uses", (0, 4)),
            (self.root, "lifetime_seconds", (0, -1, 59, 90 * DAY + 1)),
            (self.root, "peer_expires", (past, past.replace(tzinfo=None))),
            (self.root, "tags", (("a b",),)),
            (self.root, "grants", (("nowhere",), tuple(map(str, range(21))))),
        ):
            for value in values:
                error = self.assertRaises(Invalid, self.invite, actor, **{field: value})
                self.assertTrue(error.message.startswith(f"{field}: "), error.message)
        self.assertEqual(self.rows("vpn_invite"), [])

    def test_owners(self) -> None:
        """The users that a role may invite; only administrators give grants."""
        host = {"kind": PeerKind.HOST, "project_id": self.project.id}
        wrong: tuple[tuple[Actor | None, dict[str, Any], type[Exception]], ...] = (
            (self.alice, {"user_id": self.bob.user.id}, NotPermitted),
            (self.bob, host, NotFound),
            (self.carol, host, NotPermitted),
            (self.guest, {"kind": PeerKind.HOST}, NotPermitted),
            (self.alice, {"grants": ("lab",)}, NotPermitted),
            (self.owner, {"grants": ("lab",)}, NotPermitted),
            (self.owner, {"kind": PeerKind.PHONE}, Invalid),
            (self.root, {"user_id": 999}, Invalid),
        )
        for actor, fields, error in wrong:
            self.assertRaises(error, self.invite, actor, **fields)
        self.assertEqual(self.invite(self.owner).invite.owner, "Site")
        self.assertEqual(self.invite(self.alice, **host).invite.owner, "Site")
        self.assertEqual(self.invite(self.root).invite.owner, "root")

    def test_at_the_console(self) -> None:
        """At the console the owner of the devices must be given."""
        new = NewInvite(kind=PeerKind.PHONE, max_uses=1, lifetime_seconds=60)
        self.assertRaises(Invalid, invites.create, self.conn, None, new)
        made = invites.create(self.conn, None, replace(new, user_id=self.bob.user.id))
        self.assertEqual(made.invite.owner, "bob")

    def test_quota(self) -> None:
        """A user at the limit of devices cannot create an invite for another one."""
        for _ in range(3):
            self.make()
        self.assertRaises(Conflict, self.invite)
        self.invite(self.root, user_id=self.alice.user.id)

    def test_event(self) -> None:
        """The event has the token's first characters."""
        before = self.revision()
        made = self.invite()
        self.assertEqual(self.revision(), before + 1)
        self.assertIn(made.invite.prefix, self.events()[-1])
        self.assertNotIn(made.token, "".join(self.events()))


class RedeemingTests(InvitesCase):
    """Devices that enroll themselves."""

    def test_enrolled(self) -> None:
        """A device becomes a peer with the invite's values."""
        site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.20.0.0/16")
        )
        until = self.conn.now + timedelta(days=9)
        made = self.invite(
            self.root,
            user_id=self.bob.user.id,
            tags=("a",),
            grants=("lab",),
            peer_expires=until,
        )
        found = self.enrolled(made, name="box")
        self.assertEqual((found.peer.owner, found.peer.name), ("bob", "box"))
        self.assertEqual((found.peer.tags, found.peer.expires), (("a",), until))
        self.assertEqual(found.peer.state, PeerLifecycle.ACTIVE)
        self.assertIn("10.20.0.0/16", found.config)
        self.assertIn("PresharedKey", found.config)
        self.assertEqual(self.desired_names(), ["box"])
        self.assertEqual(len(self.desired().grants), 1)
        self.assertEqual(self.now(made).state, InviteState.USED)
        event = self.conn.raw.execute(
            "SELECT description, ip FROM event ORDER BY id DESC"
        ).fetchone()
        self.assertIn(made.invite.prefix, event[0])
        self.assertEqual(event[1], "192.0.2.9")

    def test_host(self) -> None:
        """A project's invite makes hosts of it."""
        found = self.enrolled(self.invite(self.owner, max_uses=2))
        self.assertEqual((found.peer.kind, found.peer.owner), (PeerKind.HOST, "Site"))
        self.assertEqual(found.peer.project_id, self.project.id)

    def test_reserved_names(self) -> None:
        """A host that gives itself a name of Ansible's is refused, the use stays."""
        made = self.invite(self.owner)
        for name in ("localhost", "127.1", "ALL", "tag_db", "db[0]", "a b", "x.yml"):
            error = self.assertRaises(Invalid, self.redeem, made, name=name)
            self.assertTrue(error.message.startswith("name: "), error.message)
        self.assertEqual((self.now(made).uses, self.rows("vpn_peer")), (0, []))
        self.assertEqual(self.enrolled(made, name="db").peer.name, "db")
        self.enrolled(self.invite(self.alice), 2, name="localhost")

    def test_kinds(self) -> None:
        """Laptops and phones use each other's invites; hosts have their own."""
        made = self.invite(max_uses=2)
        found = self.enrolled(made, kind=PeerKind.PHONE)
        self.assertEqual(found.peer.kind, PeerKind.PHONE)
        self.assertRaises(Invalid, self.redeem, made, 2, kind=PeerKind.HOST)
        host = self.invite(self.owner)
        self.assertRaises(Invalid, self.redeem, host, 2, kind=PeerKind.LAPTOP)
        self.assertEqual((self.now(made).uses, self.now(host).uses), (1, 0))

    def test_approval(self) -> None:
        """With approval a device waits; its owner cannot approve it."""
        made = self.invite(self.root, user_id=self.bob.user.id, approval=True)
        found = self.enrolled(made)
        self.assertEqual(found.peer.state, PeerLifecycle.PENDING)
        self.assertEqual(self.desired().peers, ())
        self.assertRaises(
            NotPermitted, peers.resume, self.conn, self.bob, found.peer.id
        )
        peers.resume(self.conn, self.root, found.peer.id)
        self.assertEqual(len(self.desired().peers), 1)

    def test_limited_by_another(self) -> None:
        """A date of an administrator's invite is not the owner's to lift."""
        until = self.conn.now + timedelta(days=9)
        made = self.invite(self.root, user_id=self.bob.user.id, peer_expires=until)
        found = self.enrolled(made)
        self.assertRaises(
            NotPermitted,
            peers.change,
            self.conn,
            self.bob,
            found.peer.id,
            peers.ChangedPeer(expires=None),
        )
        mine = self.enrolled(self.invite(peer_expires=until), 2)
        peers.change(
            self.conn, self.alice, mine.peer.id, peers.ChangedPeer(expires=None)
        )

    def test_uses(self) -> None:
        """An invite has exactly its number of uses."""
        made = self.invite(max_uses=3)
        for number in (1, 2, 3):
            self.assertEqual(self.now(made).state, InviteState.OPEN)
            self.enrolled(made, number)
        self.refused(made, Reason.USED, 4)
        self.assertEqual((self.now(made).uses, len(self.rows("vpn_peer"))), (3, 3))

    def test_refused_alike(self) -> None:
        """Four reasons have one answer; the events distinguish them."""
        unknown = "smp-enroll-" + "x" * 43
        used, expired, revoked = self.invite(), self.invite(), self.invite()
        self.enrolled(used, 9)
        invites.revoke(self.conn, self.alice, revoked.invite.id)
        with self.later(DAY):
            pass
        self.refused(unknown, Reason.UNKNOWN)
        self.refused(expired, Reason.EXPIRED)
        self.refused(revoked, Reason.REVOKED)
        self.refused(used, Reason.USED)
        self.assertEqual(len(set(self.events()[-4:])), 4)
        for text in ("", "x", "smp-enroll-", unknown + "x", "\ud800" * 54, "a" * 10**6):
            self.refused(text, Reason.UNKNOWN)
        self.assertNotIn(unknown, "".join(self.events()))

    def test_moment(self) -> None:
        """An invite is over at its time, not after it."""
        made = self.invite(lifetime_seconds=60)
        with self.later(59):
            pass
        self.assertEqual(self.now(made).state, InviteState.OPEN)
        with self.later(1):
            self.assertEqual(self.now(made).state, InviteState.EXPIRED)
        self.refused(made, Reason.EXPIRED)

    def test_failed(self) -> None:
        """A failed redemption leaves the invite unchanged."""
        made = self.invite()
        taken = self.make(self.bob, public_key=public_key(50), name="b")
        self.make(name="taken")
        row = self.rows("vpn_invite")
        for error, fields in (
            (Invalid, {"public_key": "nonsense"}),
            (Invalid, {"public_key": "A" * 43 + "="}),
            (Invalid, {"name": "a\nb"}),
            (Invalid, {"name": "-h"}),
            (Invalid, {"kind": PeerKind.HOST}),
            (Conflict, {"public_key": taken.public_key}),
            (Conflict, {"name": "TAKEN"}),
        ):
            refused = self.assertRaises(error, self.redeem, made, **fields)
            self.assertNotIn("bob", refused.message)
            self.assertEqual(self.rows("vpn_invite"), row)
        self.enrolled(made)

    def test_pool_is_full(self) -> None:
        """A full pool is a conflict, and takes no use."""
        made = self.invite()
        self.conn.raw.execute("UPDATE vpn_network SET pool4 = '10.80.0.0/30'")
        self.make(self.bob)
        error = self.assertRaises(Conflict, self.redeem, made)
        self.assertIn("10.80.0.0/30 is full", error.message)
        self.assertEqual(self.now(made).uses, 0)

    def test_quota(self) -> None:
        """One's own invite makes as many devices as one may have; a given one more."""
        made = self.invite(max_uses=3)
        given = self.invite(self.root, user_id=self.alice.user.id, max_uses=3)
        for number in (1, 2, 3):
            self.enrolled(given, number)
        self.assertRaises(Conflict, self.redeem, made, 4)
        self.assertEqual(self.now(made).uses, 0)

    def test_revoked_key(self) -> None:
        """The key of a revoked peer stays refused."""
        peer = self.make(self.bob, public_key=public_key(50))
        peers.revoke(self.conn, None, peer.id)
        self.assertRaises(Conflict, self.redeem, self.invite(), 50)

    def test_failure_at_each_statement(self) -> None:
        """A fault of the store at any statement leaves everything as it was."""
        made = self.invite()
        body = Redemption(token=made.token, public_key=public_key(1), name="box")
        self.check_all_or_nothing(
            lambda: invites.redeem(self.conn, body, keyring=self.keyring)
        )
        self.enrolled(made)


class RepeatingTests(InvitesCase):
    """A device whose answer was lost."""

    def test_again(self) -> None:
        """The same token and key get the same answer, without a second peer."""
        made = self.invite()
        first = self.enrolled(made)
        state = (self.dump(), self.revision())
        for name in ("device-1", "another name"):
            self.assertEqual(self.enrolled(made, name=name), first)
        self.assertEqual((self.dump(), self.revision()), state)

    def test_another_key(self) -> None:
        """Another key does not."""
        made = self.invite()
        self.enrolled(made)
        self.refused(made, Reason.USED, 2)

    def test_ten_minutes(self) -> None:
        """After ten minutes it is over."""
        made = self.invite()
        first = self.enrolled(made)
        with self.later(600):
            pass
        self.assertEqual(self.enrolled(made), first)
        with self.later(1):
            pass
        self.refused(made, Reason.USED)

    def test_still_usable(self) -> None:
        """An open invite does not enroll a key that it has enrolled before."""
        made = self.invite(max_uses=3)
        self.enrolled(made)
        with self.later(601):
            pass
        self.assertRaises(Conflict, self.redeem, made)
        self.assertEqual(self.now(made).uses, 1)

    def test_over_meanwhile(self) -> None:
        """An invite that expires within the minutes still repeats its answer."""
        made = self.invite(lifetime_seconds=60)
        first = self.enrolled(made)
        with self.later(120):
            pass
        self.assertEqual(self.enrolled(made), first)

    def test_revoked_meanwhile(self) -> None:
        """A revoked invite, or peer, does not."""
        made, other = self.invite(), self.invite()
        self.enrolled(made)
        invites.revoke(self.conn, self.alice, made.invite.id)
        self.refused(made, Reason.REVOKED)
        peer = self.enrolled(other, 2).peer
        peers.revoke(self.conn, self.alice, peer.id)
        self.refused(other, Reason.USED, 2)

    def test_another_token(self) -> None:
        """Another token with the same key is a conflict."""
        self.enrolled(self.invite())
        other = self.invite()
        self.assertRaises(Conflict, self.redeem, other)
        self.assertEqual(self.now(other).uses, 0)


class OwnerTests(InvitesCase):
    """The owner and the creator of an invite."""

    def test_disabled_user(self) -> None:
        """Nothing is enrolled for a user who is disabled."""
        made = self.invite(self.root, user_id=self.bob.user.id, max_uses=2)
        users.set_active(self.conn, self.root, self.bob.user.id, active=False)
        self.refused(made, Reason.OWNER)
        users.set_active(self.conn, self.root, self.bob.user.id, active=True)
        self.enrolled(made)
        users.set_active(self.conn, self.root, self.bob.user.id, active=False)
        self.refused(made, Reason.OWNER)  # no repeated answer either

    def test_deleted_user(self) -> None:
        """The invites of a deleted user are unknown."""
        made = self.invite(self.bob)
        users.delete(self.conn, self.root, self.bob.user.id)
        self.refused(made, Reason.UNKNOWN)

    def test_maker_left(self) -> None:
        """Invites end with the creator's right to manage the project's hosts."""
        dave = make_user(self.conn, "dave")
        make_member(self.conn, self.project, dave, Role.MANAGER)
        acting = actor_of(dave, self.project, Role.MANAGER)
        made = self.invite(acting, kind=PeerKind.HOST, max_uses=9)
        self.enrolled(made, 1)
        members.change(self.conn, self.owner, dave.id, ChangedMember(role=Role.GUEST))
        self.refused(made, Reason.OWNER, 2)
        members.change(self.conn, self.owner, dave.id, ChangedMember(role=Role.MANAGER))
        self.enrolled(made, 2)
        members.remove(self.conn, self.owner, dave.id)
        self.refused(made, Reason.OWNER, 3)
        self.assertEqual(len(self.desired().peers), 2)

    def test_maker_disabled(self) -> None:
        """Invites of a disabled or former administrator are invalid."""
        other = actor_of(make_user(self.conn, "other", admin=True))
        made = self.invite(other, user_id=self.bob.user.id, max_uses=9)
        users.set_active(self.conn, self.root, other.user.id, active=False)
        self.refused(made, Reason.OWNER)
        users.set_active(self.conn, self.root, other.user.id, active=True)
        self.conn.raw.execute(
            "UPDATE user SET admin = 0 WHERE id = ?", (other.user.id,)
        )
        self.refused(made, Reason.OWNER)

    def test_maker_deleted(self) -> None:
        """The open invites of a deleted administrator are revoked; its peers stay."""
        other = actor_of(make_user(self.conn, "other", admin=True))
        made = self.invite(other, user_id=self.bob.user.id, max_uses=9)
        self.enrolled(made)
        users.delete(self.conn, self.root, other.user.id)
        self.refused(made, Reason.REVOKED)
        self.assertEqual(len(self.desired().peers), 1)

    def test_network_is_gone(self) -> None:
        """A network that was forgotten meanwhile, or renamed, is not opened."""
        site = site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.20.0.0/16")
        )
        made = self.invite(self.root, grants=("lab",))
        site_networks.change(self.conn, None, site.id, ChangedSite(name="lob"))
        self.enrolled(made)
        self.assertEqual(self.desired().grants, ())


class RevokingTests(InvitesCase):
    """Invites that end."""

    def test_each_state(self) -> None:
        """An invite can be revoked in each state; a second time has no effect."""
        new, partly, used, expired = (
            self.invite(),
            self.invite(max_uses=2),
            self.invite(),
            self.invite(lifetime_seconds=60),
        )
        self.enrolled(partly, 1)
        self.enrolled(used, 2)
        with self.later(60):
            pass
        for made in (new, partly, used, expired):
            revoked = invites.revoke(self.conn, self.alice, made.invite.id)
            self.assertEqual(revoked.state, InviteState.REVOKED)
            before = (self.rows("vpn_invite"), self.revision())
            invites.revoke(self.conn, self.alice, made.invite.id)
            self.assertEqual((self.rows("vpn_invite"), self.revision()), before)
            self.refused(made, Reason.REVOKED, 9)

    def test_peers_stay(self) -> None:
        """The peers of an invite that ends, one way or the other, stay."""
        made = self.invite(lifetime_seconds=60)
        self.enrolled(made, name="box")
        with self.later(10**6):
            self.assertEqual(self.desired_names(), ["box"])
        invites.revoke(self.conn, self.alice, made.invite.id)
        self.assertEqual(self.desired_names(), ["box"])

    def test_with_peers(self) -> None:
        """The invite's peers are revoked on request, also after the invite."""
        made = self.invite(max_uses=2)
        self.enrolled(made, 1)
        self.enrolled(made, 2)
        self.make(name="other")
        invites.revoke(self.conn, self.alice, made.invite.id)
        invites.revoke(self.conn, self.alice, made.invite.id, with_peers=True)
        self.assertEqual(self.desired_names(), ["other"])

    def test_who(self) -> None:
        """Whose invite it is not does not see it; nor who only sees the hosts."""
        mine, host = self.invite(), self.invite(self.owner)
        given = self.invite(self.root, user_id=self.bob.user.id)
        for actor, wanted in (
            (None, {mine, host, given}),
            (self.root, {mine, host, given}),
            (self.alice, {mine, host}),
            (self.bob, {given}),
            (self.carol, set()),
            (self.owner, {host}),
            (self.guest, set()),
        ):
            listed = {each.id for each in invites.listed(self.conn, actor)}
            self.assertEqual(listed, {each.invite.id for each in wanted})
            for made in (mine, host, given):
                if made in wanted:
                    invites.get(self.conn, actor, made.invite.id)
                    continue
                for verb in (invites.get, invites.revoke):
                    self.assertRaises(NotFound, verb, self.conn, actor, made.invite.id)

    def test_listed(self) -> None:
        """The newest is first, and no list has a token."""
        made = [self.invite() for _ in range(3)]
        listed = invites.listed(self.conn, self.alice)
        self.assertEqual(
            [each.id for each in listed], [each.invite.id for each in reversed(made)]
        )
        text = msgspec.json.encode(listed).decode()
        for each in made:
            self.assertNotIn(each.token, text)
        used = invites.listed(self.conn, self.alice, state=InviteState.USED)
        self.assertEqual(used, [])

    def test_events(self) -> None:
        """Refusals of an invite are visible to its creator and administrators."""
        made = self.invite()
        invites.revoke(self.conn, self.alice, made.invite.id)
        self.refused(made, Reason.REVOKED)
        self.refused("nothing", Reason.UNKNOWN)
        told = {
            actor.user.username: len(
                [
                    each
                    for each in list_events(self.conn, actor)
                    if "refused" in (each.description or "")
                ]
            )
            for actor in (self.root, self.alice, self.bob)
        }
        self.assertEqual(told, {"root": 2, "alice": 1, "bob": 0})
