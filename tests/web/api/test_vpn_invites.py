"""Tests of the routes of invites, and of the enrollment of devices."""

import ssl
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.web.enroll import redeem_limit
from semaphore_twisted.web.http.ca_roots import CaRoot, CaRoots
from semaphore_twisted.wireguard import profile
from tests.support.dumps import dump
from tests.support.enrolling import ROOT
from tests.support.http import ApiClient, api_client
from tests.support.peers import public_key
from tests.support.vpn_api import OPTIONS, VpnApiCase

UNKNOWN = "smp-enroll-" + "u" * 43


def at(url: str) -> dict[str, Any]:
    """Return the change of the options for a site with *url* as ``web_host``."""
    return {"config": replace(OPTIONS.config, web_host=url)}


class InviteTests(VpnApiCase):
    """Making, listing and ending invites."""

    def test_created(self) -> None:
        """The token is shown once, with a link and commands with the fingerprint."""
        made = self.invite()
        link = InviteLink.parse(made["link"])
        self.assertEqual(link.token, made["token"])
        self.assertEqual(link.fingerprint, "ab" * 32)
        self.assertEqual(link.base, "https://semaphore.example")
        self.assertEqual(set(made["commands"]), {"posix", "powershell"})
        for command in made["commands"].values():
            self.assertIn(made["token"], command)
            self.assertIn("ab" * 32, command)
        self.assertEqual(made["invite"]["kind"], "laptop")
        self.assertEqual(made["invite"]["max_uses"], 1)
        self.assertEqual(made["invite"]["expires"], "2026-01-03T03:04:05Z")

    def test_listed(self) -> None:
        """A list has no token, only its beginning."""
        made = self.invite()
        answer = self.as_alice.get("/api/vpn/invites")
        self.assertNotIn(made["token"].encode(), answer.body)
        (found,) = answer.json
        self.assertTrue(made["token"].startswith(found["prefix"]))
        self.assertEqual(self.as_bob.get("/api/vpn/invites").json, [])
        opened = self.as_alice.get("/api/vpn/invites?state=open").json
        self.assertEqual(len(opened), 1)
        self.assertEqual(self.as_alice.get("/api/vpn/invites?state=new").status, 400)

    def test_revoke(self) -> None:
        """The invite's peers stay, unless their revocation is requested."""
        made = self.invite(max_uses=2)
        self.enroll(made["token"])
        one = f"/api/vpn/invites/{made['invite']['id']}"
        gone = self.as_alice.delete(one)
        self.assertEqual((gone.status, gone.json["state"]), (200, "revoked"))
        self.assertEqual(self.enroll(made["token"]).status, 403)
        self.assertEqual(len(self.as_alice.get("/api/vpn/peers").json), 1)
        self.as_alice.delete(f"{one}?peers=true")
        self.assertEqual(self.as_alice.get("/api/vpn/peers").json, [])

    def test_words(self) -> None:
        """A parameter that is unknown or not a boolean is refused."""
        made = self.invite()
        one = f"/api/vpn/invites/{made['invite']['id']}"
        for query, name in (
            ("peers=1", "peers"),
            ("Peers=true", "Peers"),
            ("with_peers=true", "with_peers"),
        ):
            answer = self.as_alice.delete(f"{one}?{query}")
            self.assertEqual(answer.status, 400, query)
            self.assertIn(name, answer.json["error"])

    def test_others(self) -> None:
        """Another user's invite is 404."""
        one = f"/api/vpn/invites/{self.invite()['invite']['id']}"
        self.assertEqual(self.as_bob.delete(one).status, 404)

    def test_bounds(self) -> None:
        """An invalid invite is refused with the field's name."""
        for field, value in (
            ("max_uses", 0),
            ("max_uses", 3),
            ("max_uses", True),
            ("lifetime_seconds", 1),
            ("lifetime_seconds", 10**9),
            ("kind", "tablet"),
            ("tags", ["a b"]),
            ("peer_expires", "2020-01-01T00:00:00Z"),
        ):
            answer = self.as_alice.post("/api/vpn/invites", {field: value})
            self.assertEqual(answer.status, 400, (field, value))
            self.assertIn(field, answer.json["error"])

    def client(self, **changes: Any) -> ApiClient:
        """Return Alice's client of a site with other options."""
        site = api_client(
            database=self.anybody.database,
            options=replace(OPTIONS, **changes),
            peers=self.peers,
        )
        return site.as_user(self.alice)

    def test_places(self) -> None:
        """The link leads to the enrollment listener, if there is one."""
        for changes, base in (
            ({"enroll_url": "https://in.example:8443"}, "https://in.example:8443"),
            (at("https://a.example/base/"), "https://a.example/base"),
            (at(""), "https://semaphore.example"),
            (at("a.example"), "https://a.example"),
        ):
            made = self.invite(self.client(**changes))
            self.assertTrue(made["link"].startswith(f"{base}/enroll#"), made["link"])

    def test_public_certificate(self) -> None:
        """Without a CA of our own, the link has no fingerprint."""
        made = self.invite(self.client(roots=CaRoots))
        self.assertEqual(InviteLink.parse(made["link"]).fingerprint, "")
        self.assertNotIn("/api/vpn/ca", made["commands"]["posix"])

    def test_other_certificate(self) -> None:
        """A link is pinned only where the local CA's certificate is shown."""
        asked: list[str] = []

        def decide(base: str) -> bool:
            asked.append(base)
            return False

        made = self.invite(self.client(pinned=decide))
        self.assertEqual(InviteLink.parse(made["link"]).fingerprint, "")
        self.assertNotIn("/api/vpn/ca", made["commands"]["posix"])
        self.assertEqual(asked, ["https://semaphore.example"])

    def test_wrong_certificate(self) -> None:
        """Where devices could not trust the certificate no invite is made."""

        def refuse(base: str) -> bool:
            raise Conflict(f"{base}: for other names")

        answer = self.client(pinned=refuse).post("/api/vpn/invites", {})
        self.assertEqual(answer.status, 409)
        self.assertIn("for other names", answer.json["error"])
        self.assertEqual(self.as_alice.get("/api/vpn/invites").json, [])

    def test_plain(self) -> None:
        """No link is made to a place where the token could be read on its way."""
        answer = self.client(**at("http://a.example")).post("/api/vpn/invites", {})
        self.assertEqual(answer.status, 409)
        self.assertIn("web_host", answer.json["error"])
        self.assertEqual(self.as_alice.get("/api/vpn/invites").json, [])


