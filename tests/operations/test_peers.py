"""Devices and hosts of the VPN: made, listed, changed, and whose they are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from sqlite3 import IntegrityError
from time import process_time
from typing import Any

import msgspec

from semaphore_twisted.model.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    NotPermitted,
)
from semaphore_twisted.model.peers import Peer, PeerKind, PeerLifecycle
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.vpn import (
    network as vpn_network,
)
from semaphore_twisted.operations.vpn import (
    peers,
    site_networks,
)
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.operations.vpn.peers import ChangedPeer, NewPeer
from semaphore_twisted.operations.vpn.site_networks import NewSite
from semaphore_twisted.persistence import schema
from semaphore_twisted.wireguard import keys, profile
from tests.support.events import list_events
from tests.support.memory import actor_of, make_member, make_user, memory_connection
from tests.support.peers import SERVER_KEY, PeersCase, network, public_key

#: Names that no list, file or terminal could show as they are.
WRONG_NAMES = (
    "",
    " ",
    " a",
    "a" * 65,
    "a\nb",
    "a\rb",
    "a\tb",
    "a\0b",
    "a\x7fb",
    "a\x85b",
    "a\x0bb",
    "a\x0cb",
    "a\u2028b",
    "a\u2029b",
    "a\u202eb",
    "a\u2066b",
    "a\u200bb",
    "a\ud800b",
    "-h",
    "--help",
    "-",
)

#: Names of hosts that Ansible or a playbook would take for something else.
RESERVED_NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "Localhost",
    "localhost.",
    "all",
    "ungrouped",
    "tag_db",
    "0",
    "db*",
    "!db",
    "db[0]",
    "a:b",
    "db.yml",
)

#: Names that are harmless, since nothing is ever made of them.
ODD_NAMES = (
    "../x",
    "..%2f",
    "C:\\x",
    "x' OR '1'='1",
    "$(id)",
    "`id`",
    "a;b|c&&d",
    "{{ 1 }}",
    "<b>",
    "日本のノート",
    "[Foreign]",
)


class MakingTests(PeersCase):
    """Creating peers."""

    def test_enrolled(self) -> None:
        """A device gets addresses, a file with a preshared key, and the site's URL."""
        made = self.enroll(name="laptop", public_key=public_key(7), tags=("a", "b"))
        peer = made.peer
        self.assertEqual((peer.name, peer.owner), ("laptop", "alice"))
        self.assertEqual(peer.state, PeerLifecycle.ACTIVE)
        self.assertEqual((peer.ipv4, peer.ipv6), ("10.80.0.2", "fd80::2"))
        self.assertEqual(peer.public_key, public_key(7))
        self.assertEqual(peer.tags, ("a", "b"))
        self.assertIsNone(peer.expires)
        self.assertEqual(peer.created, self.conn.now)
        self.assertEqual(made.url, "https://semaphore.internal")
        self.assertEqual(made.domain, "semaphore.internal")
        lines = made.config.splitlines()
        self.assertIn(f"PrivateKey = {profile.PLACE}", lines)
        self.assertIn("Address = 10.80.0.2/32, fd80::2/128", lines)
        self.assertIn("DNS = 10.80.0.1, fd80::1", lines)
        self.assertIn("AllowedIPs = 10.80.0.1/32, fd80::1/128", lines)
        self.assertIn("Endpoint = vpn.example.net:51820", lines)
        self.assertIn(f"PublicKey = {keys.format(SERVER_KEY)}", lines)
        (wanted,) = self.desired().peers
        self.assertEqual(wanted.addresses, ("10.80.0.2", "fd80::2"))
        shared = keys.format(wanted.preshared_key or b"")
        self.assertIn(f"PresharedKey = {shared}", lines)

    def test_no_preshared_key(self) -> None:
        """A peer without a preshared key has none in the file and on the device."""
        made = self.enroll(preshared=False)
        self.assertNotIn("PresharedKey", made.config)
        self.assertIsNone(self.desired().peers[0].preshared_key)

    def test_without_names_inside(self) -> None:
        """Without our names there is no DNS line, and the URL is the address."""
        self.options = PeerLimits(dns=False, port=8443)
        made = self.enroll()
        self.assertNotIn("DNS", made.config)
        self.assertEqual((made.url, made.domain), ("https://10.80.0.1:8443", ""))

    def test_secrets(self) -> None:
        """No list, event, text or dump has a preshared or private key."""
        made = self.enroll()
        shared = self.desired().peers[0].preshared_key or b""
        shown = [
            self.dump(),
            repr(made),
            repr(self.desired()),
            msgspec.json.encode(peers.listed(self.conn, None)).decode(),
            msgspec.json.encode(list_events(self.conn, self.root)).decode(),
            *self.events(),
        ]
        for text in (keys.format(shared), shared.hex()):
            self.assertEqual(
                [each for each in shown if text.lower() in each.lower()], []
            )
        fields = set(Peer.__struct_fields__)
        self.assertFalse({"preshared_key", "private_key", "config"} & fields)

    def test_only_public_keys(self) -> None:
        """A client cannot send a private key, so the server never has one."""
        self.assertNotIn("private_key", NewPeer.__struct_fields__)

    def test_names(self) -> None:
        """Names that break a line, steer text or look like options."""
        for name in WRONG_NAMES:
            error = self.assertRaises(Invalid, self.make, name=name)
            self.assertTrue(error.message.startswith("name: "), error.message)
        self.assertEqual(self.rows("vpn_peer"), [])

    def test_odd_names(self) -> None:
        """Unusual text is stored unchanged, and has no effect on other rows."""
        self.options = PeerLimits(devices_per_user=100)
        for name in ODD_NAMES:
            made = self.enroll(name=name)
            self.assertEqual(made.peer.name, name)
            self.assertNotIn(name, made.config)
        found = peers.find(self.conn, self.alice, "x' OR '1'='1")
        peers.revoke(self.conn, self.alice, found.id)
        left = {each.name for each in peers.listed(self.conn, None)}
        self.assertEqual(left, set(ODD_NAMES) - {"x' OR '1'='1"})

    def test_hosts(self) -> None:
        """A host has no name that Ansible uses; a device may have one."""
        for name in RESERVED_NAMES:
            error = self.assertRaises(Invalid, self.make, self.owner, name=name)
            self.assertTrue(error.message.startswith("name: "), error.message)
        self.assertEqual(self.rows("vpn_peer"), [])
        self.make(self.alice, name="localhost")

    def test_alias_is_used(self) -> None:
        """A host cannot take the name that an inventory gives to an older row."""
        old = self.make(self.owner)
        self.conn.update(schema.vpn_peer, old.id, name="web 1")
        self.assertRaises(Conflict, self.make, self.owner, name="Web_1")
        peers.change(self.conn, self.owner, old.id, ChangedPeer(name="web_1"))

    def test_normalized(self) -> None:
        """A name is normalized from any composition."""
        made = self.make(name="cafe\u0301")
        self.assertEqual(made.name, "caf\xe9")
        error = self.assertRaises(Conflict, self.make, name="CAF\xc9")
        self.assertTrue(error.message.startswith("name: "))

    def test_name_is_used(self) -> None:
        """Names of an owner's active peers are unique, without regard to case."""
        made = self.make(name="Laptop")
        self.assertRaises(Conflict, self.make, name="laptop")
        self.make(self.bob, name="laptop")
        self.make(self.owner, name="laptop")
        peers.revoke(self.conn, self.alice, made.id)
        self.make(name="laptop")

    def test_key_is_none(self) -> None:
        """An invalid public key is refused with the field's name."""
        for text in (
            "",
            "x",
            keys.format(bytes(32)),
            keys.format(b"\x01" + bytes(31)),
            keys.format(SERVER_KEY),
            public_key(1)[:-1],
            public_key(1) + "=",
        ):
            error = self.assertRaises(Invalid, self.make, public_key=text)
            self.assertTrue(error.message.startswith("public_key: "), error.message)

    def test_short_key_in_the_store(self) -> None:
        """The store itself takes no key of another length."""
        made = self.make()
        for key in (None, b"", bytes(31), bytes(33)):
            self.assertRaises(
                IntegrityError,
                self.conn.update,
                schema.vpn_peer,
                made.id,
                public_key=key,
            )

    def test_key_is_used(self) -> None:
        """A key of another, alive or revoked, is refused without saying whose."""
        key = public_key(5)
        made = self.make(self.bob, name="bobs", public_key=key)
        for _ in range(2):
            before = self.rows("vpn_peer")
            error = self.assertRaises(Conflict, self.make, public_key=key)
            self.assertTrue(error.message.startswith("public_key: "))
            self.assertNotIn("bob", error.message)
            mine = self.make()
            self.assertRaises(
                Conflict,
                peers.rotate,
                self.conn,
                self.alice,
                mine.id,
                key,
                keyring=self.keyring,
            )
            self.assertEqual(self.rows("vpn_peer")[0], before[0])
            peers.revoke(self.conn, self.bob, made.id)

    def test_expires(self) -> None:
        """A peer expires at the given time, in any time zone, or never without one."""
        self.options = PeerLimits(devices_per_user=100)
        self.assertIsNone(self.make().expires)
        moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        for hours in (-9, 0, 2, 5.75):
            zone = timezone(timedelta(hours=hours))
            made = self.make(expires=moment.astimezone(zone))
            self.assertEqual(made.expires, moment)
        for wrong in (
            self.conn.now,
            self.conn.now - timedelta(seconds=1),
            datetime(2027, 1, 1),
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        ):
            error = self.assertRaises(Invalid, self.make, expires=wrong)
            self.assertTrue(error.message.startswith("expires: "), error.message)

    def test_tags(self) -> None:
        """Tags are words; each counts once."""
        self.assertEqual(self.make(tags=("b", "a", "b")).tags, ("b", "a"))
        for wrong in (("",), ("a b",), ("a" * 33,), ("-a",), ("ä",), ("a\n",)):
            error = self.assertRaises(Invalid, self.make, tags=wrong)
            self.assertTrue(error.message.startswith("tags: "))
        many = tuple(map(str, range(21)))
        self.assertRaises(Invalid, self.make, tags=many)

    def test_quota(self) -> None:
        """A user has so many devices that are not revoked; administrators give more."""
        made = [self.make() for _ in range(3)]
        peers.suspend(self.conn, self.alice, made[0].id)
        self.assertRaises(Conflict, self.make)
        self.make(self.root, user_id=self.alice.user.id)
        peers.revoke(self.conn, self.alice, made[0].id)
        self.assertRaises(Conflict, self.make)
        peers.revoke(self.conn, self.alice, made[1].id)
        self.make()

    def test_owner(self) -> None:
        """Users create devices for themselves only, and hosts have a project."""
        bob = self.bob.user.id
        project = self.project.id
        wrong: list[tuple[Actor | None, dict[str, Any], type[Exception]]] = [
            (self.alice, {"user_id": bob}, NotPermitted),
            (self.alice, {"user_id": 999}, NotPermitted),
            (self.root, {"user_id": 999}, Invalid),
            (self.alice, {"project_id": project}, Invalid),
            (self.alice, {"kind": PeerKind.HOST}, Invalid),
            (self.bob, {"kind": PeerKind.HOST, "project_id": project}, NotFound),
            (self.carol, {"kind": PeerKind.HOST, "project_id": project}, NotPermitted),
            (self.guest, {"kind": PeerKind.HOST}, NotPermitted),
            (self.root, {"kind": PeerKind.HOST, "project_id": 999}, NotFound),
            (self.owner, {"kind": PeerKind.HOST, "project_id": 999}, NotFound),
            (self.owner, {"kind": PeerKind.HOST, "user_id": bob}, Invalid),
            (self.owner, {"kind": PeerKind.LAPTOP}, Invalid),
            (self.alice, {"grants": ("lab",)}, NotPermitted),
        ]
        for actor, fields, error in wrong:
            self.assertRaises(error, self.make, actor, **fields)
        self.assertEqual(self.rows("vpn_peer"), [])
        self.make(self.root, user_id=bob)
        self.make(self.owner)
        self.make(self.alice, kind=PeerKind.HOST, project_id=project)
        self.make(self.root, kind=PeerKind.HOST, project_id=project)

    def test_at_the_console(self) -> None:
        """The console names the owner of a device, which must be an active user."""
        new = NewPeer(name="a", public_key=public_key(1))
        make = self.partial_create(None)
        self.assertRaises(Invalid, make, new)
        off = make_user(self.conn, "off", active=False)
        self.assertRaises(Invalid, make, msgspec.structs.replace(new, user_id=off.id))
        made = make(msgspec.structs.replace(new, user_id=self.bob.user.id))
        self.assertEqual(made.peer.owner, "bob")

    def partial_create(self, actor: Actor | None) -> Any:
        """Return what makes a peer as *actor*."""
        return lambda new: peers.create(
            self.conn, actor, new, keyring=self.keyring, options=self.options
        )

    def test_grants(self) -> None:
        """Networks that an administrator opens are in the file."""
        site_networks.create(
            self.conn, None, NewSite(name="lab", network="10.20.0.0/16")
        )
        made = self.enroll(self.root, grants=("lab",))
        self.assertIn(
            "AllowedIPs = 10.80.0.1/32, fd80::1/128, 10.20.0.0/16",
            made.config.splitlines(),
        )
        error = self.assertRaises(Invalid, self.make, self.root, grants=("lob",))
        self.assertTrue(error.message.startswith("grants: "))

    def test_key_made_here(self) -> None:
        """The event says that the server generated the key pair."""
        new = NewPeer(name="a", public_key=public_key(1), user_id=self.bob.user.id)
        peers.create(self.conn, None, new, keyring=self.keyring, key_made_here=True)
        self.assertIn("made on the server", self.events()[-1])

    def test_no_network(self) -> None:
        """Without a network there is nothing to be a peer of."""
        conn = memory_connection()
        alice = actor_of(make_user(conn, "alice"))
        new = NewPeer(name="a", public_key=public_key(1))
        self.assertRaises(
            NotFound, peers.create, conn, alice, new, keyring=self.keyring
        )
        self.assertEqual(peers.listed(conn, alice), [])

    def test_one_event_and_revision(self) -> None:
        """Each change raises the revision, and records an event with its actor."""
        before = self.revision()
        made = self.make(name="laptop")
        self.assertEqual(self.revision(), before + 1)
        self.assertEqual(
            self.events()[-1],
            f"Peer laptop of alice: made (revision {before + 1})",
        )
        peers.suspend(self.conn, self.root, made.id)
        self.assertEqual(
            self.events()[-1],
            f"Peer laptop of alice: suspended (was active) (revision {before + 2})",
        )
        peers.suspend(self.conn, self.root, made.id)
        self.assertEqual(self.revision(), before + 2)
        event = list_events(self.conn, self.root, limit=1)[0]
        self.assertEqual(
            (event.object_type, event.object_id, event.object_name, event.username),
            ("vpn_peer", made.id, "laptop", "root"),
        )


