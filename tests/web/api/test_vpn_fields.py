"""Tests generated from the table of routes: accepted fields, by role."""

from typing import Any

import msgspec

from semaphore_twisted.model.peers import PeerKind
from semaphore_twisted.model.users import Access
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.routing import Route
from tests.support.dumps import dump
from tests.support.http import ApiClient
from tests.support.peers import public_key
from tests.support.vpn_api import VpnApiCase

#: Every field of a peer's and an invite's row that no request sets, and unknown ones.
FOREIGN = (
    "id",
    "uuid",
    "state",
    "owner",
    "ipv4",
    "ipv6",
    "created",
    "created_by",
    "held",
    "invite_id",
    "preshared_key",
    "private_key",
    "revision",
    "revoked",
    "role",
    "admin",
    "token",
    "uses",
    "applied",
    "Name",
    "limit",
)

#: A value of each type that a field may have.
_SAMPLES: dict[str, Any] = {
    "name": "a name",
    "public_key": public_key(4242),
    "kind": "phone",
    "expires": "2027-01-01T00:00:00Z",
    "peer_expires": "2027-01-01T00:00:00Z",
    "at": "2027-01-01T00:00:00Z",
    "tags": ["x"],
    "grants": [],
    "preshared": False,
    "max_uses": 2,
    "lifetime_seconds": 600,
    "approval": True,
    "network": "10.30.0.0/16",
    "endpoint": "other.example:1",
    "mtu": 1400,
    "token": "smp-enroll-" + "x" * 43,
    "server_key": False,
}


def writes() -> list[Route]:
    """Return the routes of the VPN that take a body."""
    return [each for each in ROUTES if "/vpn/" in each.pattern and each.body]


def body_of(route: Route) -> type[msgspec.Struct]:
    """Return the type of the body of *route*."""
    assert isinstance(route.body, type)
    assert issubclass(route.body, msgspec.Struct)
    return route.body


class TableTests(VpnApiCase):
    """Properties of the table itself."""

    def test_strict(self) -> None:
        """Every body forbids what it does not know."""
        for route in writes():
            self.assertTrue(
                body_of(route).__struct_config__.forbid_unknown_fields, route.pattern
            )

    def test_every_write_has_a_body(self) -> None:
        """A body is never passed over, since there is always a type for it."""
        for route in ROUTES:
            if "/vpn/" in route.pattern and route.method in {"POST", "PUT"}:
                self.assertIsNotNone(route.body, route.pattern)

    def test_access(self) -> None:
        """Each route declares its access; two are public."""
        public = {
            each.pattern
            for each in ROUTES
            if "/vpn/" in each.pattern and each.access is Access.PUBLIC
        }
        self.assertEqual(public, {"/vpn/enroll", "/vpn/ca"})
        for route in ROUTES:
            if route.pattern.startswith("/project/{project_id}/vpn"):
                wanted = {Access.MEMBER, Access.MANAGE_RESOURCES}
                self.assertIn(route.access, wanted)
                if route.method != "GET":
                    self.assertIs(route.access, Access.MANAGE_RESOURCES)


