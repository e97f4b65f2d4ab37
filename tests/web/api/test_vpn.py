"""Tests of the VPN's own routes: settings, status, plan, findings, figures."""

from base64 import b64encode
from typing import Any

from msgspec.structs import replace

from semaphore_twisted.config.options import MetricsOptions
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.web.api.vpn_answers import NOT_SET_UP
from tests.support.http import api_client
from tests.support.memory import BEGINNING
from tests.support.vpn_api import OPTIONS, VpnApiCase


def seen(peer: dict[str, Any], **changes: Any) -> PeerStatus:
    """Return a peer's status as the device reports it."""
    usual: dict[str, Any] = {
        "id": peer["id"],
        "name": peer["name"],
        "online": "active",
        "last_handshake": BEGINNING,
        "age_seconds": 3,
        "received": 10,
        "sent": 20,
        "endpoint": "203.0.113.9:4000",
        "user_id": peer["user_id"],
        "project_id": peer["project_id"],
    }
    return PeerStatus(**{**usual, **changes})


class NetworkTests(VpnApiCase):
    """The settings of the network."""

    def test_show(self) -> None:
        """A logged-in user sees the network's data that are in their file anyway."""
        found = self.as_bob.get("/api/vpn/network").json
        self.assertEqual(found["endpoint"], "vpn.example.net:51820")
        self.assertEqual(found["url"], "https://semaphore.internal")
        self.assertNotIn("private_key", found)

    def test_change(self) -> None:
        """An administrator changes the endpoint; the answer has the result."""
        answer = self.as_admin.put("/api/vpn/network", {"endpoint": "other.example:1"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["endpoint"], "other.example:1")
        self.assertIs(answer.json["applied"], True)
        self.assertEqual(self.peers.revisions, [answer.json["revision"]])
        self.assertEqual(self.as_bob.put("/api/vpn/network", {"mtu": 1300}).status, 403)

    def test_wrong(self) -> None:
        """A wrong endpoint is refused with the field's name."""
        for endpoint in ("http://h", "h:51820/", "h h", "h:0", "h:70000", ""):
            answer = self.as_admin.put("/api/vpn/network", {"endpoint": endpoint})
            self.assertEqual(answer.status, 400, endpoint)
            self.assertIn("endpoint", answer.json["error"])

    def test_pools(self) -> None:
        """An administrator sees how many addresses are left."""
        self.peer()
        found = self.as_admin.get("/api/vpn/pools").json
        self.assertEqual([each["used"] for each in found], [1, 1])
        self.assertEqual(self.as_alice.get("/api/vpn/pools").status, 403)

    def test_none(self) -> None:
        """Without a VPN every route says how to set one up, to permitted users."""
        client = api_client(options=OPTIONS)
        client.login()
        for method, path, body in (
            ("GET", "network", b""),
            ("PUT", "network", {}),
            ("GET", "peers", b""),
            ("GET", "peers/1", b""),
            ("DELETE", "peers/1", b""),
            ("GET", "invites", b""),
            ("POST", "invites", {}),
            ("GET", "sites", b""),
            ("GET", "grants", b""),
            ("GET", "status", b""),
            ("GET", "plan", b""),
            ("GET", "doctor", b""),
            ("POST", "enroll", {"token": "a", "public_key": "b", "name": "c"}),
        ):
            answer = client.request(method, f"/api/vpn/{path}", body)
            self.assertEqual(answer.status, 409, path)
            self.assertEqual(answer.json, {"error": NOT_SET_UP})


class StatusTests(VpnApiCase):
    """How the peers are."""

    def test_unavailable(self) -> None:
        """An unknown status is omitted, and never zero."""
        self.peer()
        self.peers.seen = None
        self.peers.known = replace(
            self.peers.known, connected=False, reason="the companion does not run"
        )
        found = self.as_admin.get("/api/vpn/status").json
        self.assertEqual(found["status"], "unavailable")
        self.assertEqual(found["reason"], "the companion does not run")
        self.assertIsNone(found["peers"])
        self.assertIs(found["applied"], False)
        self.assertIs(found["connected"], False)

    def test_never_synced(self) -> None:
        """A device that was never written has no revision."""
        self.peers.known = replace(self.peers.known, revision=-1, wanted=-1)
        found = self.as_admin.get("/api/vpn/status").json
        self.assertIsNone(found["revision"])
        self.assertIs(found["applied"], False)
        self.assertEqual(found["wanted"], 1)

    def test_applied(self) -> None:
        """The revisions of the store and of the device are shown."""
        self.peer()
        found = self.as_admin.get("/api/vpn/status").json
        self.assertEqual((found["wanted"], found["revision"]), (2, 2))
        self.assertIs(found["applied"], True)
        self.assertEqual(found["backend"], "memory")
        self.assertEqual(found["time"], "2026-01-02T03:04:05Z")

    def test_whose(self) -> None:
        """One's own, and hosts of one's projects without their place."""
        own, host = self.peer()["peer"], self.host()["peer"]
        other = self.peer(self.as_bob)["peer"]
        self.peers.seen = [seen(own), seen(host), seen(other)]

        def told(client: Any) -> list[tuple[int, str | None]]:
            peers = client.get("/api/vpn/status").json["peers"]
            return [(each["id"], each["endpoint"]) for each in peers]

        place = "203.0.113.9:4000"
        mine, hosts, others = own["id"], host["id"], other["id"]
        self.assertEqual(told(self.as_bob), [(others, place)])
        self.assertEqual(told(self.as_carol), [(hosts, None)])
        self.assertEqual(told(self.as_alice), [(mine, place), (hosts, place)])
        self.assertEqual(
            told(self.as_admin), [(mine, place), (hosts, place), (others, place)]
        )

    def test_plan_and_doctor(self) -> None:
        """Administrators see planned changes and findings."""
        plan = self.as_admin.get("/api/vpn/plan").json
        self.assertEqual(plan, {"changes": ["a peer would be added"]})
        finding = {"subject": "mtu", "level": "ok", "sentence": "1420 fits"}
        found = self.as_admin.get("/api/vpn/doctor").json
        self.assertEqual(found, {"findings": [finding]})
        for path in ("plan", "doctor"):
            self.assertEqual(self.as_alice.get(f"/api/vpn/{path}").status, 403)

    def test_no_plan(self) -> None:
        """Without a companion there is a reason, and no plan."""
        self.peers.seen = None
        answer = self.as_admin.get("/api/vpn/plan")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json, {"error": "the companion does not run"})

    def test_confirm(self) -> None:
        """Only an administrator confirms a held-back removal."""
        path = "/api/vpn/confirm"
        self.assertEqual(self.as_admin.post(path, {}).status, 409)
        self.peers.known = replace(self.peers.known, unsafe=True)
        self.assertIs(self.as_admin.get("/api/vpn/status").json["unsafe"], True)
        self.assertEqual(self.as_alice.post(path, {}).status, 403)
        answer = self.as_admin.post(path, {})
        self.assertEqual(answer.json, {"applied": True, "reason": ""})
        self.assertIs(self.peers.known.unsafe, False)
        self.assertIn("confirmed", self.events()[-1])