class EnrollTests(VpnApiCase):
    """Requests of a device."""

    def test_enroll(self) -> None:
        """A device gets its file, which the companion knows already."""
        made = self.invite()
        answer = self.enroll(made["token"], name="phone", kind="phone")
        self.assertEqual(answer.status, 201)
        self.assertIs(answer.json["applied"], True)
        self.assertEqual(answer.json["peer"]["kind"], "phone")
        self.assertIn(f"PrivateKey = {profile.PLACE}\n", answer.json["config"])
        self.assertEqual(answer.header("cache-control"), "no-store")
        self.assertEqual(self.peers.revisions[-1], 3)

    def test_late(self) -> None:
        """An outsider does not learn why the companion is unavailable."""
        made = self.invite()
        self.peers.reason = "/run/semaphore-vpn/vpn.sock: no such file"
        answer = self.enroll(made["token"])
        self.assertEqual(answer.status, 201)
        self.assertIs(answer.json["applied"], False)
        self.assertNotIn("sock", answer.json["reason"])

    def test_file_alone(self) -> None:
        """A client that accepts text gets the file, and the rest in headers."""
        made = self.invite()
        body = self.body(token=made["token"])
        whole = self.anybody.post("/api/vpn/enroll", body).json
        text = self.anybody.post(
            "/api/vpn/enroll", body, headers={"Accept": "text/plain"}
        )
        self.assertEqual(text.status, 201)
        self.assertEqual(text.body.decode(), whole["config"])
        self.assertEqual(text.header("content-type"), "text/plain; charset=utf-8")
        self.assertEqual(text.header("semaphore-url"), "https://semaphore.internal")
        self.assertEqual(text.header("semaphore-domain"), "semaphore.internal")
        self.assertEqual(text.header("semaphore-state"), "active")
        self.assertEqual(text.header("semaphore-uuid"), whole["peer"]["uuid"])

    def test_reading_changes_nothing(self) -> None:
        """GETs and HEADs use nothing up; a POST does, and is idempotent."""
        made = self.invite()
        before = "\n".join(dump(self.conn.raw))
        for _ in range(10):
            for path in ("/enroll", "/enroll/enroll.js", "/api/vpn/enroll", "/ca"):
                self.anybody.get(path)
                self.anybody.head(f"{path}?token={made['token']}")
        self.assertEqual("\n".join(dump(self.conn.raw)), before)
        body = self.body(token=made["token"])
        first = self.anybody.post("/api/vpn/enroll", body)
        again = self.anybody.post("/api/vpn/enroll", body)
        self.assertEqual((first.status, first.json), (again.status, again.json))
        other = self.enroll(made["token"])
        self.assertEqual(other.status, 403)

    def test_refusals(self) -> None:
        """Used, revoked, expired and unknown tokens give one answer; events differ."""
        used = self.invite()["token"]
        self.enroll(used)
        revoked = self.invite()
        self.as_alice.delete(f"/api/vpn/invites/{revoked['invite']['id']}")
        expired = self.invite(lifetime_seconds=60)["token"]
        self.now.advance(61)
        answers = {
            (answer.status, answer.body)
            for answer in map(
                self.enroll, (used, revoked["token"], expired, UNKNOWN, "x", "")
            )
        }
        self.assertEqual(answers, {(403, b'{"error":"This invite cannot be used"}\n')})
        told = [each for each in self.events() if "refused" in each]
        reasons = {each.rpartition(": ")[2] for each in told}
        self.assertEqual(reasons, {"used", "revoked", "expired", "unknown"})
        self.assertEqual(self.anybody.get("/api/ping").status, 200)

    def test_conflicts(self) -> None:
        """A used key or name is a conflict, and costs no use."""
        made = self.invite(max_uses=2)
        taken = self.peer(self.as_bob)["peer"]["public_key"]
        answer = self.enroll(made["token"], public_key=taken)
        self.assertEqual(answer.status, 409)
        self.assertNotIn("bob", answer.json["error"])
        self.assertEqual(self.enroll(made["token"], name="a").status, 201)
        self.assertEqual(self.enroll(made["token"], name="A").status, 409)
        (found,) = self.as_alice.get("/api/vpn/invites").json
        self.assertEqual(found["uses"], 1)

    def test_kind(self) -> None:
        """A host's invite is for hosts."""
        made = self.as_alice.post(f"{self.within}/invites", {}).json
        answer = self.enroll(made["token"], kind="phone")
        self.assertEqual(answer.status, 400)
        self.assertIn("kind", answer.json["error"])

    def test_approval(self) -> None:
        """A peer that needs approval is marked so."""
        made = self.invite(approval=True)
        self.assertEqual(self.enroll(made["token"]).json["peer"]["state"], "pending")

    def test_too_many(self) -> None:
        """Frequent failures delay their own source only, and successes are free."""
        made = self.invite(self.as_admin, user_id=self.bob.id, max_uses=200)
        for _ in range(redeem_limit.BURST + 5):
            self.assertEqual(self.enroll(made["token"]).status, 201)
        for _ in range(redeem_limit.BURST):
            self.assertEqual(self.enroll(UNKNOWN).status, 403)
        answer = self.enroll(UNKNOWN)
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.header("retry-after"), "7")
        self.assertEqual(self.enroll(made["token"]).status, 429)
        other = self.anybody.anonymous()
        other.peer = "198.51.100.1"
        body = self.body(token=made["token"])
        self.assertEqual(other.post("/api/vpn/enroll", body).status, 201)
        self.anybody.clock.advance(redeem_limit.SECONDS)
        self.assertEqual(self.enroll(made["token"]).status, 201)

    def test_foreign_page(self) -> None:
        """A page of another site cannot have a visitor's browser enroll."""
        body = self.body(token=self.invite()["token"])
        for origin in ("https://evil.example", "null"):
            answer = self.anybody.post(
                "/api/vpn/enroll", body, headers={"Origin": origin}
            )
            self.assertEqual(answer.status, 403)
        self.assertEqual(len(self.as_alice.get("/api/vpn/peers").json), 0)


