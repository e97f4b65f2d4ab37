"""The hardening of the server's own process."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

RAISED = """\
import resource
from semaphore_twisted.start import hardening
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
hardening.allow_many_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


class FilesTests(SynchronousTestCase):
    """The limit of open files, in a process of its own."""

    def limits(self, soft: int, hard: int) -> tuple[int, ...]:
        """Return both limits after the call in a process that began with these."""
        done = subprocess.run(
            [sys.executable, "-c", RAISED.format(soft=soft, hard=hard)],
            capture_output=True,
            text=True,
            check=True,
        )
        return tuple(map(int, done.stdout.split()))

    def test_raised(self) -> None:
        """The soft limit becomes the hard one, which stays."""
        self.assertEqual(self.limits(512, 900), (900, 900))

    def test_enough(self) -> None:
        """A limit that is at its maximum is not changed."""
        self.assertEqual(self.limits(900, 900), (900, 900))
