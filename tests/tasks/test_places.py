"""Tests of the folders of jobs."""

import fcntl
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.tasks.places import Places

TASK = TaskId(7)


class PlacesTests(SynchronousTestCase):
    """Spools and workspaces."""

    def setUp(self) -> None:
        """Choose two folders."""
        self.folder = Path(self.mktemp())
        self.places = Places(
            spools=self.folder / "jobs", workspaces=self.folder / "workspaces"
        )
        self.spool = Path(self.places.spool(TASK))

    def hold(self) -> None:
        """Do as a supervisor that lives."""
        lock = os.open(self.spool / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.addCleanup(os.close, lock)

    def test_make(self) -> None:
        """A spool is private, and made once."""
        made = Path(self.places.make(TASK))
        self.assertEqual(made, self.spool)
        self.assertEqual(made.stat().st_mode & 0o777, 0o700)
        self.assertRaises(FileExistsError, self.places.make, TASK)

    def test_states(self) -> None:
        """A spool with output or result has begun; one with neither has not."""
        self.assertEqual(self.places.state(TASK), "absent")
        self.places.make(TASK)
        (self.spool / "lock").touch()
        self.assertEqual(self.places.state(TASK), "unborn")
        (self.spool / "output").touch()
        self.assertEqual(self.places.state(TASK), "unborn")
        (self.spool / "output").write_bytes(b"x")
        self.assertEqual(self.places.state(TASK), "begun")

    def test_result(self) -> None:
        """A spool with a result has begun, even without output."""
        self.places.make(TASK)
        (self.spool / "result").write_bytes(b"{}")
        self.assertEqual(self.places.state(TASK), "begun")

    def test_alive(self) -> None:
        """B88: a spool whose lock is held has begun."""
        self.places.make(TASK)
        self.hold()
        self.assertEqual(self.places.state(TASK), "begun")

    def test_sweep(self) -> None:
        """What is left of tasks that have ended goes, but for live jobs."""
        self.places.make(TASK)
        self.hold()
        self.places.make(TaskId(8))
        self.places.make(TaskId(9))
        (self.places.workspaces / "task_9").mkdir(parents=True)
        (self.places.workspaces / "task_10").mkdir()
        (self.places.spools / "other").mkdir()
        self.places.sweep({8})
        left = sorted(path.name for path in self.places.spools.iterdir())
        self.assertEqual(left, ["other", "task_7", "task_8"])
        workspaces = [path.name for path in self.places.workspaces.iterdir()]
        self.assertEqual(workspaces, ["task_10"])

    def test_remove(self) -> None:
        """Removing what is not there is fine."""
        self.places.make(TASK)
        self.places.remove(TASK)
        self.places.remove(TASK)
        self.assertEqual(self.places.state(TASK), "absent")

    def test_shortage(self) -> None:
        """A disk with room gives no reason to wait."""
        self.assertIsNone(self.places.shortage())
