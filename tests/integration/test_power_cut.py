"""Data on the disk at the removal of a job's spool, observed by strace."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.product import TIMEOUT, Product
from tests.support.programs import program

_CALLS = "pwrite64,fdatasync,fsync,unlink,unlinkat,rmdir"


class PowerCutTests(SynchronousTestCase):
    """A server whose calls of the system are watched."""

    def setUp(self) -> None:
        """Start it, and watch it."""
        if os.geteuid() != 0:
            self.skipTest("only root may watch a process that hides its memory")
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-power-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.product = Product(self.folder / "state")
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()
        self.trace = self.folder / "trace"

    def watch(self) -> "subprocess.Popen[bytes]":
        """Attach strace to the server and all of its threads."""
        assert self.product.process is not None
        pid = self.product.process.pid
        watching = subprocess.Popen(
            [
                program("strace"),
                "-f",
                "-y",
                "-p",
                str(pid),
                "-e",
                _CALLS,
                "-o",
                self.trace,
            ],
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self.end, watching)
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        deadline = time.monotonic() + TIMEOUT
        while self.traced(pid) < threads:
            if watching.poll() is not None:
                self.skipTest("this machine lets no process be watched")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        return watching

    def traced(self, pid: int) -> int:
        """Return how many threads of a process are watched."""
        texts = [
            (each / "status").read_text()
            for each in Path(f"/proc/{pid}/task").iterdir()
        ]
        return sum("TracerPid:\t0\n" not in text for text in texts)

    def end(self, watching: "subprocess.Popen[bytes]") -> None:
        """Let the server go."""
        if watching.poll() is None:
            watching.terminate()
        watching.wait(TIMEOUT)

    def test_end(self) -> None:
        """The commit that ends a task is on the disk before its spool is removed."""
        project, template = self.product.script(
            self.folder / "up", "bash", "echo a line\n"
        )
        watching = self.watch()
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        spools = self.product.state / "jobs"
        deadline = time.monotonic() + TIMEOUT
        while any(spools.iterdir()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.end(watching)
        calls = self.trace.read_text().splitlines()
        log = re.escape(f"{self.product.state}/semaphore.db-wal")
        removed = next(
            index
            for index, call in enumerate(calls)
            if re.search(r" (unlink|unlinkat|rmdir)\(", call) and str(spools) in call
        )
        before = calls[:removed]
        written = _last(before, rf" pwrite64\(\d+<{log}>")
        synced = _last(before, rf" f(data)?sync\(\d+<{log}>")
        self.assertGreater(synced, written, "\n".join(calls[written : removed + 1]))


def _last(calls: list[str], pattern: str) -> int:
    """Return where the last of *calls* is that fits *pattern*."""
    return max(index for index, call in enumerate(calls) if re.search(pattern, call))
