"""The local CA while the server runs."""

from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.start.certificates.authority import Certificates
from semaphore_twisted.start.certificates.server_certificates import LocalCertificates
from tests.support.memory import Entropy

WHEN = datetime(2026, 2, 3, tzinfo=UTC)


class LocalTests(SynchronousTestCase):
    """The served certificate, and the log lines for a change."""

    def setUp(self) -> None:
        """Have one root."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        root = self.root("root.pem")
        self.made = Certificates(
            chain=root,
            key=root,
            root=root,
            fingerprint="one",
            not_covered=(),
            renewed=False,
        )
        self.local = LocalCertificates(self.made, lambda: succeed(self.made))

    def root(self, name: str) -> Path:
        """Write a fresh root, and return its file."""
        path = self.folder / name
        made = certificates.new_root(
            host="x", names=["x"], addresses=[], now=WHEN, entropy=Entropy()
        )
        path.write_bytes(made.certificate_pem)
        return path

    def check(self) -> list[str]:
        """Run one check, and return its log lines."""
        with capturedLogs() as events:
            self.successResultOf(self.local.renew())
        return [str(event["log_format"]) for event in events]

    def test_succession(self) -> None:
        """The next root is shown and logged once, and so is its start."""
        self.assertEqual(self.check(), [])
        current = self.local.roots.current
        assert current is not None
        self.assertEqual(current.pem, self.made.root.read_bytes())
        self.assertIsNone(self.local.roots.next)
        first = self.made
        path = self.root("next-root.pem")
        self.made = evolve(first, next_root=path, takes_over=WHEN)
        (said,) = self.check()
        self.assertIn("must trust it before", said)
        self.assertEqual(self.check(), [])
        coming = self.local.roots.next
        assert coming is not None
        self.assertEqual(coming.pem, path.read_bytes())
        self.assertEqual(self.local.roots.takes_over, WHEN)
        self.made = evolve(first, fingerprint="two")
        (said,) = self.check()
        self.assertIn("in use now", said)
        self.assertEqual(self.check(), [])

    def test_junk(self) -> None:
        """A file that holds something else is no root, until it does again."""
        pem = self.made.root.read_bytes()
        self.made.root.write_bytes(b"junk")
        self.check()
        self.assertIsNone(self.local.roots.current)
        self.made.root.write_bytes(pem)
        self.check()
        self.assertIsNotNone(self.local.roots.current)