class SeeingTests(PeersCase):
    """The peers that each role sees and manages."""

    def setUp(self) -> None:
        """Make a device each for alice and bob, and a host."""
        super().setUp()
        self.mine = self.make(name="mine")
        self.bobs = self.make(self.bob, name="bobs")
        self.host = self.make(self.owner, name="host", tags=("db",))

    def names(self, actor: Actor | None, **given: Any) -> list[str]:
        """Return the names of the peers that *actor* sees."""
        return [each.name for each in peers.listed(self.conn, actor, **given)]

    def test_listed(self) -> None:
        """Users see their own peers and their projects' hosts; a project has hosts."""
        self.assertEqual(self.names(None), ["bobs", "host", "mine"])
        self.assertEqual(self.names(self.root), ["bobs", "host", "mine"])
        self.assertEqual(self.names(self.alice), ["host", "mine"])
        self.assertEqual(self.names(self.bob), ["bobs"])
        self.assertEqual(self.names(self.carol), ["host"])
        self.assertEqual(self.names(self.owner), ["host"])
        self.assertEqual(self.names(self.guest), ["host"])

    def test_filters(self) -> None:
        """Each list is a query; every peer is in exactly one list of a state."""
        made = {"suspended": self.make(self.bob), "expired": self.make(self.bob)}
        peers.suspend(self.conn, None, made["suspended"].id)
        peers.expire(self.conn, None, made["expired"].id)
        peers.revoke(self.conn, None, self.host.id)
        found = [
            name for state in PeerLifecycle for name in self.names(None, state=state)
        ]
        self.assertEqual(len(found), 5)
        self.assertEqual(len(set(found)), 5)
        self.assertNotIn("host", self.names(None))
        self.assertEqual(self.names(None, state=PeerLifecycle.REVOKED), ["host"])
        self.assertEqual(self.names(None, kind=PeerKind.PHONE), [])
        self.assertEqual(self.names(None, user_id=self.alice.user.id), ["mine"])
        self.assertEqual(self.names(self.bob, user_id=self.alice.user.id), [])

    def test_tags_and_projects(self) -> None:
        """Lists can be narrowed to a tag and a project."""
        self.assertEqual(self.names(None, tag="db"), ["host"])
        self.assertEqual(self.names(None, tag="d"), [])
        self.assertEqual(self.names(None, project_id=self.project.id), ["host"])

    def verbs(self) -> dict[str, Any]:
        """Return everything that can be done with a peer."""
        conn = self.conn
        return {
            "get": peers.get,
            "rename": lambda conn, actor, number: peers.change(
                conn, actor, number, ChangedPeer(name="x")
            ),
            "suspend": peers.suspend,
            "resume": peers.resume,
            "expire": peers.expire,
            "limit": lambda conn, actor, number: peers.expire(
                conn, actor, number, at=conn.now + timedelta(days=1)
            ),
            "rotate": lambda conn, actor, number: peers.rotate(
                conn, actor, number, public_key(99), keyring=self.keyring
            ),
            "revoke": peers.revoke,
            "find": lambda conn, actor, number: peers.find(conn, actor, str(number)),
            "find by uuid": lambda _, actor, number: peers.find(
                conn, actor, peers.get(conn, None, number).uuid
            ),
        }

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Run a transaction, and roll it back."""
        self.conn.raw.execute("BEGIN")
        try:
            yield
        finally:
            self.conn.raw.execute("ROLLBACK")

    def refused(self, actor: Actor, peer: Peer, error: type[Exception]) -> set[str]:
        """Return which verbs refuse *actor* with *error*; nothing may be changed."""
        before, found = self.rows("vpn_peer"), set()
        for name, verb in self.verbs().items():
            try:
                with self.undone():
                    verb(self.conn, actor, peer.id)
            except error:
                found.add(name)
            except DomainError:
                pass
        self.assertEqual(self.rows("vpn_peer"), before)
        return found

    def test_of_others(self) -> None:
        """Another's peer does not exist, by number or uuid, for any verb."""
        every = set(self.verbs())
        for actor, peer in (
            (self.alice, self.bobs),
            (self.bob, self.mine),
            (self.bob, self.host),
            (self.owner, self.mine),
            (self.owner, self.bobs),
            (self.guest, self.mine),
            (actor_of(self.root.user, self.project), self.bobs),
        ):
            self.assertEqual(self.refused(actor, peer, NotFound), every)
            self.assertEqual(self.refused(actor, peer, NotPermitted), set())

    def test_seen_only(self) -> None:
        """A member without the right sees a host, and can change nothing."""
        reading = {"get", "find", "find by uuid"}
        for actor in (self.carol, self.guest):
            refused = self.refused(actor, self.host, NotPermitted)
            self.assertEqual(set(self.verbs()) - refused, reading)
        for role, manages in (
            (Role.MANAGER, True),
            (Role.TASK_RUNNER, False),
            (Role.OWNER, True),
        ):
            user = make_user(self.conn, role.value)
            make_member(self.conn, self.project, user, role)
            refused = self.refused(actor_of(user), self.host, NotPermitted)
            self.assertEqual(bool(refused), not manages, role)

    def test_managed(self) -> None:
        """Owners, managers and administrators are refused nothing."""
        for actor, peer in (
            (self.alice, self.mine),
            (self.alice, self.host),
            (self.owner, self.host),
            (self.root, self.mine),
            (self.root, self.host),
            (actor_of(self.root.user, self.project), self.host),
        ):
            self.assertEqual(self.refused(actor, peer, DomainError), set())

    def test_find(self) -> None:
        """A peer is found by UUID, id and name; an ambiguous name is an error."""
        for text in (self.mine.uuid, self.mine.uuid.upper(), str(self.mine.id), "MINE"):
            self.assertEqual(peers.find(self.conn, None, text).id, self.mine.id)
        self.make(self.bob, name="mine")
        error = self.assertRaises(Conflict, peers.find, self.conn, None, "mine")
        self.assertIn(f"{self.mine.id} (of alice)", error.message)
        self.assertEqual(peers.find(self.conn, self.alice, "mine").id, self.mine.id)
        for text in ("nobody", "999999999999999999999", "²", ""):
            self.assertRaises(NotFound, peers.find, self.conn, None, text)

    def test_revoked_are_not_found_by_name(self) -> None:
        """The name of a revoked peer is free; its id and UUID still find it."""
        peers.revoke(self.conn, None, self.mine.id)
        self.assertRaises(NotFound, peers.find, self.conn, None, "mine")
        self.assertEqual(peers.find(self.conn, None, self.mine.uuid).name, "mine")

    def test_events(self) -> None:
        """Events of a device are visible to its owner and to administrators."""
        peers.suspend(self.conn, self.root, self.bobs.id)
        told = {
            actor.user.username: [
                each.description or "" for each in list_events(self.conn, actor)
            ]
            for actor in (self.root, self.alice, self.bob)
        }
        for name, others in (("alice", "bobs"), ("bob", "mine"), ("bob", "host")):
            self.assertFalse(
                [each for each in told[name] if others in each], told[name]
            )
        self.assertTrue(any("bobs" in each for each in told["bob"]))
        self.assertIn("suspended", told["bob"][0])
        self.assertEqual(len(told["root"]), 5)


