"""Tests of TLS: the offered versions, and replacing certificates."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.protocols.tls import BufferingTLSTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, providedBy

from semaphore_twisted.interfaces import ICertificateSource
from semaphore_twisted.web.listener.tls import (
    ConnectionCreator,
    PemCertificates,
    ServerTransport,
    context,
    over_tls,
)


def pair(name: str = "localhost") -> tuple[bytes, bytes]:
    """Return a self-signed certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def client(version: int | None = None, ciphers: bytes | None = None) -> SSL.Context:
    """Return a client's context for a single version."""
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if version is not None:
        made.set_min_proto_version(version)
        made.set_max_proto_version(version)
    if ciphers is not None:
        made.set_cipher_list(ciphers)
    made.set_verify(SSL.VERIFY_NONE)
    return made


def handshake(server: SSL.Context, mine: SSL.Context) -> Any:
    """Shake hands in memory and return the client's connection."""
    left, right = SSL.Connection(mine, None), SSL.Connection(server, None)
    left.set_connect_state()
    right.set_accept_state()
    for _ in range(6):
        for here, there in ((left, right), (right, left)):
            with contextlib.suppress(SSL.WantReadError):
                here.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                there.bio_write(here.bio_read(65536))
    if left.get_cipher_name() is None:
        raise SSL.Error("no handshake")
    return left


class ContextTests(SynchronousTestCase):
    """TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only."""

    def setUp(self) -> None:
        """Make a server's context."""
        chain, key = pair()
        self.server = context(chain=chain, key=key)

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 are supported."""
        for version, name in (
            (SSL.TLS1_2_VERSION, "TLSv1.2"),
            (SSL.TLS1_3_VERSION, "TLSv1.3"),
        ):
            done = handshake(self.server, client(version))
            self.assertEqual(done.get_protocol_version_name(), name)

    def test_old_versions(self) -> None:
        """Older versions are not."""
        for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION):
            with self.assertRaises(SSL.Error):
                handshake(self.server, client(version, b"ALL:@SECLEVEL=0"))

    def test_ciphers(self) -> None:
        """The list for TLS 1.2 is exactly the one that was decided."""
        names = SSL.Connection(self.server, None).get_cipher_list()
        old = [name for name in names if not name.startswith("TLS_")]
        self.assertEqual(
            old,
            [
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-CHACHA20-POLY1305",
                "ECDHE-RSA-CHACHA20-POLY1305",
            ],
        )

    def test_cbc_refused(self) -> None:
        """A client that knows only CBC gets no connection."""
        with self.assertRaises(SSL.Error):
            handshake(
                self.server, client(SSL.TLS1_2_VERSION, b"ECDHE-ECDSA-AES128-SHA")
            )

    def test_http_1_only(self) -> None:
        """HTTP/1.1 is chosen where HTTP/2 is offered too."""
        mine = client()
        mine.set_alpn_protos([b"h2", b"http/1.1"])
        done = handshake(self.server, mine)
        self.assertEqual(done.get_alpn_proto_negotiated(), b"http/1.1")

    def test_other_key(self) -> None:
        """A key that does not fit is refused with a sentence."""
        with self.assertRaises(ValueError) as caught:
            context(chain=pair()[0], key=pair()[1])
        self.assertIn("fit", str(caught.exception))

    def test_no_pem(self) -> None:
        """A file that is not PEM is refused."""
        chain, key = pair()
        for wrong in ((b"junk", key), (chain, b"junk"), (b"", key)):
            with self.assertRaises(ValueError):
                context(chain=wrong[0], key=wrong[1])


class CertificateTests(SynchronousTestCase):
    """A source gives the newest certificates to each new connection."""

    def test_reload(self) -> None:
        """After a reload new connections get the new certificate, old ones continue."""
        chain, key = pair("one")
        source = PemCertificates(chain=chain, key=key)
        self.assertTrue(ICertificateSource.providedBy(source))
        creator = ConnectionCreator(source.context)
        before = creator.serverConnectionForTLS(None)
        chain, key = pair("two")
        source.reload(chain=chain, key=key)
        after = creator.serverConnectionForTLS(None)
        self.assertIsNot(before.get_context(), after.get_context())
        certificate = handshake(after.get_context(), client()).get_peer_certificate()
        self.assertEqual(certificate.get_subject().CN, "two")

    def test_bad_reload(self) -> None:
        """A reload that cannot work leaves the old certificates in place."""
        chain, key = pair("one")
        source = PemCertificates(chain=chain, key=key)
        old = source.context()
        with self.assertRaises(ValueError):
            source.reload(chain=chain, key=b"junk")
        self.assertIs(source.context(), old)

    def test_factory(self) -> None:
        """A factory is wrapped for any listener."""
        chain, key = pair()
        source = PemCertificates(chain=chain, key=key)
        inner = Factory.forProtocol(Protocol)
        wrapped = over_tls(inner, source.context, clock=Clock())
        self.assertIs(wrapped.wrappedFactory, inner)

    def test_interfaces(self) -> None:
        """The site's transport provides what Twisted's own TLS transport does."""
        chain, key = pair()
        source = PemCertificates(chain=chain, key=key)
        provided = []
        for kind in (BufferingTLSTransport, ServerTransport):
            inner = Factory.forProtocol(Protocol)
            wrapped = over_tls(inner, source.context, clock=Clock())
            wrapped.protocol = kind
            below = StringTransportWithDisconnection()
            alsoProvides(below, ITCPTransport)
            transport: Any = wrapped.buildProtocol(below.getPeer())
            transport.makeConnection(below)
            self.assertIs(transport.wrappedProtocol.transport, transport)
            self.assertTrue(ITCPTransport.providedBy(transport))
            provided.append(set(providedBy(transport)))
        self.assertEqual(*provided)
