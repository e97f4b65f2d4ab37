"""An ACME certificate authority in this process, with faults on request (RFC 8555).

It replaces the network below the exchange: requests arrive as the HTTP agent sends
them, so timeouts and broken answers are handled by the production code. *fault* is
called before each request and names the fault to simulate, if any.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.challenges import key_authorization
from semaphore_twisted.crypto.jws import b64
from tests.crypto.test_jws import unb64

BASE = "https://authority.test"
DIRECTORY = f"{BASE}/directory"

_PREFIX = "urn:ietf:params:acme:error:"


@define(eq=False)
class Response:
    """An HTTP response with the interface of the agent's responses."""

    code: int
    headers: Headers
    body: bytes

    def deliverBody(self, protocol: Any) -> None:
        """Deliver the whole body at once."""
        protocol.makeConnection(self)
        protocol.dataReceived(self.body)
        protocol.connectionLost(Failure(ResponseDone()))

    def loseConnection(self) -> None:
        """Do nothing: the transport is not needed any more."""


@define(eq=False)
class _Order:
    names: tuple[str, ...]
    account: str
    status: str = "pending"
    chain: bytes = b""
    error: Any = None
    shown: set[str] = field(factory=set)


class _Refusal(Exception):
    """A request is answered with an error."""

    def __init__(self, status: int, kind: str, **headers: str) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.headers = headers


