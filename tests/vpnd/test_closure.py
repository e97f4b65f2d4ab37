"""The companion runs with a capability of root, so it loads little code."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

#: Lines, with docstrings and comments, of all modules that a program loads.
COMPANION, DOCTOR = 5_650, 1_250

_COUNT = """
import importlib
import sys
from pathlib import Path

importlib.import_module(sys.argv[1])
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "semaphore_twisted":
        print(name, len(Path(module.__file__).read_text().splitlines()))
"""

#: Packages of the server, which the companion does not load.
FOREIGN = ("cli", "crypto", "interfaces", "operations", "persistence", "tasks", "web")


def loaded(module: str) -> dict[str, int]:
    """Return the modules that a fresh interpreter loads with *module*, and lines."""
    printed = subprocess.run(
        [sys.executable, "-c", _COUNT, f"semaphore_twisted.vpnd.{module}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = (line.split() for line in printed.splitlines())
    return {name.partition(".")[2]: int(count) for name, count in rows}


class ClosureTests(SynchronousTestCase):
    """The modules of this package that the privileged programs load."""

    def test_companion(self) -> None:
        """The companion's stay below the limit, and none is the server's alone."""
        lines = loaded("tap") | loaded("without_capability")
        self.assertIn("vpnd.companion", lines)
        total = sum(lines.values())
        self.assertLessEqual(total, COMPANION, f"{total} lines: {lines}")
        packages = {name.partition(".")[0] for name in lines}
        self.assertEqual(packages.intersection(FOREIGN), set())

    def test_doctor(self) -> None:
        """The program that inspects the machine has a closure of its own."""
        lines = loaded("doctor")
        total = sum(lines.values())
        self.assertLessEqual(total, DOCTOR, f"{total} lines: {lines}")
        self.assertNotIn("vpnd.doctor", loaded("tap"))
