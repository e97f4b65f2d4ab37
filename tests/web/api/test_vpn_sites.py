"""Tests of the routes of networks behind the server."""

from typing import Any

from tests.support.vpn_api import VpnApiCase


class SiteTests(VpnApiCase):
    """Administrators define networks and their grants."""

    def site(self, name: str = "lan", network: str = "10.20.0.0/16") -> Any:
        """Make a network known."""
        body = {"name": name, "network": network}
        answer = self.as_admin.post("/api/vpn/sites", body)
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json

    def test_life(self) -> None:
        """A network is created, renamed and deleted, and the device is updated."""
        made = self.site()
        self.assertIs(made["applied"], True)
        one = f"/api/vpn/sites/{made['id']}"
        answer = self.as_admin.put(one, {"name": "office"})
        self.assertEqual(answer.json["name"], "office")
        self.assertEqual(self.as_admin.get(one).json["network"], "10.20.0.0/16")
        gone = self.as_admin.delete(one)
        self.assertEqual(gone.json, {"applied": True, "reason": ""})
        self.assertEqual(self.as_admin.get("/api/vpn/sites").json, [])
        self.assertEqual(len(self.peers.revisions), 3)

    def test_grant(self) -> None:
        """A grant opens a network to one user, and only that user sees it."""
        site = self.site()
        body = {"site_id": site["id"], "user_id": self.alice.id}
        made = self.as_admin.post("/api/vpn/grants", body)
        self.assertEqual(made.status, 201)
        self.assertEqual(made.json["to"], "alice")
        mine = self.as_alice.get("/api/vpn/sites").json
        self.assertEqual([each["name"] for each in mine], ["lan"])
        self.assertEqual(len(self.as_alice.get("/api/vpn/grants").json), 1)
        self.assertEqual(self.as_bob.get("/api/vpn/sites").json, [])
        self.assertEqual(self.as_bob.get("/api/vpn/grants").json, [])
        one = f"/api/vpn/grants/{made.json['id']}"
        self.assertEqual(self.as_admin.delete(one).status, 200)
        self.assertEqual(self.as_alice.get("/api/vpn/sites").json, [])

    def test_wrong(self) -> None:
        """An invalid value is refused with the field's name."""
        site = self.site()
        for path, body, field in (
            ("sites", {"name": "b", "network": "10.20.0.1/16"}, "network"),
            ("sites", {"name": "b", "network": "10.80.0.0/25"}, "network"),
            ("sites", {"name": "b\nc", "network": "10.30.0.0/16"}, "name"),
            ("sites", {"network": "10.30.0.0/16"}, "name"),
            ("grants", {"site_id": 99, "user_id": 1}, "site_id"),
            ("grants", {"site_id": site["id"]}, "peer_id"),
            ("grants", {"site_id": site["id"], "user_id": 999}, "user_id"),
            ("grants", {"site_id": "x"}, "site_id"),
        ):
            answer = self.as_admin.post(f"/api/vpn/{path}", body)
            self.assertEqual(answer.status, 400, body)
            self.assertIn(field, answer.json["error"])

    def test_others(self) -> None:
        """Other users cannot change them."""
        site = self.site()
        one = f"/api/vpn/sites/{site['id']}"
        for method, path, body in (
            ("POST", "/api/vpn/sites", {"name": "b", "network": "10.30.0.0/16"}),
            ("PUT", one, {"name": "b"}),
            ("DELETE", one, b""),
            ("POST", "/api/vpn/grants", {"site_id": 1, "user_id": self.alice.id}),
            ("DELETE", "/api/vpn/grants/1", b""),
        ):
            answer = self.as_alice.request(method, path, body)
            self.assertEqual(answer.status, 403, path)
        self.assertEqual(self.as_alice.get(one).status, 404)
