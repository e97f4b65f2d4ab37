"""No key material and no token leaves the server but for the one answer it is in."""

from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import Any

from attrs import define
from msgspec.structs import replace
from twisted.logger import globalLogPublisher

from semaphore_twisted.config.options import MetricsOptions
from semaphore_twisted.crypto.tokens import digest
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.users import Credentials
from semaphore_twisted.operations.visibility import audiences
from semaphore_twisted.web.api.routes import ROUTES
from tests.support.dumps import dump
from tests.support.http import Answer, ApiClient
from tests.support.vpn_api import OPTIONS, VpnApiCase


def forms(secret: bytes) -> set[bytes]:
    """Return how *secret* may be spelled."""
    plain = b64encode(secret)
    return {
        plain,
        plain.rstrip(b"="),
        urlsafe_b64encode(secret),
        secret.hex().encode(),
        secret.hex().upper().encode(),
        secret,
    }


class SecretCase(VpnApiCase):
    """A site with secrets planted."""

    options = replace(
        OPTIONS,
        config=replace(
            OPTIONS.config,
            metrics=MetricsOptions(enabled=True, username="p", password="p"),
        ),
    )

    def setUp(self) -> None:
        """Plant secrets: preshared keys, a private key, a token."""
        super().setUp()
        self.logged: list[dict[str, Any]] = []
        keep: Any = self.logged.append
        globalLogPublisher.addObserver(keep)
        self.addCleanup(globalLogPublisher.removeObserver, keep)
        own = self.peer()
        made_here = self.as_bob.post(
            "/api/vpn/peers", {"name": "old", "server_key": True}
        ).json
        host = self.host()
        invite = self.invite()
        spent = self.invite(self.as_admin, user_id=self.alice.id)
        enrolled = self.enroll(spent["token"]).json
        self.markers: set[bytes] = set()
        for each in (own, made_here, host, enrolled):
            for line in each["config"].splitlines():
                key, _, value = line.partition(" = ")
                here = key == "PrivateKey" and each is made_here
                if key == "PresharedKey" or here:
                    self.plant(value)
        for each in (invite, spent):
            token = each["token"]
            self.markers |= {token.encode(), token[11:].encode()}
            self.markers.add(digest(token).encode())
        self.envelopes = {
            row[0].encode()
            for row in self.conn.raw.execute(
                "SELECT preshared_key FROM vpn_peer WHERE preshared_key IS NOT NULL"
            )
        }
        self.assertEqual(len(self.envelopes), 4)

    def plant(self, text: str) -> None:
        """Look for the key *text* from now on."""
        self.markers |= forms(b64decode(text))

    def clean(self, what: str, content: bytes) -> None:
        """Check that none of the planted secrets is in *content*."""
        for marker in self.markers | self.envelopes:
            self.assertNotIn(marker, content, what)

    def addresses(self) -> list[str]:
        """Return the addresses of all that can be read."""
        found = []
        for route in ROUTES:
            if route.method != "GET":
                continue
            path = route.pattern.replace("{project_id}", str(self.project.id))
            for number in (1, 2, 3, 4):
                one = path
                while "{" in one:
                    before, _, rest = one.partition("{")
                    one = f"{before}{number}{rest.partition('}')[2]}"
                found.append(f"/api{one}")
                if one == path:
                    break
        return found

    def status(self, number: int) -> PeerStatus:
        """Return how a peer is."""
        return PeerStatus(
            id=number,
            name="a",
            online="never",
            last_handshake=None,
            age_seconds=None,
            received=0,
            sent=0,
            endpoint=None,
            user_id=self.alice.id,
            project_id=None,
        )

    def watch(self, client: ApiClient) -> "Wire":
        """Return the websocket of *client*, after its handshake."""
        wire = Wire()
        value = (client.cookie or "").partition("=")[2]
        credentials = Credentials(session_digest=digest(value))
        (audience,) = audiences(self.conn, [credentials])
        assert audience is not None
        self.anybody.hub.add(credentials, audience, wire)
        return wire