class MetricsTests(VpnApiCase):
    """Figures for Prometheus."""

    options = replace(
        OPTIONS,
        config=replace(
            OPTIONS.config,
            metrics=MetricsOptions(enabled=True, username="prom", password="p"),
        ),
    )

    def figures(self) -> list[str]:
        """Return the lines."""
        sent = b64encode(b"prom:p").decode()
        answer = self.anybody.get(
            "/api/metrics", headers={"Authorization": f"Basic {sent}"}
        )
        self.assertEqual(answer.status, 200)
        return answer.body.decode().splitlines()

    def test_wanted_revision(self) -> None:
        """The wanted revision is the database's, also while the companion is away."""
        self.peer()
        self.peer()
        self.peers.known = replace(
            self.peers.known, connected=False, wanted=1, revision=1
        )
        found = self.figures()
        self.assertIn("semaphore_vpn_wanted_revision 3", found)
        self.assertIn("semaphore_vpn_device_revision 1", found)

    def test_disabled_user(self) -> None:
        """A peer shows that its user is disabled."""
        number = self.peer()["peer"]["id"]
        self.assertEqual(
            self.as_admin.get(f"/api/vpn/peers/{number}").json["stopped"], ""
        )
        self.as_admin.post(f"/api/users/{self.alice.id}/active", {"active": False})
        found = self.as_admin.get(f"/api/vpn/peers/{number}").json
        self.assertEqual(found["stopped"], "its user is disabled")

    def test_figures(self) -> None:
        """Peers by state and by their last handshake, the device, and refusals."""
        first = self.peer()["peer"]["id"]
        second = self.peer()["peer"]["id"]
        self.as_alice.post(f"/api/vpn/peers/{second}/suspend", {})
        self.conn.raw.execute(
            "UPDATE vpn_peer SET last_handshake='2026-01-02T03:00:00.000000Z',"
            " received=5000000001, sent=7 WHERE id=?",
            (first,),
        )
        self.enroll("smp-enroll-" + "x" * 43)
        self.peers.known = replace(
            self.peers.known, drift_total=2, sync_seconds=0.25, syncs_total=4
        )
        lines = self.figures()
        for line in (
            'semaphore_vpn_peers{state="active"} 1',
            'semaphore_vpn_peers{state="suspended"} 1',
            'semaphore_vpn_peers{state="revoked"} 0',
            'semaphore_vpn_peers_seen{seconds="180"} 0',
            'semaphore_vpn_peers_seen{seconds="3600"} 1',
            "semaphore_vpn_received_bytes_total 5000000001",
            "semaphore_vpn_sent_bytes_total 7",
            "semaphore_vpn_companion_up 1",
            "semaphore_vpn_drift_total 2",
            "semaphore_vpn_sync_seconds 0.25",
            "semaphore_vpn_syncs_total 4",
            "semaphore_vpn_failed_redeems_total 1",
            "# TYPE semaphore_vpn_drift_total counter",
        ):
            self.assertIn(line, lines)

    def test_nobody(self) -> None:
        """No figure names a peer, a key or an address."""
        made = self.peer(name="secret-laptop")["peer"]
        text = "\n".join(self.figures())
        for each in (made["name"], made["public_key"], made["ipv4"], made["uuid"]):
            self.assertNotIn(each, text)
