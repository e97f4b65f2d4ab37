"""Tests of the routes of devices and hosts."""

from typing import Any

from semaphore_twisted.model.users import Role
from semaphore_twisted.wireguard import key_pairs, keys, profile
from tests.support.dumps import dump
from tests.support.http import ApiClient
from tests.support.memory import make_member
from tests.support.peers import public_key
from tests.support.vpn_api import VpnApiCase

#: Everything that can be asked of one peer.
VERBS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "", b""),
    ("PUT", "", {"name": "stolen"}),
    ("POST", "/suspend", {}),
    ("POST", "/resume", {}),
    ("POST", "/expire", {}),
    ("POST", "/rotate", {"public_key": public_key(9)}),
    ("DELETE", "", b""),
)


class PeerTests(VpnApiCase):
    """A user's own peers."""

    def test_life(self) -> None:
        """A device is made, renamed, suspended, resumed, ended and revoked."""
        made = self.peer(name="laptop")
        number = made["peer"]["id"]
        one = f"/api/vpn/peers/{number}"
        self.assertEqual(made["peer"]["owner"], "alice")
        self.assertIn(f"PrivateKey = {profile.PLACE}\n", made["config"])
        self.assertEqual(made["url"], "https://semaphore.internal")
        renamed = self.as_alice.put(one, {"name": "work", "tags": ["a"]})
        self.assertEqual((renamed.status, renamed.json["name"]), (200, "work"))
        for verb, body, state in (
            ("suspend", b"", "suspended"),
            ("resume", {}, "active"),
            ("expire", {}, "expired"),
            ("resume", {"expires": None}, "active"),
        ):
            answer = self.as_alice.post(f"{one}/{verb}", body)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.json["state"], state)
            self.assertIs(answer.json["applied"], True)
        self.assertEqual(self.as_alice.get(one).json["tags"], ["a"])
        gone = self.as_alice.delete(one)
        self.assertEqual((gone.status, gone.json["state"]), (200, "revoked"))
        self.assertEqual(self.as_alice.get("/api/vpn/peers").json, [])
        revoked = self.as_alice.get("/api/vpn/peers?state=revoked").json
        self.assertEqual([each["id"] for each in revoked], [number])

    def test_times(self) -> None:
        """An expiry is a future time with a time zone."""
        one = f"/api/vpn/peers/{self.peer()['peer']['id']}"
        later = "2026-03-01T00:00:00Z"
        answer = self.as_alice.post(f"{one}/expire", {"at": later})
        self.assertEqual(answer.json["expires"], later)
        for wrong in ("2026-03-01T00:00:00", "2025-01-01T00:00:00Z", "soon", 7):
            answer = self.as_alice.put(one, {"expires": wrong})
            self.assertEqual(answer.status, 400, wrong)
            self.assertIn("expires", answer.json["error"])

    def test_resume_over(self) -> None:
        """An expired peer cannot be resumed without a new date (409)."""
        one = f"/api/vpn/peers/{self.peer()['peer']['id']}"
        self.as_alice.post(f"{one}/expire", {})
        answer = self.as_alice.post(f"{one}/resume", {})
        self.assertEqual(answer.status, 409)
        self.assertIn("expires", answer.json["error"])

    def test_rotate(self) -> None:
        """A new key keeps the addresses, and gives a new file."""
        made = self.peer()
        one = f"/api/vpn/peers/{made['peer']['id']}"
        again = self.as_alice.post(f"{one}/rotate", {"public_key": public_key(7)}).json
        self.assertEqual(again["peer"]["public_key"], public_key(7))
        self.assertEqual(again["peer"]["ipv4"], made["peer"]["ipv4"])
        self.assertNotEqual(again["config"], made["config"])

    def test_applied(self) -> None:
        """Without the companion the change is stored, and the answer says so."""
        self.peers.reason = "the companion does not run"
        made = self.peer()
        self.assertIs(made["applied"], False)
        self.assertEqual(made["reason"], "the companion does not run")
        self.assertEqual(len(self.as_alice.get("/api/vpn/peers").json), 1)
        self.assertEqual(self.peers.woken, 1)

    def test_keys(self) -> None:
        """An invalid key is refused; a used one is a conflict."""
        good = public_key(77)
        used = self.peer()["peer"]["public_key"]
        server = self.as_alice.get("/api/vpn/network").json["public_key"]
        for wrong in (
            good[:-1],
            good + "=",
            good[:-2] + "==",
            good[:-2] + "1=",
            keys.format(bytes(32)),
            keys.format(b"\1" + bytes(31)),
            good.replace("/", "_").replace("+", "-").replace("A", "-"),
            server,
            "",
            good + "\n",
        ):
            body = self.body(public_key=wrong)
            answer = self.as_alice.post("/api/vpn/peers", body)
            self.assertEqual(answer.status, 400, wrong)
            self.assertIn("public_key", answer.json["error"])
        answer = self.as_alice.post("/api/vpn/peers", self.body(public_key=used))
        self.assertEqual(answer.status, 409)

    def test_filters(self) -> None:
        """The list has the documented filters only."""
        self.peer(kind="phone", tags=["x"])
        self.peer(kind="laptop")
        for query, count in (
            ("", 2),
            ("?kind=phone", 1),
            ("?tag=x", 1),
            (f"?user_id={self.alice.id}", 2),
            (f"?user_id={self.bob.id}", 0),
            ("?state=active", 2),
        ):
            found = self.as_alice.get(f"/api/vpn/peers{query}").json
            self.assertEqual(len(found), count, query)
        for query in ("?kind=tablet", "?user_id=-1", "?user_id=x", "?limit=0"):
            answer = self.as_alice.get(f"/api/vpn/peers{query}")
            self.assertEqual(answer.status, 400, query)
            self.assertIn(query[1:].split("=")[0], answer.json["error"])


