"""Attributes of this process, set in a child."""

import os
import sys

from twisted.internet.utils import getProcessOutput
from twisted.trial.unittest import TestCase

_CHILD = """
from pathlib import Path
from semaphore_twisted.common import prctl
prctl.prctl(prctl.NO_NEW_PRIVILEGES, 1)
prctl.hide_memory()
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("NoNewPrivs"):
        print(line.split()[1])
print(prctl._libc.prctl(3, 0, 0, 0, 0))
try:
    prctl.prctl(9999, 0)
except OSError as error:
    print(error)
"""


class PrctlTests(TestCase):
    """The kernel reports what was set."""

    async def test_set(self) -> None:
        """Attributes are set, and a refusal names the option and the reason."""
        content = await getProcessOutput(
            sys.executable, ["-c", _CHILD], env=dict(os.environ)
        )
        self.assertEqual(
            content.decode().splitlines(),
            ["1", "0", "[Errno 22] prctl 9999: Invalid argument"],
        )