class ChangingTests(PeersCase):
    """Names, tags, keys."""

    def test_one_field(self) -> None:
        """A field that is not given stays unchanged."""
        until = self.conn.now + timedelta(days=1)
        made = self.make(tags=("a",), expires=until)
        change = lambda **given: peers.change(  # noqa: E731
            self.conn, self.alice, made.id, ChangedPeer(**given)
        )
        renamed = change(name="other")
        self.assertEqual(renamed, msgspec.structs.replace(made, name="other"))
        tagged = change(tags=())
        self.assertEqual(tagged, msgspec.structs.replace(renamed, tags=()))
        endless = change(expires=None)
        self.assertEqual(endless, msgspec.structs.replace(tagged, expires=None))
        before = self.revision()
        self.assertEqual(change(name="other", tags=(), expires=None), endless)
        self.assertEqual(change(), endless)
        self.assertEqual(self.revision(), before)

    def test_json(self) -> None:
        """In JSON a null date is never, and a missing one is as it was."""
        self.assertIs(
            msgspec.json.decode(b"{}", type=ChangedPeer).expires, msgspec.UNSET
        )
        given = msgspec.json.decode(b'{"expires": null}', type=ChangedPeer)
        self.assertIsNone(given.expires)

    def test_hosts(self) -> None:
        """A host cannot get a name reserved for Ansible; an older one may stay."""
        made = self.make(self.owner)
        before = self.dump()
        for name in RESERVED_NAMES:
            self.assertRaises(
                Invalid,
                peers.change,
                self.conn,
                self.owner,
                made.id,
                ChangedPeer(name=name, tags=("db",)),
            )
        self.assertEqual(self.dump(), before)
        self.conn.update(schema.vpn_peer, made.id, name="localhost")
        changed = ChangedPeer(name="localhost", tags=("db",))
        found = peers.change(self.conn, self.owner, made.id, changed)
        self.assertEqual((found.name, found.tags), ("localhost", ("db",)))

    def test_name_is_used(self) -> None:
        """A name that another has is refused; one's own in another case is not."""
        self.make(name="a")
        made = self.make(name="b")
        self.assertRaises(
            Conflict,
            peers.change,
            self.conn,
            self.alice,
            made.id,
            ChangedPeer(name="A"),
        )
        peers.change(self.conn, self.alice, made.id, ChangedPeer(name="B"))
        for name in WRONG_NAMES:
            self.assertRaises(
                Invalid,
                peers.change,
                self.conn,
                self.alice,
                made.id,
                ChangedPeer(name=name),
            )

    def test_allowed_fields(self) -> None:
        """Owner, state, key and addresses are not among what can be changed."""
        self.assertEqual(
            set(ChangedPeer.__struct_fields__), {"name", "tags", "expires"}
        )
        self.assertFalse(
            {"state", "ipv4", "ipv6", "uuid", "held", "preshared_key"}
            & set(NewPeer.__struct_fields__)
        )

    def test_rotate(self) -> None:
        """A new key in place: same number, uuid, addresses; another preshared key."""
        made = self.enroll()
        before = self.desired().peers[0]
        rotated = peers.rotate(
            self.conn,
            self.alice,
            made.peer.id,
            public_key(77),
            keyring=self.keyring,
            options=self.options,
        )
        after = self.desired().peers[0]
        self.assertEqual(
            rotated.peer,
            msgspec.structs.replace(made.peer, public_key=public_key(77)),
        )
        self.assertEqual(after.addresses, before.addresses)
        self.assertNotEqual(after.preshared_key, before.preshared_key)
        self.assertIn(keys.format(after.preshared_key or b""), rotated.config)
        self.assertIn("key changed", self.events()[-1])
        self.assertEqual(len(self.rows("vpn_peer")), 1)

    def test_rotate_of_ended(self) -> None:
        """A peer that has ended cannot get another key."""
        made = self.make()
        for end in (peers.expire, peers.revoke):
            end(self.conn, self.alice, made.id)
            self.assertRaises(
                Conflict,
                peers.rotate,
                self.conn,
                self.alice,
                made.id,
                public_key(77),
                keyring=self.keyring,
            )

    def test_many(self) -> None:
        """A thousand peers are made in a /16, and listed within half a second."""
        vpn_network.initialise(self.conn, None, network(pool4="10.80.0.0/16"))
        with self.conn.transaction(write=True):
            for number in range(1000):
                peers.create(
                    self.conn,
                    self.root,
                    NewPeer(
                        name=f"n {number}",
                        public_key=public_key(number + 5000),
                        preshared=False,
                    ),
                    keyring=self.keyring,
                )
        before = process_time()
        found = peers.listed(self.conn, self.root)
        self.assertLess(process_time() - before, 0.5)
        self.assertEqual(len(found), 1000)
        self.assertEqual(len({each.ipv4 for each in found}), 1000)
        self.assertEqual(len(json.loads(msgspec.json.encode(found))), 1000)
