"""The unit of the VPN's companion, as systemd reads it."""

import configparser
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.programs import needs

UNIT = Path(__file__).parents[2] / "etc" / "systemd" / "semaphore-vpn.service"


class UnitTests(SynchronousTestCase):
    """The privileges of the companion's unit."""

    def setUp(self) -> None:
        """Put a copy that names this machine's programs into a folder."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder)
        self.copy = folder / UNIT.name
        programs = str(Path(sys.executable).parent)
        self.text = UNIT.read_text()
        self.copy.write_text(self.text.replace("/opt/semaphore/bin", programs))

    def analyze(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``systemd-analyze`` on the copy."""
        return subprocess.run(
            ["systemd-analyze", *words, str(self.copy)],
            capture_output=True,
            text=True,
            check=False,
        )

    @needs("systemd-analyze")
    def test_verify(self) -> None:
        """Systemd finds nothing wrong with it."""
        done = self.analyze("verify")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    @needs("systemd-analyze")
    def test_exposure(self) -> None:
        """Its exposure is 2.2 or less, of 10."""
        done = self.analyze("security", "--offline=yes", "--threshold=22", "--no-pager")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_rights(self) -> None:
        """It has one capability and one device, and leaves the tunnel up."""
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(self.text)
        service = unit["Service"]
        self.assertEqual(service["AmbientCapabilities"], "CAP_NET_ADMIN")
        self.assertEqual(service["CapabilityBoundingSet"], "CAP_NET_ADMIN")
        self.assertEqual(service["DeviceAllow"], "/dev/net/tun rw")
        self.assertEqual(service["KillMode"], "process")
        self.assertEqual(service["RuntimeDirectoryPreserve"], "yes")
        self.assertEqual(service["User"], "semaphore-vpn")
        server = UNIT.with_name("semaphore.service").read_text()
        self.assertIn(f"\nGroup={service['SupplementaryGroups']}\n", server)
        self.assertNotIn("ProtectKernelTunables", service)
        self.assertNotIn("ListenStream", self.text)
