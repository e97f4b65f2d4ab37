"""Certificates and keys that an administrator brings are checked before use."""

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.pairs import UnusablePair, check_pair, names_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def pem(key: _Key, passphrase: bytes | None = None) -> bytes:
    """Return *key* as a file."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    )


def self_signed(key: _Key, *extensions: x509.ExtensionType) -> bytes:
    """Return a certificate of *key* by itself, with *extensions*."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server.example")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


SERVER = x509.SubjectAlternativeName([x509.DNSName("server.example")])


class PairTests(SynchronousTestCase):
    """The check."""

    def setUp(self) -> None:
        """Make a chain of three."""
        self.root = certificates.new_root(
            host="h", names=(), addresses=(), now=NOW, entropy=random
        )
        self.intermediate = certificates.new_intermediate(
            self.root, now=NOW, entropy=random
        )
        self.leaf = certificates.new_leaf(
            self.intermediate,
            names=("localhost",),
            addresses=("127.0.0.1",),
            now=NOW,
            entropy=random,
        )

    def refused(self, chain: bytes, key: bytes, now: datetime = NOW) -> str:
        """Return the sentence that refuses the pair."""
        error = self.assertRaises(UnusablePair, check_pair, chain, key, now)
        sentence: str = error.message
        self.assertNotIn("BEGIN", sentence)
        return sentence

    def test_chain(self) -> None:
        """A chain in order with the leaf's key is accepted, and described."""
        chain = self.leaf.certificate_pem + self.intermediate.certificate_pem
        pair = check_pair(chain, self.leaf.key_pem, NOW)
        self.assertEqual(pair.names, ("localhost", "127.0.0.1"))
        self.assertEqual(pair.not_after, self.leaf.certificate.not_valid_after_utc)
        self.assertEqual(
            pair.fingerprint, certificates.fingerprint(self.leaf.certificate)
        )

    def test_rsa(self) -> None:
        """A self-signed RSA certificate is accepted."""
        key = rsa.generate_private_key(65537, 2048)
        pair = check_pair(self_signed(key, SERVER), pem(key), NOW)
        self.assertEqual(pair.names, ("server.example",))

    def test_other_key(self) -> None:
        """A key of another certificate is refused; so is an issuer in front."""
        leaf, key = self.leaf.certificate_pem, self.leaf.key_pem
        self.assertIn("is not the key", self.refused(leaf, self.root.key_pem))
        front = self.intermediate.certificate_pem + leaf
        self.assertIn("comes first", self.refused(front, key))

    def test_order(self) -> None:
        """A chain with a stranger in it is refused with the place."""
        chain = self.leaf.certificate_pem + self.root.certificate_pem
        self.assertIn("certificate 2", self.refused(chain, self.leaf.key_pem))

    def test_times(self) -> None:
        """An expired or future certificate is refused with its date."""
        leaf, key = self.leaf.certificate_pem, self.leaf.key_pem
        self.assertIn("expired", self.refused(leaf, key, NOW + timedelta(days=91)))
        early = self.refused(leaf, key, NOW - timedelta(days=1))
        self.assertIn("2026-03-01T11:00:00", early)

    def test_files(self) -> None:
        """Files without a certificate or a key are told apart."""
        leaf, key = self.leaf.certificate_pem, self.leaf.key_pem
        self.assertIn("no usable certificate", self.refused(b"", key))
        self.assertIn("holds a private key", self.refused(key, key))
        self.assertIn("no usable private key", self.refused(leaf, leaf))
        protected = pem(self.leaf.key, b"passphrase")
        self.assertIn("passphrase", self.refused(leaf, protected))

    def test_odd(self) -> None:
        """Curves and extensions that cannot be read are refused by a sentence."""
        key = ec.generate_private_key(ec.SECP256R1())
        noise = x509.UnrecognizedExtension(
            x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x05x"
        )
        certificate = self_signed(key, noise)
        self.assertIn("cannot be read", self.refused(certificate, pem(key)))
        leaf = x509.load_pem_x509_certificate(certificate)
        self.assertEqual(names_of(leaf), ())
        # the curve's number is another's, which the library does not know
        curve = bytes.fromhex("2a8648ce3d030107")
        der = x509.load_pem_x509_certificate(self_signed(key, SERVER)).public_bytes(
            serialization.Encoding.DER
        )
        self.assertEqual(der.count(curve), 1)
        unknown = der.replace(curve, bytes.fromhex("2a8648ce3d03017f"))
        content = b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % (
            base64.encodebytes(unknown)
        )
        self.assertIn("cannot be read", self.refused(content, pem(key)))

    def test_weak_keys(self) -> None:
        """Short keys and kinds that browsers refuse are refused."""
        short = rsa.generate_private_key(65537, 1024)
        self.assertIn("1024", self.refused(self_signed(short, SERVER), pem(short)))
        small = ec.generate_private_key(ec.SECP224R1())
        self.assertIn("224", self.refused(self_signed(small, SERVER), pem(small)))
        other = ed25519.Ed25519PrivateKey.generate()
        self.assertIn("neither", self.refused(self_signed(other, SERVER), pem(other)))

    def test_purpose(self) -> None:
        """Client certificates, must-staple and missing names are refused."""
        key = ec.generate_private_key(ec.SECP256R1())
        client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        self.assertIn(
            "not meant for servers",
            self.refused(self_signed(key, SERVER, client), pem(key)),
        )
        staple = x509.TLSFeature([x509.TLSFeatureType.status_request])
        self.assertIn(
            "stapling", self.refused(self_signed(key, SERVER, staple), pem(key))
        )
        self.assertIn("names no host", self.refused(self_signed(key), pem(key)))
