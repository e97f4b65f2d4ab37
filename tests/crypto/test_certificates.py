"""The local CA, judged by openssl and over the years."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.certificates import Issued
from tests.support.programs import program

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOST = "build-7.example.org"
NAMES = ("localhost", HOST, "build-7")
ADDRESSES = ("127.0.0.1", "::1", "192.168.7.7", "203.0.113.9", "fe80::1%eth0")


def new_root(now: datetime = NOW) -> Issued:
    """Make a root for the names and addresses above."""
    return certificates.new_root(
        host=HOST, names=NAMES, addresses=ADDRESSES, now=now, entropy=random
    )


def new_leaf(
    issuer: Issued,
    names: tuple[str, ...] = NAMES,
    addresses: tuple[str, ...] = ADDRESSES,
    now: datetime = NOW,
) -> Issued:
    """Make a leaf."""
    return certificates.new_leaf(
        issuer, names=names, addresses=addresses, now=now, entropy=random
    )


class OpensslTests(SynchronousTestCase):
    """Checks by an independent implementation."""

    def setUp(self) -> None:
        """Make a chain."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.root = new_root()
        self.intermediate = certificates.new_intermediate(
            self.root, now=NOW, entropy=random
        )

    def verify(self, leaf: Issued, *options: str, at: datetime = NOW) -> str:
        """Return what ``openssl verify`` says to *leaf*."""
        for name, issued in (
            ("root", self.root),
            ("intermediate", self.intermediate),
            ("leaf", leaf),
        ):
            (self.folder / name).write_bytes(issued.certificate_pem)
        done = subprocess.run(
            [
                *(
                    program("openssl"),
                    "verify",
                    "-x509_strict",
                    "-purpose",
                    "sslserver",
                ),
                *("-attime", str(int(at.timestamp())), *options),
                *("-CAfile", str(self.folder / "root"), "-no-CApath", "-no-CAstore"),
                *("-untrusted", str(self.folder / "intermediate")),
                str(self.folder / "leaf"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def test_verifies(self) -> None:
        """The chain is valid for each of its names and addresses."""
        leaf = new_leaf(self.intermediate, addresses=ADDRESSES)
        for name in NAMES:
            self.assertIn("OK", self.verify(leaf, "-verify_hostname", name))
        for address in ("127.0.0.1", "::1", "192.168.7.7", "203.0.113.9"):
            self.assertIn("OK", self.verify(leaf, "-verify_ip", address))
        self.assertIn(
            "hostname mismatch", self.verify(leaf, "-verify_hostname", "example.net")
        )

    def test_private_names(self) -> None:
        """Names in .internal and private addresses need no new root."""
        leaf = new_leaf(
            self.intermediate, ("ci.internal",), ("10.1.2.3", "172.31.0.1", "fd00::7")
        )
        self.assertIn("OK", self.verify(leaf, "-verify_hostname", "ci.internal"))
        self.assertIn("OK", self.verify(leaf, "-verify_ip", "fd00::7"))

    def test_foreign_names(self) -> None:
        """The root's constraints refuse other people's names and addresses."""
        for name in ("www.example.net", "example.org", "notlocalhost", "internal.net"):
            leaf = new_leaf(self.intermediate, (name,), ())
            self.assertIn("permitted subtree violation", self.verify(leaf), name)
        for address in ("8.8.8.8", "203.0.113.10", "172.32.0.1", "2001:db8::1"):
            leaf = new_leaf(self.intermediate, (), (address,))
            self.assertIn("permitted subtree violation", self.verify(leaf), address)

    def test_leaf_signs_nothing(self) -> None:
        """A certificate that a leaf has signed is refused."""
        leaf = new_leaf(self.intermediate)
        below = new_leaf(leaf)
        chain = self.intermediate.certificate_pem + leaf.certificate_pem
        answer = self.verify(below)
        self.assertIn("unable to get local issuer", answer)
        (self.folder / "intermediate").write_bytes(chain)
        done = subprocess.run(
            [
                *(program("openssl"), "verify", "-CAfile", str(self.folder / "root")),
                *("-attime", str(int(NOW.timestamp()))),
                *("-untrusted", str(self.folder / "intermediate")),
                str(self.folder / "leaf"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertNotIn(": OK", done.stdout)
        self.assertIn("invalid CA certificate", done.stdout + done.stderr)

    def test_path_length(self) -> None:
        """An intermediate cannot sign another one."""
        outer = self.intermediate
        inner = certificates.new_intermediate(outer, now=NOW, entropy=random)
        leaf = new_leaf(inner)
        self.verify(leaf)
        both = outer.certificate_pem + inner.certificate_pem
        (self.folder / "intermediate").write_bytes(both)
        done = subprocess.run(
            [
                *(program("openssl"), "verify", "-CAfile", str(self.folder / "root")),
                *("-attime", str(int(NOW.timestamp()))),
                *("-untrusted", str(self.folder / "intermediate")),
                str(self.folder / "leaf"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertIn("path length constraint exceeded", done.stdout + done.stderr)

    def test_times(self) -> None:
        """It is valid an hour before it was made, and not 91 days after."""
        leaf = new_leaf(self.intermediate)
        self.assertIn("OK", self.verify(leaf, at=NOW - timedelta(minutes=59)))
        self.assertIn("not yet valid", self.verify(leaf, at=NOW - timedelta(hours=2)))
        self.assertIn("expired", self.verify(leaf, at=NOW + timedelta(days=91)))


class ContentTests(SynchronousTestCase):
    """The fields of the certificates."""

    def test_leaf(self) -> None:
        """A leaf is for servers only, lists DNS names and addresses, and is short."""
        leaf = new_leaf(new_root()).certificate
        get = leaf.extensions.get_extension_for_class
        entries = get(x509.SubjectAlternativeName).value
        self.assertEqual(entries.get_values_for_type(x509.DNSName), list(NAMES))
        self.assertEqual(
            [str(each) for each in entries.get_values_for_type(x509.IPAddress)],
            ["127.0.0.1", "::1", "192.168.7.7", "203.0.113.9", "fe80::1"],
        )
        self.assertEqual(
            list(get(x509.ExtendedKeyUsage).value), [ExtendedKeyUsageOID.SERVER_AUTH]
        )
        life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        self.assertEqual(life, timedelta(days=90, hours=1))

    def test_root(self) -> None:
        """The root's constraints and basic constraints are critical."""
        root = new_root().certificate
        get = root.extensions.get_extension_for_class
        self.assertTrue(get(x509.NameConstraints).critical)
        self.assertTrue(get(x509.BasicConstraints).critical)
        self.assertEqual(get(x509.BasicConstraints).value.path_length, 2)

    def test_capped(self) -> None:
        """A certificate does not outlive its issuer."""
        root = new_root()
        late = NOW + certificates.ROOT_LIFETIME - timedelta(days=10)
        intermediate = certificates.new_intermediate(root, now=late, entropy=random)
        end = root.certificate.not_valid_after_utc
        self.assertEqual(intermediate.certificate.not_valid_after_utc, end)
        leaf = new_leaf(intermediate, now=late).certificate
        self.assertEqual(leaf.not_valid_after_utc, end)

    @given(st.binary(min_size=16, max_size=16))
    def test_serial_numbers(self, content: bytes) -> None:
        """With any entropy, the serial number is positive and has 127 bits."""
        root = certificates.new_root(
            host="h", names=(), addresses=(), now=NOW, entropy=lambda n: content[:n]
        )
        self.assertEqual(root.certificate.serial_number.bit_length(), 127)

    def test_long_host(self) -> None:
        """A name over 64 characters fits, though the common name has no room."""
        long = ".".join(["a" * 60] * 3)
        root = certificates.new_root(
            host=long, names=(long,), addresses=(), now=NOW, entropy=random
        )
        leaf = new_leaf(root, names=(long,), addresses=())
        self.assertTrue(certificates.covers(leaf.certificate, long))

    def test_nothing_to_certify(self) -> None:
        """Without a name or an address there is no leaf."""
        with self.assertRaises(ValueError):
            new_leaf(new_root(), names=("", "not a name"), addresses=())

    def test_fingerprint(self) -> None:
        """The fingerprint is the one that openssl prints."""
        root = new_root()
        printed = subprocess.run(
            [program("openssl"), "x509", "-noout", "-fingerprint", "-sha256"],
            input=root.certificate_pem,
            capture_output=True,
            check=True,
        ).stdout.decode()
        self.assertEqual(
            printed.strip().partition("=")[2],
            certificates.fingerprint(root.certificate),
        )

    def test_load(self) -> None:
        """A written certificate is read back; another certificate's key is refused."""
        root = new_root()
        again = Issued.load(root.certificate_pem, root.key_pem)
        self.assertEqual(again.certificate, root.certificate)
        with self.assertRaises(ValueError):
            Issued.load(root.certificate_pem, new_root().key_pem)
        self.assertNotIn("BEGIN", repr(root))


class NameTests(SynchronousTestCase):
    """Names and addresses as people write them."""

    def test_dns_name(self) -> None:
        """Case, a final dot and letters beyond ASCII are brought to one form."""
        for text, wanted in (
            ("LocalHost.", "localhost"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("my_box", "my_box"),
            ("", None),
            ("two words", None),
            ("a..b", None),
            ("*.example.org", None),
            ("a" * 64, None),
            (".".join(["abc"] * 70), None),
        ):
            self.assertEqual(certificates.dns_name(text), wanted, text)

    def test_permits(self) -> None:
        """It is told which names need another root."""
        root = new_root().certificate
        for name in (*NAMES, "a.internal", "x.localhost", "127.9.9.9", "fd12::1"):
            self.assertTrue(certificates.permits(root, name), name)
        for name in ("example.org", "internal.example", "8.8.8.8", "2001:db8::1", ""):
            self.assertFalse(certificates.permits(root, name), name)

    def test_covers(self) -> None:
        """It is told which names a leaf is for."""
        leaf = new_leaf(new_root()).certificate
        for name in ("LOCALHOST", HOST, "::1", "0:0::1"):
            self.assertTrue(certificates.covers(leaf, name), name)
        for name in ("example.org", "10.0.0.1", f"a.{HOST}", ""):
            self.assertFalse(certificates.covers(leaf, name), name)

    def test_due(self) -> None:
        """A certificate is due when the given share of its life is over."""
        leaf = new_leaf(new_root()).certificate
        self.assertFalse(certificates.due(leaf, NOW + timedelta(days=59), 2 / 3))
        self.assertTrue(certificates.due(leaf, NOW + timedelta(days=60), 2 / 3))


class SuccessionTests(SynchronousTestCase):
    """A root and its successor, verified with either as trust anchor."""

    def setUp(self) -> None:
        """Create both roots, the cross-certificate, and a leaf below the new root."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.now = datetime.now(UTC)  # certtool knows no other
        self.former = new_root(self.now)
        self.root = certificates.new_root(
            host=HOST,
            names=NAMES,
            addresses=ADDRESSES,
            now=self.now,
            entropy=random,
            after=self.former.certificate,
        )
        self.crossed = certificates.crossed(
            self.root, self.former, now=self.now, entropy=random
        )
        self.intermediate = certificates.new_intermediate(
            self.root, now=self.now, entropy=random
        )
        self.write("former", self.former.certificate)
        self.write("root", self.root.certificate)
        self.write("both", self.former.certificate, self.root.certificate)
        self.write("issuers", self.intermediate.certificate, self.crossed)

    def write(self, name: str, *chain: x509.Certificate) -> str:
        """Write certificates into a file and return its path."""
        path = self.folder / name
        path.write_bytes(
            b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
        )
        return str(path)

    def leaf(self, name: str = HOST) -> x509.Certificate:
        """Return a server's certificate below the new root."""
        return new_leaf(self.intermediate, (name,), (), self.now).certificate

    def openssl(self, trusted: str, leaf: x509.Certificate) -> str:
        """Return what ``openssl verify`` says with the roots in the file *trusted*."""
        done = subprocess.run(
            [
                *(
                    program("openssl"),
                    "verify",
                    "-x509_strict",
                    "-purpose",
                    "sslserver",
                ),
                *("-CAfile", str(self.folder / trusted), "-no-CApath", "-no-CAstore"),
                *("-untrusted", str(self.folder / "issuers")),
                self.write("leaf", leaf),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def certtool(self, trusted: str, leaf: x509.Certificate) -> int:
        """Return how GnuTLS' ``certtool`` ends."""
        chain = self.write("chain", leaf, self.intermediate.certificate, self.crossed)
        return subprocess.run(
            [
                *(program("certtool"), "--verify", "--infile", chain),
                *("--load-ca-certificate", str(self.folder / trusted)),
            ],
            capture_output=True,
            check=False,
        ).returncode

    def nss(self, trusted: str, leaf: x509.Certificate) -> str:
        """Return what NSS, which Firefox uses, says by its ``certutil``."""
        store = self.folder / f"nss-{len(list(self.folder.iterdir()))}"
        store.mkdir()
        self.certutil(store, "-N", "--empty-password")
        pem = (self.folder / trusted).read_bytes()
        roots = x509.load_pem_x509_certificates(pem)
        for trust, chain in (
            ("C,,", roots),
            (",,", (leaf, self.intermediate.certificate, self.crossed)),
        ):
            for number, each in enumerate(chain):
                path = self.write("one", each)
                name = f"{trust}{number}"
                self.certutil(store, "-A", "-a", "-n", name, "-t", trust, "-i", path)
        return self.certutil(store, "-V", "-u", "V", "-n", ",,0")

    def certutil(self, store: Path, *words: str) -> str:
        """Run NSS' ``certutil`` on *store* and return what it says."""
        done = subprocess.run(
            [program("certutil"), "-d", f"sql:{store}", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def test_either(self) -> None:
        """Clients that trust one of them, or both, accept the leaf."""
        for trusted in ("former", "root", "both"):
            self.assertIn(": OK", self.openssl(trusted, self.leaf()), trusted)
            self.assertEqual(self.certtool(trusted, self.leaf()), 0, trusted)
            self.assertIn("certificate is valid", self.nss(trusted, self.leaf()))

    def test_constraints_hold(self) -> None:
        """Neither vouches for other people's names, whichever is trusted."""
        leaf = self.leaf("www.example.net")
        for trusted in ("former", "root", "both"):
            said = self.openssl(trusted, leaf)
            self.assertIn("permitted subtree violation", said, trusted)
            self.assertNotEqual(self.certtool(trusted, leaf), 0, trusted)
            self.assertIn("is not permitted to issue", self.nss(trusted, leaf))

    def test_servers_only(self) -> None:
        """It vouches for servers: name constraints say nothing of mail and of users."""
        key = self.intermediate.key
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
        mail = x509.SubjectAlternativeName([x509.RFC822Name("root@example.net")])
        forged = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(self.now - timedelta(hours=1))
            .not_valid_after(self.now + timedelta(days=1))
            .add_extension(mail, critical=False)
            .sign(self.root.key, hashes.SHA256())
        )
        path = self.write("forged", forged)
        for purpose in ("smimesign", "sslclient", "codesign"):
            done = subprocess.run(
                [
                    *(program("openssl"), "verify", "-purpose", purpose),
                    *("-CAfile", str(self.folder / "root"), path),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertNotEqual(done.returncode, 0, purpose)
            self.assertIn("purpose", done.stdout + done.stderr)

    def test_other_subject(self) -> None:
        """Without the subject of the one before, the path would be too long."""
        self.assertRaises(
            ValueError,
            certificates.crossed,
            new_root(),
            self.former,
            now=self.now,
            entropy=random,
        )
