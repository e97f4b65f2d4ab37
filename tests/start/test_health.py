"""The health of certificate, disk, programs and versions."""

import shutil
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import parsing as config_options
from semaphore_twisted.crypto import certificates
from semaphore_twisted.model.apps import BUILT_IN
from semaphore_twisted.model.health import HealthFinding
from semaphore_twisted.persistence.ballast import Ballast, folder_of
from semaphore_twisted.start.health import InstallationHealth
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.state import StateDirectory
from tests.support.memory import Entropy, FixedClock
from tests.support.orders import options


class HealthTestCase(SynchronousTestCase):
    """An installation in a directory."""

    def setUp(self) -> None:
        """Have a directory with the reserve, and a certificate of 90 days."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.clock = FixedClock()
        root = certificates.new_root(
            host="x", names=["x"], addresses=[], now=self.clock(), entropy=Entropy()
        )
        pem = certificates.new_leaf(
            root, names=["x"], addresses=[], now=self.clock(), entropy=Entropy()
        )
        self.leaf: x509.Certificate | None = x509.load_pem_x509_certificate(
            pem.certificate_pem
        )
        self.reason = ""
        self.search_path = "/usr/bin:/bin"
        self.shortage: str | None = None
        Ballast(self.folder / "semaphore.db").restore()

    def found(self, subject: str, **environ: str) -> Sequence[HealthFinding]:
        """Return the findings about *subject*."""
        settings = config_options.parse(
            None,
            name="none",
            environ={f"SEMAPHORE_{name}": text for name, text in environ.items()},
            read=Path.read_bytes,  # type: ignore[arg-type]
        )
        health = InstallationHealth(
            installation=Installation(StateDirectory(self.folder), settings),
            jobs=options(self.folder, search_path=self.search_path),
            leaf=lambda: self.leaf,
            failure_reason=lambda: self.reason,
            shortage=lambda: self.shortage,
            now=self.clock,
        )
        return [each for each in health.findings(BUILT_IN) if each.subject == subject]


class CertificateHealthTests(HealthTestCase):
    """The certificate."""

    def test_good(self) -> None:
        """A new certificate is well, and the figure is the time that is left."""
        (found,) = self.found("tls")
        self.assertEqual((found.level, found.unit), ("ok", "seconds"))
        assert self.leaf is not None and found.value is not None
        end = self.leaf.not_valid_after_utc
        self.assertEqual(found.value, (end - self.clock()).total_seconds())
        self.assertEqual(
            found.sentence,
            f"The certificate of the local CA expires on {end:%Y-%m-%d}",
        )
        self.assertEqual(found.code, "valid")
        facts = {"origin": "local-ca", "end": end.isoformat(), "reason": ""}
        self.assertEqual(found.facts, facts)

    def test_late(self) -> None:
        """A certificate that is not renewed in time is a warning, then an error."""
        assert self.leaf is not None
        begin, end = self.leaf.not_valid_before_utc, self.leaf.not_valid_after_utc
        self.clock.time = begin + (end - begin) * 0.9
        self.assertEqual(self.found("tls")[0].level, "warning")
        self.clock.time = end + timedelta(hours=1)
        (found,) = self.found("tls")
        self.assertEqual((found.level, found.value), ("error", -3600))
        self.assertEqual(found.code, "expired")
        self.assertIn("expired on", found.sentence)

    def test_reason(self) -> None:
        """The reason of a failed renewal is told."""
        self.reason = "the file key.pem is not readable"
        (found,) = self.found("tls")
        self.assertEqual(found.level, "warning")
        self.assertIn("was not renewed: the file key.pem is not", found.sentence)
        self.assertEqual((found.code, found.facts["reason"]), ("late", self.reason))

    def test_none(self) -> None:
        """Without TLS a proxy is well, and plain HTTP is a warning."""
        self.leaf = None
        (found,) = self.found("tls", TLS_MODE="proxy")
        self.assertEqual((found.level, found.code), ("ok", "proxy"))
        (found,) = self.found("tls", TLS_ENABLED="false")
        self.assertEqual((found.level, found.code), ("warning", "plain"))


class MachineHealthTests(HealthTestCase):
    """Disk, programs and versions."""

    def test_disk(self) -> None:
        """The free space of each disk is told once."""
        (found,) = self.found("disk")
        self.assertIn("are free on the disk of", found.sentence)
        self.assertEqual((found.unit, found.code), ("bytes", "free"))
        self.assertEqual(found.facts["free"], found.value)
        self.assertEqual(set(found.facts), {"free", "total", "folder"})

    def test_full(self) -> None:
        """A disk that keeps tasks from starting, and a used reserve, are errors."""
        self.shortage = "only 3 MiB are free"
        (folder_of(self.folder / "semaphore.db") / "0").unlink()
        task, reserve, _ = self.found("disk")
        self.assertEqual((task.level, reserve.level), ("error", "error"))
        self.assertEqual(task.sentence, "No task can start: only 3 MiB are free")
        self.assertIn("reserved for urgent writes", reserve.sentence)
        self.assertEqual((task.code, reserve.code), ("full", "reserve"))
        self.assertEqual(task.facts, {"reason": self.shortage})

    def test_programs(self) -> None:
        """Each program that jobs do not find is a warning; optional ones are not."""
        self.search_path = str(self.folder)
        found = self.found("programs")
        self.assertEqual({each.level for each in found}, {"warning"})
        said = "".join(each.sentence for each in found)
        self.assertIn("git is missing", said)
        self.assertNotIn("sshpass", said)
        git = next(each for each in found if each.facts["program"] == "git")
        self.assertEqual(
            (git.code, git.facts["command"]), ("missing", "apt install git")
        )

    def test_versions(self) -> None:
        """The versions are one sentence."""
        (found,) = self.found("versions")
        self.assertRegex(found.sentence, r"^Semaphore \d.*, Python 3\..*OpenSSL \d")
