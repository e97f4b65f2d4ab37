"""Answers to a CA's challenges, and checks of its responses."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates, challenges
from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.pairs import UnusablePair
from tests.support.memory import BEGINNING, Entropy

NAMES = ("ci.example.org", "www.example.org")


class ChallengeTests(SynchronousTestCase):
    """Challenge certificates and requests."""

    def test_alpn_certificate(self) -> None:
        """RFC 8737: one name, the critical digest, its own signature."""
        made = challenges.alpn_certificate("ci.example.org", "token.print", BEGINNING)
        certificate = made.certificate
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        self.assertEqual(
            names.value.get_values_for_type(x509.DNSName), ["ci.example.org"]
        )
        found = certificate.extensions.get_extension_for_oid(challenges.ACME_IDENTIFIER)
        self.assertTrue(found.critical)
        digest = hashlib.sha256(b"token.print").digest()
        assert isinstance(found.value, x509.UnrecognizedExtension)
        self.assertEqual(found.value.value, b"\x04\x20" + digest)
        self.assertEqual(made.key.public_key(), certificate.public_key())

    def test_request(self) -> None:
        """The request is for the names and signed by its key, which can be kept."""
        wanted = challenges.CertificateRequest.make(NAMES)
        again = challenges.CertificateRequest.of(wanted.key_pem, NAMES)
        for each in (wanted, again):
            request = x509.load_der_x509_csr(each.request)
            self.assertTrue(request.is_signature_valid)
            names = request.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
            found = names.value.get_values_for_type(x509.DNSName)
            self.assertEqual(tuple(found), NAMES)
        self.assertNotEqual(
            challenges.CertificateRequest.make(NAMES).key_pem, wanted.key_pem
        )
        self.assertRaises(
            ValueError, challenges.CertificateRequest.of, b"no key", NAMES
        )

    def test_renewal_id(self) -> None:
        """RFC 9773, section 4.1: the example's key identifier and serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")

        def leaf(*extensions: x509.ExtensionType) -> x509.Certificate:
            name = x509.Name([])
            builder = (
                x509.CertificateBuilder(name, name, key.public_key())
                .serial_number(0x0087654321)
                .not_valid_before(BEGINNING)
                .not_valid_after(BEGINNING)
            )
            for each in extensions:
                builder = builder.add_extension(each, critical=False)
            return builder.sign(key, hashes.SHA256())

        found = leaf(x509.AuthorityKeyIdentifier(issuer, None, None))
        self.assertEqual(
            challenges.renewal_id(found), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
        )
        self.assertIsNone(challenges.renewal_id(leaf()))
        name = x509.DirectoryName(x509.Name([]))
        other = x509.AuthorityKeyIdentifier(None, [name], 1)
        self.assertIsNone(challenges.renewal_id(leaf(other)))


class AnswerTests(SynchronousTestCase):
    """Whether an issued certificate is taken."""

    def setUp(self) -> None:
        """Make a CA."""
        self.entropy = Entropy()
        self.root = certificates.new_root(
            host="ca",
            names=["example.org"],
            addresses=[],
            now=BEGINNING,
            entropy=self.entropy,
        )

    def leaf(self, *names: str) -> Issued:
        """Issue a certificate for *names*."""
        return certificates.new_leaf(
            self.root,
            names=names,
            addresses=[],
            now=BEGINNING,
            entropy=self.entropy,
        )

    def refused(self, chain: bytes, key: bytes) -> str:
        """Return why the pair is not taken."""
        error = self.assertRaises(
            UnusablePair, challenges.check_issued, chain, key, NAMES, BEGINNING
        )
        return str(error)

    def test_good(self) -> None:
        """The names that were asked for, in any order, with our key and the chain."""
        leaf = self.leaf(*reversed(NAMES))
        chain = leaf.certificate_pem + self.root.certificate_pem
        pair = challenges.check_issued(chain, leaf.key_pem, NAMES, BEGINNING)
        self.assertEqual(set(pair.names), set(NAMES))

    def test_wrong(self) -> None:
        """Other names, another key, no chain, a CA, garbage: refused."""
        good, few, root = self.leaf(*NAMES), self.leaf(NAMES[0]), self.root
        more = self.leaf(*NAMES, "evil.example.org")
        issuer = root.certificate_pem
        for each in (few, more):
            why = self.refused(each.certificate_pem + issuer, each.key_pem)
            self.assertIn("not for ci.example.org, www.example.org", why)
        self.assertIn("key", self.refused(good.certificate_pem + issuer, few.key_pem))
        self.assertIn("issuer", self.refused(good.certificate_pem, good.key_pem))
        self.assertIn("no host", self.refused(issuer, root.key_pem))
        self.assertIn("no usable", self.refused(b"<html>", good.key_pem))
