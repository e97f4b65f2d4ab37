"""The server's unit and its drop-ins, as systemd reads them."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.programs import needs

TREE = Path(__file__).parents[2]
UNIT = TREE / "etc" / "systemd" / "semaphore.service"
LEAST = UNIT.with_name("semaphore.service.d") / "least.conf"


@needs("systemd-analyze")
class UnitTests(SynchronousTestCase):
    """The unit as it is, and with the fewest rights."""

    def setUp(self) -> None:
        """Put copies that name this machine's programs into a tree of their own."""
        self.root = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.folder = self.root / "etc" / "systemd" / "system"
        self.folder.mkdir(parents=True)
        self.copy = self.folder / UNIT.name
        programs = str(Path(sys.executable).parent)
        text = UNIT.read_text().replace("/opt/semaphore/bin", programs)
        self.copy.write_text(text)

    def lay_over(self) -> None:
        """Install the drop-in for the unit."""
        place = self.folder / LEAST.parent.name
        place.mkdir()
        shutil.copy(LEAST, place)

    def exposure(self) -> float:
        """Return the exposure by ``systemd-analyze security``, 0 to 10."""
        done = subprocess.run(
            [
                *("systemd-analyze", "security", "--offline=yes", "--no-pager"),
                *(f"--root={self.root}", UNIT.name),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"Overall exposure level.*: ([\d.]+)", done.stdout)
        assert found is not None, done.stderr
        return float(found[1])

    def test_verify(self) -> None:
        """Systemd finds nothing wrong with either."""
        for _ in range(2):
            done = subprocess.run(
                ["systemd-analyze", "verify", str(self.copy)],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with self.copy.open("a") as file:
                file.write(LEAST.read_text())

    def test_exposure(self) -> None:
        """The exposure is at most the documented one."""
        text = (TREE / "docs" / "vpn.md").read_text()
        plain, least = (
            float(found)
            for found in re.findall(
                r"^\| `semaphore\.service`.* \| ([\d.]+) \|$", text, re.MULTILINE
            )
        )
        self.assertLessEqual(self.exposure(), plain)
        self.lay_over()
        self.assertLessEqual(self.exposure(), least)
