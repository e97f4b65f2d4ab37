"""Records of programs with patience, which a cleanup reads."""

import os
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.supervision import patience


class RecordTests(SynchronousTestCase):
    """In a spool, which is the current directory."""

    def setUp(self) -> None:
        """Enter a spool."""
        self.addCleanup(os.chdir, Path.cwd())
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.chdir(folder.name)

    def test_living(self) -> None:
        """Programs are found by their role as long as they live."""
        self.assertEqual(patience.living(patience.PROGRAM), {})
        with subprocess.Popen(["sleep", "60"]) as program:
            patience.record(patience.PROGRAM, program.pid, 300)
            patience.record(patience.SERVICE, os.getpid(), 35)
            self.assertEqual(patience.living(patience.PROGRAM), {program.pid: 300})
            self.assertEqual(patience.living(patience.SERVICE), {os.getpid(): 35})
            program.kill()
            os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
            self.assertEqual(patience.living(patience.PROGRAM), {})
        self.assertEqual(patience.living(patience.PROGRAM), {})

    def test_other_process(self) -> None:
        """A later process of the same number is not taken for the program."""
        Path("patient").write_text(f"program {os.getpid()} 1 300\nprogram 1")
        self.assertEqual(patience.living(patience.PROGRAM), {})

    def test_full_disk(self) -> None:
        """A record that cannot be written is left out."""
        Path("patient").symlink_to("/dev/full")
        patience.record(patience.PROGRAM, os.getpid(), 300)
        Path("patient").unlink()
        patience.record(patience.PROGRAM, 2**22 + 1, 300)
        self.assertEqual(patience.living(patience.PROGRAM), {})
