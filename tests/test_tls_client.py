"""Tests of outgoing TLS: trusted and untrusted certificates."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.tls_client.policy import TlsPolicy, failed_check, trust
from semaphore_twisted.web.listener.tls import PemCertificates, over_tls

_NOW = datetime.now(UTC)
_PEM = serialization.Encoding.PEM


class Authority:
    """Issues certificates for ``h.example`` and 192.0.2.1."""

    def __init__(self) -> None:
        """Make its key and root."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A root")])
        self.root = self.sign(self.key, self.name, authority=True)
        self.pem = self.root.public_bytes(_PEM)

    def sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        name: x509.Name,
        *,
        authority: bool = False,
        days: int = 10,
    ) -> x509.Certificate:
        """Return a certificate for *key*, whose time ends after *days*."""
        names = [x509.DNSName("h.example"), x509.IPAddress(ip_address("192.0.2.1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_NOW - timedelta(days=20))
            .not_valid_after(_NOW + timedelta(days=days))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def pair(self, *, days: int = 10) -> PemCertificates:
        """Return a server's certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "h")])
        return PemCertificates(
            chain=self.sign(key, name, days=days).public_bytes(_PEM),
            key=key.private_bytes(
                _PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


class Side(Protocol):
    """Notes what came and how it ended."""

    def __init__(self) -> None:
        """Have nothing yet."""
        self.got = b""
        self.reason: Failure | None = None

    @override
    def dataReceived(self, data: bytes) -> None:
        self.got += data

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason


def met(tls: TlsPolicy, host: str, server: Any) -> tuple[bytes, Failure | None]:
    """Let a client of *host* meet *server*; return what arrived, and how it ended."""
    clock: Any = Clock()
    client, there = Side(), Side()
    ours = TLSMemoryBIOFactory(
        tls.for_host(host), True, Factory.forProtocol(lambda: client), clock
    )
    theirs = over_tls(Factory.forProtocol(lambda: there), server.context, clock=clock)
    ends = []
    for factory in (theirs, ours):
        protocol = factory.buildProtocol(None)
        assert protocol is not None
        transport = StringTransport()
        ends.append((protocol, transport))
        protocol.makeConnection(transport)
    assert client.transport is not None
    client.transport.write(b"hello")
    for _ in range(6):
        clock.advance(1)
        for (_, sent), (protocol, _) in (ends, reversed(ends)):
            data = sent.value()
            sent.clear()
            if data:
                protocol.dataReceived(data)
    for protocol, _ in ends:
        protocol.connectionLost(Failure(ConnectionError()))
    return there.got, client.reason


class OutgoingTests(SynchronousTestCase):
    """Chain, name, time and version are checked."""

    def setUp(self) -> None:
        """Make a CA."""
        self.authority = Authority()
        self.tls = TlsPolicy(trust(only=self.authority.pem))

    def error(
        self, host: str, server: Any, tls: TlsPolicy | None = None
    ) -> BaseException:
        """Return why *host* is not spoken to."""
        got, reason = met(tls or self.tls, host, server)
        self.assertEqual(got, b"")
        assert reason is not None
        error: Any = reason.value
        assert isinstance(error, BaseException)
        return error

    def test_good(self) -> None:
        """A server that the CA knows, by name and by address."""
        for host in ("h.example", "192.0.2.1"):
            got, _ = met(self.tls, host, self.authority.pair())
            self.assertEqual(got, b"hello")

    def test_wrong_name(self) -> None:
        """A certificate for another name or address is refused."""
        for host in ("evil.example", "h.example.evil.example", "192.0.2.2"):
            error = self.error(host, self.authority.pair())
            self.assertIsInstance(error, VerificationError, host)

    def test_chain(self) -> None:
        """A certificate of an untrusted authority is refused, or with none trusted."""
        for pem in (Authority().pem, None):
            tls = TlsPolicy(trust(only=pem))
            error: Any = self.error("h.example", self.authority.pair(), tls)
            self.assertIn("issuer", failed_check(error))

    def test_expired(self) -> None:
        """So is one whose time is over."""
        error: Any = self.error("h.example", self.authority.pair(days=-1))
        self.assertIn("has expired", failed_check(error))

    def test_old_version(self) -> None:
        """So is a server that speaks nothing newer than TLS 1.1."""
        pair = self.authority.pair()
        old = pair.context()
        old.set_min_proto_version(SSL.TLS1_VERSION)
        old.set_max_proto_version(SSL.TLS1_1_VERSION)
        old.set_cipher_list(b"ALL:@SECLEVEL=0")
        self.assertIsInstance(self.error("h.example", pair), SSL.Error)

    def test_also(self) -> None:
        """A bundle comes beside the system's roots, or instead of them."""
        tls = TlsPolicy(trust(also=self.authority.pem))
        got, _ = met(tls, "h.example", self.authority.pair())
        self.assertEqual(got, b"hello")
        error: Any = self.error("h.example", Authority().pair(), tls)
        self.assertIn("issuer", failed_check(error))

    def test_no_roots(self) -> None:
        """Roots that are none are refused."""
        for each in (b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAA\n"):
            self.assertRaises(ValueError, trust, only=each)
            self.assertRaises(ValueError, trust, also=each)

    def test_international(self) -> None:
        """A name in other letters is asked for as certificates have it."""
        error = self.error("bücher.example", self.authority.pair())
        self.assertIsInstance(error, VerificationError)

    def test_read_once(self) -> None:
        """The roots are read once, not for each host."""
        self.assertIs(self.tls.for_host("a").context, self.tls.for_host("b").context)
        made = self.tls.creatorForNetloc(b"h.example", 443)
        self.assertEqual(made, self.tls.for_host("h.example"))