class FieldTests(VpnApiCase):
    """Fields that are sent to each route by each role."""

    def setUp(self) -> None:
        """Have one of everything."""
        super().setUp()
        self.number = self.peer(name="there")["peer"]["id"]
        self.host_number = self.host(name="host")["peer"]["id"]
        self.invite_number = self.invite()["invite"]["id"]
        site = {"name": "lan", "network": "10.20.0.0/16"}
        self.site = self.as_admin.post("/api/vpn/sites", site).json["id"]

    def path(self, route: Route) -> str:
        """Return the path of an existing object."""
        peer = self.host_number if route.in_project else self.number
        return "/api" + route.pattern.format(
            project_id=self.project.id,
            peer_id=peer,
            invite_id=self.invite_number,
            site_id=self.site,
        )

    def everything(self) -> str:
        """Return the content of the store, except for changes by reading a session."""
        return "\n".join(dump(self.conn.raw))

    def clients(self, route: Route) -> list[tuple[str, ApiClient]]:
        """Return who passes the route's own check."""
        if route.access is Access.ADMIN:
            return [("admin", self.as_admin)]
        if route.access is Access.PUBLIC:
            return [("anybody", self.anybody)]
        return [("admin", self.as_admin), ("alice", self.as_alice)]

    def needed(self, route: Route) -> dict[str, Any]:
        """Return a body that the route accepts."""
        fields = msgspec.structs.fields(body_of(route))
        body = {
            each.encode_name: _SAMPLES[each.encode_name]
            for each in fields
            if each.required and each.encode_name in _SAMPLES
        }
        if route.pattern.endswith(("/peers", "/rotate")):
            body["public_key"] = _SAMPLES["public_key"]
        return body

    def test_unknown(self) -> None:
        """A field that a route does not know is refused by its name."""
        for route in writes():
            known = {
                each.encode_name for each in msgspec.structs.fields(body_of(route))
            }
            for role, client in self.clients(route):
                before = self.everything()
                for field in FOREIGN:
                    if field in known:
                        continue
                    body = {**self.needed(route), field: 1}
                    answer = client.request(route.method, self.path(route), body)
                    where = f"{role} {route.method} {route.pattern} {field}"
                    self.assertEqual(answer.status, 400, where)
                    self.assertEqual(
                        answer.json["error"], f"{field}: unknown field", where
                    )
                self.assertEqual(self.everything(), before, route.pattern)

    def test_wrong_types(self) -> None:
        """A value of another type is refused, and the field is named."""
        for route in writes():
            _, client = self.clients(route)[0]
            for each in msgspec.structs.fields(body_of(route)):
                body = {**self.needed(route), each.encode_name: {"a": 1}}
                answer = client.request(route.method, self.path(route), body)
                where = f"{route.method} {route.pattern} {each.encode_name}"
                self.assertEqual(answer.status, 400, where)
                self.assertIn(each.encode_name, answer.json["error"], where)

    def test_round_trip(self) -> None:
        """Every accepted field is returned afterwards."""
        body = {
            "name": "whole",
            "public_key": public_key(777),
            "kind": "phone",
            "user_id": self.bob.id,
            "expires": "2027-01-01T00:00:00Z",
            "tags": ["x", "y"],
            "grants": ["lan"],
            "preshared": False,
        }
        made = self.as_admin.post("/api/vpn/peers", body).json
        found = self.as_admin.get(f"/api/vpn/peers/{made['peer']['id']}").json
        for name in ("name", "public_key", "kind", "user_id", "expires", "tags"):
            self.assertEqual(found[name], body[name], name)
        self.assertNotIn("PresharedKey", made["config"])
        grants = self.as_admin.get("/api/vpn/grants").json
        self.assertEqual([each["peer_id"] for each in grants], [found["id"]])
        self.assertIn("10.20.0.0/16", made["config"])

    def test_round_trip_of_an_invite(self) -> None:
        """Likewise an invite's."""
        body = {
            "kind": "phone",
            "user_id": self.bob.id,
            "max_uses": 2,
            "lifetime_seconds": 600,
            "tags": ["x"],
            "grants": ["lan"],
            "approval": True,
            "peer_expires": "2027-01-01T00:00:00Z",
        }
        made = self.as_admin.post("/api/vpn/invites", body).json
        found = made["invite"]
        for name in ("kind", "user_id", "max_uses", "tags", "peer_expires"):
            self.assertEqual(found[name], body[name], name)
        self.assertEqual(found["expires"], "2026-01-02T03:14:05Z")
        enrolled = self.enroll(made["token"]).json
        self.assertEqual(enrolled["peer"]["state"], "pending")
        self.assertIn("10.20.0.0/16", enrolled["config"])

    def test_owner(self) -> None:
        """No user gives a device away, takes one, or opens a network."""
        one = f"/api/vpn/peers/{self.number}"
        before = self.as_alice.get(one).json
        for field, value in (
            ("user_id", self.bob.id),
            ("project_id", self.project.id),
            ("owner", "bob"),
            ("kind", PeerKind.HOST),
            ("grants", ["lan"]),
            ("state", "active"),
            ("ipv4", "10.80.0.9"),
            ("public_key", public_key(5)),
        ):
            answer = self.as_alice.put(one, {field: value})
            self.assertEqual(answer.status, 400, field)
        self.assertEqual(self.as_alice.get(one).json, before)
        path = f"{self.within}/peers/{self.host_number}"
        for field in ("project_id", "user_id"):
            answer = self.as_alice.put(path, {field: self.project.id})
            self.assertEqual(answer.status, 400, field)

    def test_contradictions(self) -> None:
        """Fields that contradict each other are refused, not chosen from."""
        for body, field in (
            (self.body(kind="host"), "project_id"),
            (self.body(kind="host", user_id=1, project_id=1), "user_id"),
            (self.body(kind="phone", project_id=self.project.id), "kind"),
        ):
            answer = self.as_admin.post("/api/vpn/peers", body)
            self.assertEqual(answer.status, 400, body)
            self.assertIn(field, answer.json["error"])


class PathTests(VpnApiCase):
    """Access depends on the route, not on the text of the path."""

    PATHS = (
        "/api/vpn/x/../login",
        "/api/vpn/../auth/login/../../vpn/peers",
        "/api/auth/login/../../vpn/peers",
        "/api//vpn/peers",
        "/api/vpn//peers",
        "/api/vpn/peers;/api/ping",
        "/api/vpn/peers%2f1",
        "/api/vpn%2fpeers",
        "/api/VPN/peers",
        "/api/vpn/Enroll",
        "/api/vpn/enroll/../peers",
        "/api/vpn/ca/../peers",
        "/api/vpn/peers/ca",
        "/api/vpn/peers/%2e%2e/%2e%2e/etc/passwd",
        "/api/vpn/peers/../../../etc/passwd",
        "/api/vpn/peers/1.conf",
        "/api/vpn/peers/1/config",
        "/api/vpn/config?id=../../etc/passwd",
        "/enroll/../api/vpn/peers",
    )

    def test_anonymous(self) -> None:
        """None of these paths is accepted without credentials."""
        self.peer()
        for path in self.PATHS:
            if path.startswith("/api"):
                self.assertEqual(self.anybody.get(path).status, 401, path)

    def test_files(self) -> None:
        """No path reads a file; a logged-in user gets 404."""
        self.peer()
        for path in self.PATHS:
            answer = self.as_admin.get(path)
            self.assertIn(answer.status, {400, 404}, path)
            self.assertNotIn(b"root:", answer.body)

    def test_assets(self) -> None:
        """The files of the pages are a fixed list."""
        for name in (
            "../api/routes.py",
            "%2e%2e/commands.py",
            "enroll.html",
            "assets.py",
            "enroll.js/",
            "join.sh%00.js",
        ):
            answer = self.anybody.get(f"/enroll/{name}")
            self.assertEqual(answer.status, 404, name)
