"""Tests of inventories that are made from the hosts of the VPN."""

import json
from datetime import timedelta
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.operations.projects import inventories
from semaphore_twisted.operations.projects.inventories import NewInventory
from semaphore_twisted.operations.vpn.inventory import Filter, content, parse
from semaphore_twisted.persistence.schema import vpn_peer
from tests.support.memory import actor_of, make_project, make_user, memory_connection


class FilterTests(SynchronousTestCase):
    """The inventory's text."""

    def test_conditions(self) -> None:
        """Tags are combined; comments and empty lines are ignored."""
        text = "# mine\ntags: db, web\n\ntags: edge\nseen: 15\n"
        self.assertEqual(
            parse(text), Filter(tags=("db", "web", "edge"), seen_minutes=15)
        )
        self.assertEqual(parse(""), Filter())

    def test_wrong(self) -> None:
        """An invalid condition is refused with its line."""
        for text in ("db", "tag: x", "seen: 0", "seen: 1h", "seen: ٣", "seen: 99999"):
            error = self.assertRaises(Invalid, parse, f"tags: a\n{text}")
            self.assertIn("line 2", error.message)

    def test_refused_when_stored(self) -> None:
        """An inventory with a wrong filter is not stored."""
        conn = memory_connection()
        actor = actor_of(user := make_user(conn), make_project(conn, user))
        new = NewInventory(name="Hosts", type="vpn", inventory="all of them")
        self.assertRaises(Invalid, inventories.create, conn, actor, new)
        made = inventories.create(
            conn, actor, msgspec.structs.replace(new, inventory="tags: db")
        )
        self.assertEqual(made.type, InventoryType.VPN)


class HostTests(SynchronousTestCase):
    """The hosts that are found."""

    def setUp(self) -> None:
        """Make two projects."""
        self.conn = memory_connection()
        user = make_user(self.conn)
        self.project = make_project(self.conn, user)
        self.other = make_project(self.conn, user)
        self.count = 0

    def host(self, name: str, **fields: Any) -> None:
        """Store a host."""
        self.count += 1
        self.conn.insert(
            vpn_peer,
            **{
                "uuid": str(self.count),
                "name": name,
                "kind": "host",
                "state": "active",
                "project_id": self.project.id,
                "public_key": bytes([self.count]) * 32,
                "ipv4": f"10.80.0.{self.count + 1}",
                "created": self.conn.now,
                **fields,
            },
        )

    def tree(self, text: str = "") -> dict[str, Any]:
        """Return the inventory for *text*."""
        found = json.loads(content(self.conn, self.project.id, text))
        tree: dict[str, Any] = found["all"]
        return tree

    def test_hosts(self) -> None:
        """The project's active hosts are listed at their tunnel addresses."""
        self.host("db1", tags=("db",))
        self.host("gone", state="revoked", ipv4=None)
        self.host("off", state="suspended")
        self.host("late", expires=self.conn.now)
        self.host("foreign", project_id=self.other.id)
        self.host("desk", kind="laptop")
        self.assertEqual(
            self.tree()["hosts"],
            {"db1": {"ansible_host": "10.80.0.2"}},
        )
        self.assertEqual(self.tree()["children"], {"tag_db": {"hosts": {"db1": {}}}})

    def test_tags(self) -> None:
        """A host with one of the tags is meant."""
        self.host("db1", tags=("db", "eu"))
        self.host("web1", tags=("web",))
        self.host("bare")
        self.assertEqual(set(self.tree("tags: db, web")["hosts"]), {"db1", "web1"})
        self.assertEqual(set(self.tree("tags: nothing")["hosts"]), set())

    def test_seen(self) -> None:
        """A host that was not seen lately is left out where that is asked."""
        now = self.conn.now
        self.host("fresh", last_handshake=now - timedelta(minutes=14))
        self.host("stale", last_handshake=now - timedelta(minutes=16))
        self.host("never")
        self.assertEqual(set(self.tree("seen: 15")["hosts"]), {"fresh"})
        self.assertEqual(len(self.tree()["hosts"]), 3)

    def test_names(self) -> None:
        """No name can be taken for a pattern, a group or another host."""
        for name in ("a[1:3]", "a b", "a_b", "-x", "{{ x }}", "ü"):
            self.host(name, tags=("größe: {{ y }}",))
        tree = self.tree()
        names = {"a_1_3_", "a_b", "a_b_2", "x", "x___", "host"}
        self.assertEqual(set(tree["hosts"]), names)
        self.assertEqual(list(tree["children"]), ["tag_gr__e_____y___"])
        self.assertNotIn("{{", json.dumps(tree))

    def test_reserved_names(self) -> None:
        """A row that is older than the rule for names gets a prefix."""
        for name in ("localhost", "127.0.0.1", "::1", "!all", "tag_db", "web.yml"):
            self.host(name, tags=("db",))
        names = {
            "peer_localhost",
            "peer_127.0.0.1",
            "peer_1",
            "peer_all",
            "peer_tag_db",
            "peer_web.yml_",
        }
        tree = self.tree()
        self.assertEqual(set(tree["hosts"]), names)
        self.assertEqual(set(tree["children"]["tag_db"]["hosts"]), names)

    def test_exact_name(self) -> None:
        """A host keeps its valid name, even if another name is changed to the same."""
        self.host("a b")
        self.host("a_b")
        self.host("localhost")
        self.host("peer_localhost")
        self.assertEqual(
            {name: each["ansible_host"] for name, each in self.tree()["hosts"].items()},
            {
                "a_b": "10.80.0.3",
                "a_b_2": "10.80.0.2",
                "peer_localhost": "10.80.0.5",
                "peer_localhost_2": "10.80.0.4",
            },
        )

    def test_own_address(self) -> None:
        """A host may be called after its own address, not after another one's."""
        self.host("10.80.0.2")
        self.host("10.80.0.2 ")
        self.host("10.80.0.9")
        self.assertEqual(
            set(self.tree()["hosts"]), {"10.80.0.2", "10.80.0.2_", "peer_10.80.0.9"}
        )
