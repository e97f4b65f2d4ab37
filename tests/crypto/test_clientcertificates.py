"""Client certificates as people paste them."""

import os
from datetime import UTC, datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.clientcertificates import check_time, normalise
from semaphore_twisted.model.errors import Invalid
from tests.support.gitserver import Authority


class NormaliseTests(SynchronousTestCase):
    """Accepted certificates, and the errors for refused ones."""

    def setUp(self) -> None:
        """Have a CA and a pair."""
        self.authority = Authority()
        self.certificate, self.key = self.authority.client()

    def test_forms(self) -> None:
        """A key in any form becomes unencrypted PKCS#8; issuers may follow."""
        locked = self.authority.client(passphrase=b"secret")
        issuer = self.authority.pem.decode()
        for certificate, key, passphrase in (
            (self.certificate, self.key, ""),
            (self.certificate, self.key, "of no use"),
            (*locked, "secret"),
            (f"\n {self.certificate}{issuer}".replace("\n", "\r\n"), self.key, ""),
        ):
            found = normalise(certificate, key, passphrase)
            self.assertTrue(
                found.private_key.startswith("-----BEGIN PRIVATE KEY-----\n")
            )
            self.assertEqual(normalise(found.certificate, found.private_key, ""), found)
            self.assertEqual(repr(found), "ClientCertificate(…)")

    def test_refused(self) -> None:
        """Each sentence says what it is instead, and repeats nothing of it."""
        other, _ = self.authority.client()
        locked = self.authority.client(passphrase=b"secret")
        root = certificates.new_root(
            host="x",
            names=["x"],
            addresses=[],
            now=datetime.now(UTC),
            entropy=os.urandom,
        )
        server = certificates.new_leaf(
            root,
            names=["x"],
            addresses=[],
            now=datetime.now(UTC),
            entropy=os.urandom,
        )
        for certificate, key, passphrase, words in (
            ("", self.key, "", "certificate can not be read"),
            (self.key, self.key, "", "it is a private key"),
            (self.certificate, "", "", "private key can not be read"),
            (self.certificate, self.certificate, "", "private key can not be read"),
            (*locked, "", "needs its passphrase"),
            (*locked, "wrong", "passphrase is wrong"),
            (other, self.key, "", "does not belong to the first certificate"),
            (
                server.certificate_pem.decode(),
                server.key_pem.decode(),
                "",
                "not meant for clients",
            ),
            (self.certificate * 200, self.key, "", "is over 65536"),
        ):
            error = self.assertRaises(Invalid, normalise, certificate, key, passphrase)
            self.assertIn(words, error.message)
            self.assertNotIn("BEGIN", error.message)

    def test_time(self) -> None:
        """One that has ended is refused with the day."""
        found = normalise(self.certificate, self.key, "")
        now = datetime.now(UTC)
        check_time(found, now)
        error = self.assertRaises(Invalid, check_time, found, now + timedelta(days=2))
        self.assertIn("the certificate expired at 20", error.message)