@define(eq=False)
class Wire:
    """A websocket that keeps what it is sent."""

    sent: bytes = b""

    def send(self, frames: bytes) -> None:
        """Record *frames*."""
        self.sent += frames

    def close(self, code: int, reason: str) -> None:
        """Do nothing."""


class SecretTests(SecretCase):
    """Repeated answers contain no secret."""

    def test_every_read(self) -> None:
        """Every GET, as every role."""
        self.peers.seen = [self.status(1), self.status(2)]
        for client in (
            self.anybody,
            self.as_admin,
            self.as_alice,
            self.as_bob,
            self.as_carol,
        ):
            answered = 0
            for path in self.addresses():
                answer: Answer = client.get(path)
                answered += answer.status == 200
                self.clean(path, answer.body)
                self.clean(path, repr(answer.headers).encode())
            self.assertGreater(answered, 2)
        sent = b64encode(b"p:p").decode()
        answer = self.anybody.get(
            "/api/metrics", headers={"Authorization": f"Basic {sent}"}
        )
        self.assertEqual(answer.status, 200)
        self.clean("metrics", answer.body)
        revoked = self.as_admin.get("/api/vpn/peers?state=revoked")
        self.clean("revoked", revoked.body)

    def test_writes(self) -> None:
        """A change answers without a secret; only a new key has a new one."""
        for verb in ("suspend", "resume", "expire"):
            answer = self.as_alice.post(f"/api/vpn/peers/1/{verb}", {})
            self.assertEqual(answer.status, 200)
            self.clean(verb, answer.body)
        self.clean("change", self.as_alice.put("/api/vpn/peers/1", {"tags": []}).body)
        self.clean("revoke", self.as_alice.delete("/api/vpn/peers/1").body)

    def test_socket(self) -> None:
        """The websocket's messages have no secret by their type."""
        wire = self.watch(self.as_admin)
        self.anybody.hub.peers_observed([self.status(1)])
        self.assertIn(b"vpn_status", wire.sent)
        self.clean("socket", wire.sent)

    def test_log_and_record(self) -> None:
        """Neither the log nor the events contain a secret."""
        self.assertTrue(self.logged)
        self.clean("log", repr(self.logged).encode())
        self.clean("events", "\n".join(self.events()).encode())

    def test_store(self) -> None:
        """The store has encrypted preshared keys, and no private keys."""
        stored = "\n".join(dump(self.conn.raw)).encode()
        digests = {each for each in self.markers if len(each) == 64}
        for marker in self.markers - digests:
            self.assertNotIn(marker, stored)


class SocketTests(SecretCase):
    """Messages over the websocket by role, and its access rules."""

    def test_own_only(self) -> None:
        """Each of two users gets only their own peers."""
        alice, bob = self.watch(self.as_alice), self.watch(self.as_bob)
        other = replace(self.status(2), user_id=self.bob.id, name="bobs")
        mine = replace(self.status(1), name="alices", endpoint="203.0.113.1:1")
        self.anybody.hub.peers_observed([mine, other])
        self.assertIn(b"alices", alice.sent)
        self.assertNotIn(b"bobs", alice.sent)
        self.assertIn(b"bobs", bob.sent)
        self.assertNotIn(b"alices", bob.sent)
        self.assertNotIn(b"203.0.113.1", bob.sent)

    def test_origins(self) -> None:
        """An origin that is not ours, or only begins like it, is 403."""
        for origin in (
            "https://evil.example",
            "null",
            "https://semaphore.example.evil.example",
            "https://semaphore.example:444",
            "http://semaphore.example",
            "https://semaphore.exampl",
        ):
            lines = self.as_alice.head_of(
                "GET",
                "/api/ws",
                {
                    "Upgrade": "websocket",
                    "Connection": "Upgrade",
                    "Origin": origin,
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                    "Sec-WebSocket-Version": "13",
                },
            )
            got = self.as_alice.send("\r\n".join(lines).encode() + b"\r\n\r\n")
            self.assertIn(b" 403 ", got.value().split(b"\r\n")[0], origin)
