"""A fake enrollment server for tests of the client."""

import hashlib
import ssl
from datetime import UTC, datetime
from typing import Any

import msgspec
from attrs import define, field

from semaphore_twisted.cli.vpn import enrollment
from semaphore_twisted.cli.vpn.enrollment import Enrollment
from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.crypto import certificates
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.peers import Enrolled, Peer, PeerKind, PeerLifecycle
from semaphore_twisted.wireguard import key_pairs, profile
from tests.support.memory import Entropy

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TOKEN = "smp-enroll-" + "t" * 43
SERVER = key_pairs.new_pair(Entropy()).public_key
ROOT = certificates.new_root(
    host="vpn.example.net",
    names=["vpn.example.net"],
    addresses=[],
    now=NOW,
    entropy=Entropy(),
)


def der() -> bytes:
    """Return the root's certificate."""
    return ssl.PEM_cert_to_DER_cert(ROOT.certificate_pem.decode())


def config(**changed: Any) -> str:
    """Return a profile as the server sends it."""
    usual: dict[str, Any] = {
        "addresses": ("10.80.0.2",),
        "public_key": SERVER,
        "allowed_ips": ("10.80.0.1/32",),
        "endpoint": "vpn.example.net:51820",
        "preshared_key": bytes(range(32)),
        "dns": ("10.80.0.1",),
    }
    return profile.render(profile.Profile(**{**usual, **changed}))


def enrolled(public_key: str, name: str = "box", **changed: Any) -> Enrolled:
    """Return an answer to an enrollment."""
    state = changed.pop("state", PeerLifecycle.ACTIVE)
    peer = Peer(
        id=1,
        uuid="7d6f2a52-9d4e-4a15-8a7e-1f7c1a6f2b11",
        name=name,
        kind=PeerKind.LAPTOP,
        state=state,
        user_id=UserId(1),
        project_id=None,
        owner="alice",
        public_key=public_key,
        ipv4="10.80.0.2",
        ipv6="",
        tags=(),
        created=NOW,
        expires=None,
        last_handshake=None,
        received=0,
        sent=0,
    )
    usual = {
        "config": config(),
        "url": "https://semaphore.internal",
        "domain": "semaphore.internal",
    }
    return enrollment.EnrollmentResponse(peer=peer, **{**usual, **changed})


@define
class Answer:
    """An HTTP answer."""

    status: int
    content: bytes

    def read(self, most: int) -> bytes:
        """Return the body."""
        return self.content[:most]


@define(eq=False)
class Server:
    """Answers as a real server, or with *script* first; records requests."""

    script: list[Answer | Exception] = field(factory=list)
    #: fields that replace those of the default answer
    changed: dict[str, Any] = field(factory=dict)
    #: requests: method, path, decoded body, whether the certificate was checked
    asked: list[tuple[str, str, Any, bool]] = field(factory=list)
    pauses: list[float] = field(factory=list)

    @property
    def link(self) -> InviteLink:
        """An enrollment link to it."""
        return InviteLink(
            "https://vpn.example.net", TOKEN, hashlib.sha256(der()).hexdigest()
        )

    def enrolling(self, link: InviteLink | None = None) -> Enrollment:
        """Return the client, connected to this server."""
        return Enrollment(link or self.link, self.pauses.append, self.connection)

    def connection(
        self, host: str, port: int, *, timeout: float, context: ssl.SSLContext
    ) -> "Connection":
        """Return a fake ``http.client.HTTPSConnection``."""
        del host, port, timeout
        return Connection(self, context.verify_mode == ssl.CERT_REQUIRED)

    def respond(self, method: str, path: str, body: Any) -> Answer | Exception:
        """Answer a request."""
        if self.script:
            return self.script.pop(0)
        if path.startswith("/api/vpn/ca?format=der&sha256="):
            return Answer(200, der())
        if (method, path) == ("POST", "/api/vpn/enroll"):
            made = enrolled(body["public_key"], body["name"], **self.changed)
            return Answer(201, msgspec.json.encode(made))
        return Answer(404, b"{}")


@define(eq=False)
class Connection:
    """A connection to a :class:`Server`."""

    server: Server
    checked: bool
    outcome: Any = None

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> None:
        """Record the request."""
        del headers
        decoded = None if body is None else msgspec.json.decode(body)
        self.server.asked.append((method, path, decoded, self.checked))
        self.outcome = self.server.respond(method, path, decoded)

    def getresponse(self) -> Answer:
        """Return the answer, or raise the scripted error."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        assert isinstance(self.outcome, Answer)
        return self.outcome

    def close(self) -> None:
        """Do nothing."""
