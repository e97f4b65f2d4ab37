"""The companion runs with a capability of root, so it loads little code."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

#: Lines, with docstrings and comments, of all modules that the companion loads.
MOST = 7_400

_COUNT = """
import sys
from pathlib import Path

import semaphore_twisted.vpnd.tap

for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "semaphore_twisted":
        print(name, len(Path(module.__file__).read_text().splitlines()))
"""

#: Packages of the server, which the companion does not load.
FOREIGN = ("cli", "crypto", "interfaces", "operations", "persistence", "tasks", "web")


class ClosureTests(SynchronousTestCase):
    """The modules of this package that a fresh interpreter loads with the companion."""

    def setUp(self) -> None:
        """Load the companion."""
        printed = subprocess.run(
            [sys.executable, "-c", _COUNT], capture_output=True, text=True, check=True
        ).stdout
        self.lines = {
            name: int(count)
            for name, count in (line.split() for line in printed.splitlines())
        }

    def test_lines(self) -> None:
        """They stay below the limit."""
        self.assertIn("semaphore_twisted.vpnd.companion", self.lines)
        total = sum(self.lines.values())
        self.assertLessEqual(total, MOST, f"{total} lines: {self.lines}")

    def test_packages(self) -> None:
        """None belongs to a package of the server alone."""
        loaded = {name.split(".")[1] for name in self.lines if "." in name}
        self.assertEqual(loaded.intersection(FOREIGN), set())
