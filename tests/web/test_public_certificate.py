"""A public certificate besides the local one: which clients get which."""

import contextlib
from datetime import timedelta
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.challenges import alpn_certificate
from semaphore_twisted.web.listener.public_certificate import (
    PublicCertificates,
    challenge_context,
)
from semaphore_twisted.web.listener.tls import PemCertificates
from tests.support.memory import BEGINNING, Entropy, FixedClock

PUBLIC, LOCAL = "ci.example.org", "box.internal"


def shaken(
    context: SSL.Context,
    name: str | None,
    protocols: tuple[bytes, ...] = (),
    version: int = SSL.TLS1_3_VERSION,
) -> SSL.Connection:
    """Return a client's side after a handshake in memory; raises ``SSL.Error``."""
    options = SSL.Context(SSL.TLS_CLIENT_METHOD)
    options.set_min_proto_version(version)
    options.set_max_proto_version(version)
    if protocols:
        options.set_alpn_protos(list(protocols))
    client, server = SSL.Connection(options, None), SSL.Connection(context, None)
    client.set_connect_state()
    server.set_accept_state()
    if name is not None:
        client.set_tlsext_host_name(name.encode())
    for _ in range(6):
        for here, there in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                here.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                there.bio_write(here.bio_read(65536))
    return client


class PresentedTests(SynchronousTestCase):
    """Two authorities, two certificates."""

    def setUp(self) -> None:
        """Issue both certificates."""
        self.now = FixedClock()
        self.entropy = Entropy()
        local = self.pair(self.issued(LOCAL, "localhost", "shared.example.org"))
        self.local = PemCertificates(**local)
        self.public = self.issued(PUBLIC, "shared.example.org")

    def issued(self, *names: str) -> Issued:
        """Issue a certificate for *names*."""
        root = certificates.new_root(
            host="ca",
            names=["example.org"],
            addresses=[],
            now=BEGINNING,
            entropy=self.entropy,
        )
        return certificates.new_leaf(
            root, names=names, addresses=[], now=BEGINNING, entropy=self.entropy
        )

    def pair(self, issued: Issued) -> Any:
        """Return chain and key of *issued*."""
        return {"chain": issued.certificate_pem, "key": issued.key_pem}

    def source(self, *, inside: bool = False) -> PublicCertificates:
        """Return both, in their order."""
        made = PublicCertificates(self.local, self.now, inside=inside)
        made.present(**self.pair(self.public))
        return made

    def shown(self, source: PublicCertificates, name: str | None) -> str:
        """Return which of the two who asks for *name* is shown, by TLS 1.2 and 1.3."""
        found = set()
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            client = shaken(source.context(), name, version=version)
            found.add(client.get_peer_certificate(as_cryptography=True))
        (leaf,) = found
        return "public" if leaf == self.public.certificate else "local"

    def test_by_name(self) -> None:
        """The local one is for the names that only it has."""
        source = self.source()
        for name, which in (
            (PUBLIC, "public"),
            ("CI.example.org", "public"),
            ("shared.example.org", "public"),
            (LOCAL, "local"),
            ("localhost", "local"),
            ("unknown.example", "public"),
            (None, "public"),
        ):
            self.assertEqual(self.shown(source, name), which, name)

    def test_inside(self) -> None:
        """In the tunnel a client that uses an address gets the local certificate."""
        source = self.source(inside=True)
        self.assertEqual(self.shown(source, None), "local")
        self.assertEqual(self.shown(source, PUBLIC), "public")

    def test_never_invalid(self) -> None:
        """Without a public one, and after its end, the local one is shown."""
        self.assertEqual(PublicCertificates(self.local, self.now).leaf, self.local.leaf)
        source = self.source()
        self.assertEqual(source.leaf, self.public.certificate)
        self.now.advance(timedelta(days=91).total_seconds())
        self.assertEqual(source.leaf, self.local.leaf)
        self.assertEqual(self.shown(source, PUBLIC), "local")

    def test_bad_pair(self) -> None:
        """A pair that cannot serve changes nothing."""
        source = self.source()
        bad = {"chain": self.public.certificate_pem, "key": self.issued("x").key_pem}
        self.assertRaises(ValueError, source.present, **bad)
        self.assertEqual(self.shown(source, PUBLIC), "public")

    def test_challenge(self) -> None:
        """The challenge's context has no other protocol."""
        made = alpn_certificate(PUBLIC, "token.print", BEGINNING)
        context = challenge_context(chain=made.certificate_pem, key=made.key_pem)
        client = shaken(context, PUBLIC, (b"acme-tls/1",))
        self.assertEqual(client.get_alpn_proto_negotiated(), b"acme-tls/1")
        self.assertEqual(
            client.get_peer_certificate(as_cryptography=True), made.certificate
        )
        for others in ((b"http/1.1",), (b"acme-tls/1", b"http/1.1")):
            client = shaken(context, PUBLIC, others)
            self.assertEqual(client.get_alpn_proto_negotiated(), b"")