class AuthorityTests(VpnApiCase):
    """The root certificate."""

    def test_forms(self) -> None:
        """The root certificate is available as PEM and as DER."""
        pem = self.anybody.get("/api/vpn/ca")
        self.assertEqual((pem.status, pem.body), (200, ROOT.certificate_pem))
        self.assertEqual(pem.header("content-type"), "application/x-pem-file")
        der = self.anybody.get("/api/vpn/ca?format=der")
        self.assertEqual(
            der.body, ssl.PEM_cert_to_DER_cert(ROOT.certificate_pem.decode())
        )

    def test_former(self) -> None:
        """The root before is given to those whose link names it, while it holds."""
        former = CaRoot(b"the former root", ":".join(["CD"] * 32))
        roots = replace(OPTIONS, roots=lambda: evolve(OPTIONS.roots(), former=former))
        client = api_client(options=roots)
        one = "/api/vpn/ca"
        self.assertEqual(client.get(f"{one}?sha256={'cd' * 32}").body, former.pem)
        for query in ("", f"?sha256={'ab' * 32}", f"?sha256={'ef' * 32}", "?sha256="):
            self.assertEqual(client.get(one + query).body, ROOT.certificate_pem)

    def test_none(self) -> None:
        """With a publicly trusted certificate there is no root to serve."""
        client = api_client(options=replace(OPTIONS, roots=CaRoots))
        self.assertEqual(client.get("/api/vpn/ca").status, 404)

    def test_keys_are_apart(self) -> None:
        """The key of the CA is nowhere near."""
        self.assertNotIn(b"PRIVATE", self.anybody.get("/api/vpn/ca").body)
        self.assertNotEqual(public_key(1), public_key(2))


