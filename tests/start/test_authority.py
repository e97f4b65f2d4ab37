"""The local CA on the disk: made once, renewed when due, lost with grace."""

import stat
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.persistence.schema import sealed_value
from semaphore_twisted.start import state
from semaphore_twisted.start.certificates import authority
from semaphore_twisted.start.certificates.authority import AuthorityLost, Certificates
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
        next_root: bool = False,
    ) -> Certificates:
        """Run one check."""
        with self.conn.transaction(write=True):
            return authority.ensure(
                self.conn,
                self.keyring,
                self.folder,
                names=names,
                addresses=addresses,
                new_root=new_root,
                next_root=next_root,
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
        """After two thirds of its life the leaf is renewed, the root stays."""
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
        """Checks over three years; no certificate outlives its issuer, or expires.

        The server checks each hour; a check each 25 hours is a harder test, happens
        at any hour of the day, and takes a fraction of the time.
        """
        names, addresses = ("box", "ci.internal"), ("192.0.2.7",)
        first = self.ensure(names, addresses)
        looked, chain = first, self.checked(first)
        made = 1
        for _ in range(3 * 365 * 24 // 25):
            self.clock.advance(25 * 3600)
            looked = self.ensure(names, addresses)
            if looked.renewed:
                chain = self.checked(looked)
                made += 1
            now = self.clock.time
            for each in chain:
                self.assertLess(each.not_valid_before_utc, now)
                self.assertLess(now, each.not_valid_after_utc)
        self.assertEqual(looked.fingerprint, first.fingerprint)
        # a new one each sixty days, and with each of the new intermediates
        self.assertIn(made, range(18, 26))

    def checked(self, made: Certificates) -> list[x509.Certificate]:
        """Return the chain with its root, each of which ends no later than the next."""
        chain = x509.load_pem_x509_certificates(made.chain.read_bytes())
        chain += x509.load_pem_x509_certificates(made.root.read_bytes())
        for lower, upper in pairwise(chain):
            lower.verify_directly_issued_by(upper)
            self.assertLessEqual(lower.not_valid_after_utc, upper.not_valid_after_utc)
        return chain

    def test_twelve_years(self) -> None:
        """The root gets a successor in its last year; the old one stays valid.

        There is a check each third day, which is harder than one each hour.
        """
        chain = self.checked(self.ensure())
        roots = [(self.folder / "root.pem").read_bytes()]
        coming, seen_before = b"", 0
        for _ in range(12 * 365 // 3):
            self.clock.advance(3 * 86_400)
            made = self.ensure()
            root = made.root.read_bytes()
            if made.next_root is not None:
                seen_before += 1
                coming = made.next_root.read_bytes()
            if root != roots[-1]:
                roots.append(root)
                self.assertEqual(root, coming)
            chain = x509.load_pem_x509_certificates(made.chain.read_bytes())
            for each in chain:
                self.assertLess(self.clock.time, each.not_valid_after_utc)
            former = x509.load_pem_x509_certificate(roots[0])
            # a client with the first root only trusts it until it expires
            if len(roots) > 1 and self.clock.time < former.not_valid_after_utc:
                chain[-1].verify_directly_issued_by(former)
                self.assertEqual(len(chain), 3)
        self.assertEqual(len(roots), 2)
        self.assertEqual(seen_before, 10)
        self.assertEqual(len(chain), 2)

    def ended(self) -> str:
        """Return the refusal of a look."""
        return str(self.assertRaises(AuthorityLost, self.ensure))

    def test_root_has_ended(self) -> None:
        """A root that ended unseen, or a clock that is wrong, replaces nothing."""
        self.ensure()
        before = sorted(path.read_bytes() for path in self.folder.iterdir())
        self.clock.advance(timedelta(days=3651).total_seconds())
        self.assertIn("if the clock is right", self.ended())
        after = sorted(path.read_bytes() for path in self.folder.iterdir())
        self.assertEqual(before, after)

    def test_late_next_root(self) -> None:
        """Where the old root ends within the month, the next one takes over before."""
        self.ensure()
        self.clock.advance(timedelta(days=3640).total_seconds())
        made = self.ensure(next_root=True)
        assert made.next_root is not None
        assert made.takes_over is not None
        coming = made.next_root.read_bytes()
        self.assertLess(made.takes_over, self.clock.time + timedelta(days=10))
        self.clock.advance(timedelta(days=10).total_seconds())
        self.assertEqual(self.ensure().root.read_bytes(), coming)
        self.assertFalse(self.ensure().renewed)

    def test_away_meanwhile(self) -> None:
        """A next root that clients know takes over, though the old one has ended."""
        self.ensure()
        self.clock.advance(timedelta(days=3600).total_seconds())
        made = self.ensure()
        assert made.next_root is not None
        coming = made.next_root.read_bytes()
        self.clock.advance(timedelta(days=100).total_seconds())
        over = self.ensure()
        self.assertEqual(over.root.read_bytes(), coming)
        chain = x509.load_pem_x509_certificates(over.chain.read_bytes())
        self.assertEqual(len(chain), 2)  # the cross-certificate is not needed any more

    def test_next_root(self) -> None:
        """On request the next root is shown for a month; then it takes over."""
        first = self.ensure()
        former = first.root.read_bytes()
        self.assertIsNone(first.former_root)
        names = (*NAMES, "elsewhere.example.com")
        shown = self.ensure(names, next_root=True)
        self.assertEqual(shown.fingerprint, first.fingerprint)
        self.assertEqual(shown.not_covered, ("elsewhere.example.com",))
        assert shown.next_root is not None
        coming = shown.next_root.read_bytes()
        self.assertEqual(self.ensure(names, next_root=True).next_root, shown.next_root)
        self.assertEqual(shown.next_root.read_bytes(), coming)  # it is not made again
        self.clock.advance(timedelta(days=29).total_seconds())
        self.assertEqual(self.ensure(names).fingerprint, first.fingerprint)
        self.clock.advance(timedelta(days=1).total_seconds())
        over = self.ensure(names)
        self.assertEqual(over.root.read_bytes(), coming)
        self.assertEqual((over.next_root, over.takes_over), (None, None))
        self.assertFalse(shown.next_root.exists())
        assert over.former_root is not None
        self.assertEqual(over.former_root.read_bytes(), former)
        self.assertEqual(over.not_covered, ())
        self.assertTrue(certificates.covers(self.leaf(), "elsewhere.example.com"))
        self.assertFalse(self.ensure(names).renewed)

    def test_next_root_lacks_a_name(self) -> None:
        """A name added after the next root was created needs another next root."""
        self.ensure()
        self.ensure(next_root=True)
        coming = (self.folder / authority.NEXT_ROOT).read_bytes()
        names = (*NAMES, "elsewhere.example.com")
        self.ensure(names)
        self.assertEqual((self.folder / authority.NEXT_ROOT).read_bytes(), coming)
        self.ensure(names, next_root=True)
        self.assertNotEqual((self.folder / authority.NEXT_ROOT).read_bytes(), coming)

    def test_new_root_instead(self) -> None:
        """A new authority at once forgets the next root and the former one."""
        self.ensure()
        self.ensure(next_root=True)
        self.clock.advance(timedelta(days=31).total_seconds())
        self.ensure()
        self.ensure(next_root=True)
        made = self.ensure(new_root=True)
        self.assertIsNone(made.next_root)
        self.assertIsNone(made.former_root)
        self.assertFalse((self.folder / authority.FORMER_ROOT).exists())
        chain = x509.load_pem_x509_certificates(made.chain.read_bytes())
        self.assertEqual(len(chain), 2)
        self.assertFalse(self.ensure().renewed)

    def test_files_are_lost(self) -> None:
        """Files that a crash prevented are written at the next check."""
        for _ in range(2):
            self.ensure()
            self.ensure(next_root=True)
            before = {path: path.read_bytes() for path in self.folder.iterdir()}
            for path in before:
                if path.name.endswith("root.pem"):
                    path.unlink()
            self.ensure()
            after = {path: path.read_bytes() for path in self.folder.iterdir()}
            self.assertEqual(before, after)
            self.clock.advance(timedelta(days=31).total_seconds())

    def test_new_name(self) -> None:
        """A name that the root permits is added to a new leaf; another is reported."""
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
        """A chain and a key that do not match, or are missing, are replaced."""
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
        """With a damaged key the server keeps its certificate while that is valid."""
        first = self.ensure()
        self.conn.update(sealed_value, authority.ROOT, uuid="other")
        self.assertEqual(self.ensure().fingerprint, first.fingerprint)
        self.clock.advance(timedelta(days=91).total_seconds())
        error = self.assertRaises(AuthorityLost, self.ensure)
        self.assertIn("--new-authority", str(error))
        self.assertTrue(self.ensure(new_root=True).renewed)

    def test_sealed(self) -> None:
        """No private key of the CA is in the store in clear."""
        self.ensure()
        rows = self.conn.raw.execute("SELECT * FROM sealed_value").fetchall()
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertTrue(str(row[2]).startswith("s1."))