class ServerKeyTests(VpnApiCase):
    """The fallback for a device that cannot make its own key."""

    def test_once(self) -> None:
        """The private key is in the answer, and in nothing else afterwards."""
        body = {"name": "old phone", "server_key": True}
        made = self.as_alice.post("/api/vpn/peers", body)
        self.assertEqual(made.status, 201)
        text = made.json["config"]
        self.assertNotIn(profile.PLACE, text)
        private = text.split("PrivateKey = ")[1].split("\n")[0]
        raw = key_pairs.parse_key(private)
        self.assertEqual(
            keys.format(keys.public_of(raw)), made.json["peer"]["public_key"]
        )
        self.assertEqual((raw[0] & 7, raw[31] >> 6), (0, 1))
        stored = "\n".join(dump(self.conn.raw))
        for form in (private, raw.hex(), raw.hex().upper()):
            self.assertNotIn(form, stored)
        self.assertIn("key", self.events()[-1])
        self.assertNotEqual(self.events()[-1], "")
        listed = self.as_alice.get("/api/vpn/peers").body
        self.assertNotIn(private.encode(), listed)

    def test_either(self) -> None:
        """Giving both kinds of keys, or none, is refused."""
        for body in (
            self.body(server_key=True),
            {"name": "a"},
            {"name": "a", "server_key": False},
        ):
            answer = self.as_alice.post("/api/vpn/peers", body)
            self.assertEqual(answer.status, 400)
            self.assertIn("public_key", answer.json["error"])

    def test_rotate(self) -> None:
        """The server can generate the next key too."""
        made = self.peer()["peer"]
        path = f"/api/vpn/peers/{made['id']}/rotate"
        again = self.as_alice.post(path, {"server_key": True}).json
        self.assertNotIn(profile.PLACE, again["config"])
        self.assertNotEqual(again["peer"]["public_key"], made["public_key"])