class DamagedTests(VpnApiCase):
    """Damaged rows are shown with their fault, and open nothing."""

    def damage(self, table: str, column: str, number: int) -> None:
        """Write what is no JSON past every check."""
        self.anybody.database.conn.raw.execute(
            f"UPDATE {table} SET {column} = '[\"a' WHERE id = ?", (number,)
        )

    def test_invite(self) -> None:
        """A damaged invite is listed with the other ones, and cannot be redeemed."""
        first, second = self.invite(max_uses=2), self.invite(max_uses=2)
        for column in ("tags", "grants"):
            number = first["invite"]["id"]
            self.damage("vpn_invite", column, number)
            listed = {e["id"]: e for e in self.as_admin.get("/api/vpn/invites").json}
            self.assertIn(column, listed[number]["fault"])
            self.assertEqual(listed[number]["state"], "revoked")
            self.assertNotIn("fault", listed[second["invite"]["id"]])
        refused = self.anybody.post("/api/vpn/enroll", self.body(token=first["token"]))
        self.assertEqual(refused.status, 403)
        good = self.anybody.post("/api/vpn/enroll", self.body(token=second["token"]))
        self.assertEqual(good.status, 201)

    def test_peer(self) -> None:
        """A damaged peer is listed with the other ones."""
        made = self.invite(max_uses=2)
        for _ in range(2):
            answer = self.anybody.post(
                "/api/vpn/enroll", self.body(token=made["token"])
            )
            self.assertEqual(answer.status, 201, answer.body)
        first, second = self.as_admin.get("/api/vpn/peers").json
        self.damage("vpn_peer", "tags", first["id"])
        listed = {each["id"]: each for each in self.as_admin.get("/api/vpn/peers").json}
        self.assertIn("tags", listed[first["id"]]["fault"])
        self.assertEqual(listed[second["id"]], second)
