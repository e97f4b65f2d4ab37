"""The removal of workspaces: secrets first."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.supervision import folder
from semaphore_twisted.jobs.supervision.event_loop import EventLoop
from semaphore_twisted.jobs.supervision.removal import Removal


class RemovalTests(SynchronousTestCase):
    """A workspace with a folder of secrets, and much else."""

    def setUp(self) -> None:
        """Create the workspace."""
        self.place = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.workspace = self.place / "job_1"
        self.secrets = self.workspace / "variables"
        (self.secrets / "deep" / "deeper").mkdir(parents=True)
        (self.secrets / "deep" / "deeper" / "secret").touch()
        self.many = self.workspace / "much"
        self.many.mkdir()
        for number in range(50):
            (self.many / str(number)).touch()

    def test_order(self) -> None:
        """Directories with secrets are removed before the rest is read."""
        self.addCleanup(os.chdir, Path.cwd())
        opened = os.open(self.workspace, os.O_RDONLY)
        self.addCleanup(os.close, opened)
        seen: list[list[str]] = []
        left = folder.empty(
            opened,
            {"variables"},
            lambda: seen.append([each.name for each in self.workspace.iterdir()]),
        )
        self.assertEqual((left, seen), ("", [["much"]]))
        self.assertEqual(list(self.workspace.iterdir()), [])

    def test_in_parts(self) -> None:
        """The first part is waited for, the rest only where that is wanted."""
        self.addCleanup(signal.signal, signal.SIGCHLD, signal.getsignal(signal.SIGCHLD))
        self.addCleanup(signal.set_wakeup_fd, signal.set_wakeup_fd(-1))
        waiter = EventLoop()
        removal = Removal(waiter, str(self.workspace), None, frozenset({"variables"}))
        removal.wait(0)
        self.assertFalse(self.secrets.exists())
        self.assertEqual(removal.finish(), "")
        self.assertTrue(removal.done)
        self.assertFalse(self.workspace.exists())

    def test_link(self) -> None:
        """A link in its place is removed, and its target stays."""
        link = self.place / "link"
        link.symlink_to(self.workspace)
        self.addCleanup(signal.signal, signal.SIGCHLD, signal.getsignal(signal.SIGCHLD))
        self.addCleanup(signal.set_wakeup_fd, signal.set_wakeup_fd(-1))
        removal = Removal(EventLoop(), str(link), None)
        self.assertEqual((removal.wait(0), removal.finish()), (True, ""))
        self.assertFalse(link.is_symlink())
        self.assertTrue(self.secrets.exists())