class OwnershipTests(VpnApiCase):
    """Permissions for one's own and other users' peers."""

    def refused(self, client: ApiClient, base: str, number: int, status: int) -> None:
        """Check that every verb is answered by *status*, and changes nothing."""
        before = self.as_admin.get(f"/api/vpn/peers/{number}").json
        for method, verb, body in VERBS:
            path = f"{base}/peers/{number}{verb}"
            answer = client.request(method, path, body)
            self.assertEqual(answer.status, status, f"{method} {path}")
        after = self.as_admin.get(f"/api/vpn/peers/{number}").json
        self.assertEqual(after, before)

    def test_others(self) -> None:
        """Another user's device is 404 for each request."""
        number = self.peer()["peer"]["id"]
        self.refused(self.as_bob, "/api/vpn", number, 404)
        self.assertEqual(self.as_bob.get("/api/vpn/peers").json, [])

    def test_missing(self) -> None:
        """A missing peer and another user's give the same answer."""
        for method, verb, body in VERBS:
            answer = self.as_bob.request(method, f"/api/vpn/peers/999{verb}", body)
            self.assertEqual((answer.status, answer.body), (404, b""))

    def test_administrator(self) -> None:
        """An administrator sees all and manages all; the owner cannot undo that."""
        number = self.peer()["peer"]["id"]
        one = f"/api/vpn/peers/{number}"
        self.assertEqual(self.as_admin.post(f"{one}/suspend", {}).status, 200)
        self.assertEqual(self.as_alice.post(f"{one}/resume", {}).status, 403)
        self.assertEqual(self.as_admin.post(f"{one}/resume", {}).status, 200)

    def test_for_others(self) -> None:
        """Only an administrator creates a device for another user."""
        body = self.body(user_id=self.alice.id)
        self.assertEqual(self.as_bob.post("/api/vpn/peers", body).status, 403)
        made = self.peer(self.as_admin, user_id=self.alice.id)
        self.assertEqual(made["peer"]["owner"], "alice")

    def test_quota(self) -> None:
        """The quota holds for the API itself, not for a page only."""
        self.peer()
        self.peer()
        answer = self.as_alice.post("/api/vpn/peers", self.body())
        self.assertEqual(answer.status, 409)
        self.assertIn("2", answer.json["error"])
        self.assertEqual(self.as_alice.post("/api/vpn/invites", {}).status, 409)
        self.peer(self.as_admin, user_id=self.alice.id)

    def test_grants(self) -> None:
        """Only an administrator makes a device that may enter a network."""
        site = {"name": "lan", "network": "10.20.0.0/16"}
        self.assertEqual(self.as_admin.post("/api/vpn/sites", site).status, 201)
        body = self.body(grants=["lan"])
        self.assertEqual(self.as_alice.post("/api/vpn/peers", body).status, 403)
        self.assertEqual(self.as_alice.get("/api/vpn/peers").json, [])

    def test_disabled(self) -> None:
        """Disabling a user wakes the VPN service."""
        before = self.peers.woken
        path = f"/api/users/{self.alice.id}/active"
        self.as_admin.post(path, {"active": False})
        self.assertEqual(self.peers.woken, before + 1)


class ProjectTests(VpnApiCase):
    """The hosts of a project."""

    def test_hosts(self) -> None:
        """Managers of the project's resources create hosts; members see them."""
        made = self.host(tags=["db"])
        self.assertEqual(made["peer"]["kind"], "host")
        self.assertEqual(made["peer"]["project_id"], self.project.id)
        number = made["peer"]["id"]
        found = self.as_carol.get(f"{self.within}/peers?tag=db").json
        self.assertEqual([each["id"] for each in found], [number])
        self.assertEqual(self.as_carol.get(f"{self.within}/peers/{number}").status, 200)

    def test_guest(self) -> None:
        """A guest sees, and changes nothing, inside the project or outside of it."""
        number = self.host()["peer"]["id"]
        for base in (self.within, "/api/vpn"):
            for method, verb, body in VERBS[1:]:
                path = f"{base}/peers/{number}{verb}"
                answer = self.as_carol.request(method, path, body)
                self.assertEqual(answer.status, 403, f"{method} {path}")
        answer = self.as_carol.post(f"{self.within}/peers", self.body())
        self.assertEqual(answer.status, 403)
        self.assertEqual(self.as_carol.post(f"{self.within}/invites", {}).status, 403)

    def test_stranger(self) -> None:
        """A user who is no member learns nothing about the hosts."""
        number = self.host()["peer"]["id"]
        for base in (self.within, "/api/vpn"):
            for method, verb, body in VERBS:
                path = f"{base}/peers/{number}{verb}"
                answer = self.as_bob.request(method, path, body)
                self.assertEqual(answer.status, 404, f"{method} {path}")

    def test_other_project(self) -> None:
        """A device or another project's host is 404 inside a project."""
        device = self.peer()["peer"]["id"]
        for method, verb, body in VERBS:
            path = f"{self.within}/peers/{device}{verb}"
            answer = self.as_alice.request(method, path, body)
            self.assertEqual(answer.status, 404, f"{method} {path}")

    def test_manager(self) -> None:
        """A manager who is no owner does what the route asks for."""
        make_member(self.conn, self.project, self.bob, Role.MANAGER)
        self.host(self.as_bob)

    def test_invite(self) -> None:
        """An invite of a project is for its hosts."""
        made = self.as_alice.post(f"{self.within}/invites", {"tags": ["db"]}).json
        self.assertEqual(made["invite"]["kind"], "host")
        enrolled = self.enroll(made["token"]).json
        self.assertEqual(enrolled["peer"]["project_id"], self.project.id)
        self.assertEqual(enrolled["peer"]["tags"], ["db"])
        listed = self.as_alice.get(f"{self.within}/invites").json
        self.assertEqual([each["state"] for each in listed], ["used"])
        number = made["invite"]["id"]
        path = f"{self.within}/invites/{number}?peers=true"
        gone = self.as_alice.delete(path)
        self.assertEqual((gone.status, gone.json["state"]), (200, "revoked"))
        self.assertEqual(self.as_alice.get(f"{self.within}/peers").json, [])