@implementer(IAgent)
@define(eq=False)
class FakeAuthority:
    """The CA; it counts requests about which a real one would complain."""

    now: Callable[[], datetime]
    #: the challenges that the CA reads instead of the network
    challenges: Challenges | None = None
    fault: Callable[[str], str] = field(default=lambda step: "")
    lifetime: timedelta = timedelta(days=90)
    kinds: tuple[str, ...] = ("http-01", "tls-alpn-01")
    #: the suggested renewal window; ``None`` suggests none
    window: tuple[datetime, datetime] | None = None
    meta: dict[str, Any] = field(factory=dict)
    retry_after: str = "7200"
    accounts: dict[str, Any] = field(factory=dict)
    orders: list[_Order] = field(factory=list)
    ordered: list[datetime] = field(factory=list)
    asked: list[tuple[datetime, str]] = field(factory=list)
    registrations: list[Any] = field(factory=list)
    replaced: list[str] = field(factory=list)
    refused_until: datetime | None = None
    #: number of requests that came before the time in ``Retry-After``
    impatient: int = 0
    _nonces: set[str] = field(factory=set)
    _drawn: int = 0
    _root: Any = None

    def __attrs_post_init__(self) -> None:
        """Create the root certificate."""
        self._root = certificates.new_root(
            host="authority.test",
            names=["example.org"],
            addresses=[],
            now=self.now() - timedelta(days=1),
            entropy=_bytes,
        )

    @property
    def root(self) -> Issued:
        """The root certificate."""
        root: Issued = self._root
        return root

    # the HTTP agent's interface

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: Any = None,  # noqa: N803 - Twisted's name
    ) -> "Deferred[Any]":
        """Answer a request, or simulate the current fault."""
        path = uri.decode().removeprefix(BASE)
        step = path.split("/")[1]
        now = self.now()
        self.asked.append((now, step))
        if self.refused_until is not None and now < self.refused_until:
            self.impatient += 1
        body = bodyProducer._inputFile.read() if bodyProducer is not None else b""
        name = self.fault(step)
        broken = self._broken(name, now)
        if broken is not None:
            return broken
        try:
            answer = self._answer(method.decode(), path, body, name)
        except _Refusal as refusal:
            answer = self._problem(refusal.status, refusal.kind, refusal.headers)
        if name == "lost":  # the request is carried out, but its answer is lost
            return fail(Refused())
        return succeed(answer)

    def _broken(self, name: str, now: datetime) -> "Deferred[Any] | None":
        """Return the result of the fault *name*, if it prevents reading the request."""
        if name == "timeout":
            return Deferred()
        if name == "refused":
            return fail(Refused())
        if name in {"429", "503"}:
            wait = self.retry_after
            if wait.isdigit():  # the hint applies to the following requests
                self.refused_until = now + timedelta(seconds=int(wait))
            headers = {"retry-after": wait}
            return succeed(self._problem(int(name), "rateLimited", headers))
        bodies = {
            "garbage": (200, b"<html>\xff\x00garbage"),
            "huge": (200, b"[" * 400_000),
            "500": (500, b"oops"),
        }
        return succeed(self._response(*bodies[name], {})) if name in bodies else None

    def _response(self, code: int, body: bytes, headers: dict[str, str]) -> Response:
        found = Headers({"replay-nonce": [self._nonce()]})
        for name, value in headers.items():
            found.setRawHeaders(name.replace("_", "-"), [value])
        return Response(code, found, body)

    def _problem(self, code: int, kind: str, headers: dict[str, str]) -> Response:
        body = {"type": _PREFIX + kind, "detail": f"it is {kind}\x1b[31m"}
        return self._response(code, json.dumps(body).encode(), headers)

    def _json(self, code: int, value: Any, **headers: str) -> Response:
        return self._response(code, json.dumps(value).encode(), headers)

    def _nonce(self) -> str:
        self._drawn += 1
        nonce = f"nonce-{self._drawn}"
        self._nonces.add(nonce)
        return nonce

    # RFC 8555

    def _answer(self, method: str, path: str, body: bytes, fault: str) -> Response:
        step, *rest = path.strip("/").split("/")
        if step in {"directory", "nonce", "advice"}:
            return self._unsigned(step, fault)
        if method != "POST":
            raise _Refusal(405, "malformed")
        head, payload = self._opened(f"{BASE}{path}", body, fault)
        if step == "account":
            return self._account(head, payload)
        account = head.get("kid", "")
        known = {f"{BASE}/accounts/{each}" for each in self.accounts}
        if account not in known or fault == "forgotten":
            raise _Refusal(400, "accountDoesNotExist")
        if step == "order":
            return self._order(account, payload, fault)
        return self._ordered(step, rest, head, payload, fault)

    def _unsigned(self, step: str, fault: str) -> Response:
        if step == "nonce":
            return self._response(200, b"", {})
        if step == "advice":
            assert self.window is not None
            start, end = (each.isoformat() for each in self.window)
            window = {"start": start, "end": end}
            return self._json(200, {"suggestedWindow": window}, retry_after="21600")
        found = {
            "newNonce": f"{BASE}/nonce",
            "newAccount": f"{BASE}/account",
            "newOrder": f"{BASE}/order",
            "meta": self.meta,
        }
        if self.window is not None:
            found["renewalInfo"] = f"{BASE}/advice"
        if fault == "plain":
            found["newOrder"] = "http://authority.test/order"
        return self._json(200, found)

    def _ordered(
        self, step: str, rest: list[str], head: Any, payload: Any, fault: str
    ) -> Response:
        """Answer a request about an existing order."""
        number = int(rest[0])
        order = self.orders[number]
        if step == "orders":
            return self._shown(number, order, fault)
        if step == "authz":
            return self._authorization(number, order.names[int(rest[1])], fault)
        if step == "challenge":
            self._verify(order, order.names[int(rest[1])], rest[2], head, fault)
            return self._json(200, {"type": rest[2]})
        if step == "finalize":
            return self._finalize(number, order, payload, fault)
        assert step == "certificate"
        return self._response(200, order.chain, {})

    def _opened(self, url: str, body: bytes, fault: str) -> tuple[Any, Any]:
        message = json.loads(body)
        head = json.loads(unb64(message["protected"]))
        nonce = head["nonce"]
        if fault == "nonce" or nonce not in self._nonces:
            self._nonces.discard(nonce)
            raise _Refusal(400, "badNonce")
        self._nonces.discard(nonce)
        assert head["url"] == url, (head["url"], url)
        assert head["alg"] == "ES256"
        jwk = head.get("jwk") or self.accounts.get(head["kid"].rpartition("/")[2])
        if jwk is None:
            raise _Refusal(400, "accountDoesNotExist")
        x, y = (int.from_bytes(unb64(jwk[each]), "big") for each in ("x", "y"))
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        raw = unb64(message["signature"])
        signature = encode_dss_signature(
            int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        )
        text = f"{message['protected']}.{message['payload']}".encode()
        try:
            key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise _Refusal(403, "unauthorized") from None
        payload = unb64(message["payload"])
        return head, json.loads(payload) if payload else None

    def _account(self, head: Any, payload: Any) -> Response:
        self.registrations.append(payload)
        assert payload["termsOfServiceAgreed"] is True
        number = _print_of(head["jwk"])
        new = number not in self.accounts
        self.accounts[number] = head["jwk"]
        return self._json(
            201 if new else 200,
            {"status": "valid"},
            location=f"{BASE}/accounts/{number}",
        )

    def _order(self, account: str, payload: Any, fault: str) -> Response:
        self.ordered.append(self.now())
        self.replaced.append(payload.get("replaces", ""))
        if fault == "replaced" and payload.get("replaces"):
            raise _Refusal(409, "alreadyReplaced")
        names = tuple(each["value"] for each in payload["identifiers"])
        self.orders.append(_Order(names, account))
        number = len(self.orders) - 1
        made = self._shown(number, self.orders[number], fault)
        made.code = 201
        made.headers.setRawHeaders("location", [f"{BASE}/orders/{number}"])
        return made

    def _shown(self, number: int, order: _Order, fault: str) -> Response:
        status = {"stuck": "processing", "pending": "pending", "odd": "?\x07"}.get(
            fault, order.status
        )
        value: dict[str, Any] = {
            "status": "invalid" if fault == "invalid" else status,
            "finalize": f"{BASE}/finalize/{number}",
            "authorizations": [
                f"{BASE}/authz/{number}/{place}" for place in range(len(order.names))
            ],
        }
        if fault == "many":
            value["authorizations"] *= 500
        if status == "valid":
            value["certificate"] = f"{BASE}/certificate/{number}"
        return self._json(200, value)

    def _authorization(self, number: int, name: str, fault: str) -> Response:
        order = self.orders[number]
        place = order.names.index(name)
        status = "valid" if name in order.shown else "pending"
        if order.error is not None or fault == "invalid":
            status = "invalid"
        if fault == "stuck":
            status = "pending"
        error = {"type": f"{_PREFIX}connection", "detail": "no route to your host"}
        value = {
            "status": status,
            "identifier": {
                "type": "dns",
                "value": "evil.example.org" if fault == "other" else name,
            },
            "challenges": [
                {
                    "type": kind,
                    "status": status,
                    "url": f"{BASE}/challenge/{number}/{place}/{kind}",
                    "token": "../../etc/passwd"
                    if fault == "token"
                    else f"token-{number}-{place}-abcdefghijk",
                    **({"error": error} if status == "invalid" else {}),
                }
                for kind in self.kinds
            ],
        }
        return self._json(200, value)

    def _verify(
        self, order: _Order, name: str, kind: str, head: Any, fault: str
    ) -> None:
        """Check the challenge, which a real authority reads over the network."""
        number = self.orders.index(order)
        token = f"token-{number}-{order.names.index(name)}-abcdefghijk"
        wanted = key_authorization(token, head["kid"].rpartition("/")[2])
        assert self.challenges is not None
        if kind == "http-01":
            good = self.challenges.answer(token) == wanted
        else:
            good = self.challenges.certificate(name) is not None
        if not good or fault == "unseen":
            order.error, order.status = "no", "invalid"
            return
        order.shown.add(name)
        if order.shown == set(order.names):
            order.status = "ready"

    def _finalize(
        self, number: int, order: _Order, payload: Any, fault: str
    ) -> Response:
        if order.status != "ready":
            raise _Refusal(403, "orderNotReady")
        request = x509.load_der_x509_csr(unb64(payload["csr"]))
        assert request.is_signature_valid
        key: Any = request.public_key()
        names: tuple[str, ...] = order.names
        if fault == "foreign":
            key = ec.generate_private_key(ec.SECP256R1()).public_key()
        if fault == "wrong":
            names = ("evil.example.org",)
        order.chain = self.issue(key, names)
        if fault == "noise":
            order.chain = b"-----BEGIN CERTIFICATE-----\nAAAA\n"
        if fault == "expired":
            order.chain = self.issue(key, names, timedelta(seconds=-1))
        order.status = "valid"
        return self._shown(number, order, "")

    def issue(
        self, key: Any, names: tuple[str, ...], rest: timedelta | None = None
    ) -> bytes:
        """Return a chain for *key* and *names*, which expires after *rest*."""
        end = self.now() + (self.lifetime if rest is None else rest)
        root = self.root.certificate
        identifier = root.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(root.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(self.now(), end - timedelta(hours=1)))
            .not_valid_after(end)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(each) for each in names]),
                critical=True,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    identifier
                ),
                critical=False,
            )
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .sign(self.root.key, hashes.SHA256())
        )
        made = Issued(leaf, self.root.key)
        return made.certificate_pem + self.root.certificate_pem


def _print_of(jwk: Any) -> str:
    """Return the thumbprint of a public key."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(json.dumps(jwk, separators=(",", ":")).encode())
    return b64(digest.finalize())


def _bytes(count: int) -> bytes:
    return bytes(range(count))
