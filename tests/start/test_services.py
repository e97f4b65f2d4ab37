"""Parts of the server's process."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config, TlsOptions
from semaphore_twisted.crypto import certificates
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start import services
from semaphore_twisted.start.installation import InstallationRefused
from tests.support.memory import Entropy


class CertificateTestCase(SynchronousTestCase):
    """A certificate and a key in two files."""

    def setUp(self) -> None:
        """Make a folder, and a CA of now."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.chain, self.key = self.folder / "chain.pem", self.folder / "key.pem"
        self.config = Config(
            tls=TlsOptions(cert_file=str(self.chain), key_file=str(self.key))
        )
        self.entropy = Entropy()
        self.root = certificates.new_root(
            host="box",
            names=["box"],
            addresses=[],
            now=utc_now(),
            entropy=self.entropy,
        )
        self.issue()

    def issue(self) -> None:
        """Write a fresh pair."""
        leaf = certificates.new_leaf(
            self.root,
            names=["box"],
            addresses=[],
            now=utc_now(),
            entropy=self.entropy,
        )
        self.chain.write_bytes(leaf.certificate_pem)
        self.key.write_bytes(leaf.key_pem)


class PairTests(CertificateTestCase):
    """The operator's pair."""

    def test_good(self) -> None:
        """A pair that fits is read."""
        source = services.own_pair(self.config)
        pem = source.leaf.public_bytes(serialization.Encoding.PEM)
        self.assertEqual(self.chain.read_bytes(), pem)

    def test_refused(self) -> None:
        """One that does not is refused by its option."""
        self.key.write_bytes(self.root.key_pem)
        error = self.assertRaises(InstallationRefused, services.own_pair, self.config)
        self.assertIn(
            f"tls.key_file {self.key}: the key is not the key", error.sentence
        )
        self.key.unlink()
        error = self.assertRaises(InstallationRefused, services.own_pair, self.config)
        self.assertIn("tls.key_file", error.sentence)
        self.assertEqual(error.exit_code, 78)
