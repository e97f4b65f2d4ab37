"""The local authority on the disk: made once, renewed when due, lost with grace."""

import stat
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.persistence.schema import sealed_value
from semaphore_twisted.start import authority, state
from semaphore_twisted.start.authority import AuthorityLost, Certificates
from tests.support.memory import Entropy, FixedClock, memory_connection

NAMES = ("localhost", "box", "box.example.org")
ADDRESSES = ("127.0.0.1", "::1", "192.0.2.7")


class AuthorityTests(SynchronousTestCase):
    """One folder and one store."""

    def setUp(self) -> None:
        """Begin with an empty folder."""
        self.folder = Path(self.mktemp())
        state.make_folder(self.folder)
        self.clock = FixedClock()
        self.conn = memory_connection(clock=self.clock)
        self.keyring = Keyring(MasterKey(bytes(32)), entropy=Entropy())

    def ensure(
        self,
        names: tuple[str, ...] = NAMES,
        addresses: tuple[str, ...] = ADDRESSES,
        *,
        new_root: bool = False,
    ) -> Certificates:
        """Look once."""
        with self.conn.transaction(write=True):
            return authority.ensure(
                self.conn,
                self.keyring,
                self.folder,
                names=names,
                addresses=addresses,
                new_root=new_root,
            )

    def leaf(self) -> x509.Certificate:
        """Return the server's certificate."""
        return x509.load_pem_x509_certificates(
            (self.folder / "chain.pem").read_bytes()
        )[0]

    def test_first(self) -> None:
        """The first look makes root, chain and key; only certificates may be read."""
        made = self.ensure()
        self.assertTrue(made.renewed)
        self.assertEqual(made.not_covered, ())
        for name in (*NAMES, *ADDRESSES):
            self.assertTrue(certificates.covers(self.leaf(), name), name)
        root = x509.load_pem_x509_certificate(made.root.read_bytes())
        self.assertEqual(made.fingerprint, certificates.fingerprint(root))
        self.assertEqual(stat.S_IMODE(made.key.stat().st_mode), 0o600)
        self.assertNotIn(b"PRIVATE", made.root.read_bytes() + made.chain.read_bytes())

    def test_again(self) -> None:
        """A second look changes nothing."""
        self.ensure()
        before = [path.read_bytes() for path in sorted(self.folder.iterdir())]
        self.assertFalse(self.ensure().renewed)
        after = [path.read_bytes() for path in sorted(self.folder.iterdir())]
        self.assertEqual(before, after)

    def test_renewed_in_time(self) -> None:
        """After two thirds of its life the leaf is made anew, the root stays."""
        first = self.ensure()
        serial = self.leaf().serial_number
        self.clock.advance(timedelta(days=59).total_seconds())
        self.assertFalse(self.ensure().renewed)
        self.clock.advance(timedelta(days=2).total_seconds())
        second = self.ensure()
        self.assertTrue(second.renewed)
        self.assertNotEqual(self.leaf().serial_number, serial)
        self.assertEqual(second.fingerprint, first.fingerprint)

    def test_three_years(self) -> None:
        """Over three years of monthly looks the chain is valid at each moment."""
        first = self.ensure()
        for _ in range(36):
            self.clock.advance(timedelta(days=29).total_seconds())
            looked = self.ensure()
            chain = x509.load_pem_x509_certificates(looked.chain.read_bytes())
            self.assertEqual(looked.fingerprint, first.fingerprint)
            for each in chain:
                self.assertLess(self.clock.time, each.not_valid_after_utc)

    def test_new_name(self) -> None:
        """A name that the root permits comes into a new leaf; another is reported."""
        self.ensure()
        made = self.ensure((*NAMES, "box.internal", "elsewhere.example.com"))
        self.assertTrue(made.renewed)
        self.assertEqual(made.not_covered, ("elsewhere.example.com",))
        self.assertTrue(certificates.covers(self.leaf(), "box.internal"))

    def test_new_root(self) -> None:
        """On request there is a new root, for the names of now."""
        first = self.ensure()
        names = (*NAMES, "elsewhere.example.com")
        second = self.ensure(names, new_root=True)
        self.assertNotEqual(first.fingerprint, second.fingerprint)
        self.assertEqual(second.not_covered, ())
        self.assertFalse(self.ensure(names).renewed)

    def test_torn(self) -> None:
        """Chain and key that do not fit, or are missing, are made anew."""
        made = self.ensure()
        other = certificates.new_leaf(
            certificates.new_root(
                host="x",
                names=["x"],
                addresses=[],
                now=self.clock.time,
                entropy=Entropy(),
            ),
            names=["x"],
            addresses=[],
            now=self.clock.time,
            entropy=Entropy(),
        )
        made.key.write_bytes(other.key_pem)
        self.assertTrue(self.ensure().renewed)
        made.chain.unlink()
        self.assertTrue(self.ensure().renewed)

    def test_damaged(self) -> None:
        """A damaged key leaves the server with what it has, while that is valid."""
        first = self.ensure()
        self.conn.update(sealed_value, authority.ROOT, uuid="other")
        self.assertEqual(self.ensure().fingerprint, first.fingerprint)
        self.clock.advance(timedelta(days=91).total_seconds())
        error = self.assertRaises(AuthorityLost, self.ensure)
        self.assertIn("--new-authority", str(error))
        self.assertTrue(self.ensure(new_root=True).renewed)

    def test_sealed(self) -> None:
        """B12: no private key of the authority is in the store in clear."""
        self.ensure()
        rows = self.conn.raw.execute("SELECT * FROM sealed_value").fetchall()
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertTrue(str(row[2]).startswith("s1."))
