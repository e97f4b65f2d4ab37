"""Tests of the folders of jobs."""

import fcntl
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.tasks.job_directories import JobDirectories, job_name_of

UUID = "01234567-89ab-4cde-8f01-23456789abcd"
PLACE = job_name_of(UUID)


class PlacesTests(SynchronousTestCase):
    """Spools and workspaces."""

    def setUp(self) -> None:
        """Choose two folders."""
        self.folder = Path(self.mktemp())
        self.directories = JobDirectories(
            spools=self.folder / "jobs", workspaces=self.folder / "workspaces"
        )
        self.spool = Path(self.directories.spool(PLACE))

    def hold(self) -> None:
        """Do as a supervisor that lives."""
        lock = os.open(self.spool / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.addCleanup(os.close, lock)

    def test_make(self) -> None:
        """A spool is private, and made once."""
        made = Path(self.directories.make(PLACE))
        self.assertEqual(made, self.spool)
        self.assertEqual(made.stat().st_mode & 0o777, 0o700)
        self.assertRaises(FileExistsError, self.directories.make, PLACE)

    def test_states(self) -> None:
        """A spool with output or result has begun; one with neither has not."""
        self.assertEqual(self.directories.state(PLACE), "absent")
        self.directories.make(PLACE)
        (self.spool / "lock").touch()
        self.assertEqual(self.directories.state(PLACE), "unborn")
        (self.spool / "output").touch()
        self.assertEqual(self.directories.state(PLACE), "unborn")
        (self.spool / "output").write_bytes(b"x")
        self.assertEqual(self.directories.state(PLACE), "begun")

    def test_result(self) -> None:
        """A spool with a result has begun, even without output."""
        self.directories.make(PLACE)
        (self.spool / "result").write_bytes(b"{}")
        self.assertEqual(self.directories.state(PLACE), "begun")

    def test_alive(self) -> None:
        """A spool whose lock is held has begun."""
        self.directories.make(PLACE)
        self.hold()
        self.assertEqual(self.directories.state(PLACE), "begun")

    def test_sweep(self) -> None:
        """Remains of jobs that have ended go; those that run are told."""
        self.directories.make(PLACE)
        self.hold()
        for name in ("task_8", "task_9", "job_0000000000000000", "job_other"):
            self.directories.make(name)
        for name in ("task_9", "task_10"):
            (self.directories.workspaces / name).mkdir(parents=True)
        for folder in (self.directories.spools, self.directories.workspaces):
            (folder / "other").mkdir()
        self.assertEqual(self.directories.sweep({"task_8"}), [PLACE])
        left = sorted(path.name for path in self.directories.spools.iterdir())
        self.assertEqual(left, [PLACE, "job_other", "other", "task_8"])
        workspaces = [path.name for path in self.directories.workspaces.iterdir()]
        self.assertEqual(workspaces, ["other"])
        self.assertEqual(self.directories.sweep({"task_8", PLACE}), [])

    def test_shared_workspaces(self) -> None:
        """Workspaces without a spool stay where another server may have them."""
        elsewhere = JobDirectories(
            spools=self.directories.spools, workspaces=self.folder / "x" / "w"
        )
        (elsewhere.workspaces / PLACE).mkdir(parents=True)
        self.assertEqual(elsewhere.sweep(frozenset()), [])
        self.assertTrue((elsewhere.workspaces / PLACE).is_dir())

    def test_find(self) -> None:
        """A job that a former version started is found by its task's number."""
        self.assertEqual(self.directories.find(UUID, TaskId(7)), PLACE)
        self.directories.make("task_7")
        self.assertEqual(self.directories.find(UUID, TaskId(7)), "task_7")
        self.assertEqual(self.directories.find(UUID, TaskId(8)), PLACE)
        self.directories.make(PLACE)
        self.assertEqual(self.directories.find(UUID, TaskId(7)), PLACE)

    def test_remove(self) -> None:
        """Removing what is not there is fine."""
        self.directories.make(PLACE)
        self.directories.remove(PLACE)
        self.directories.remove(PLACE)
        self.assertEqual(self.directories.state(PLACE), "absent")

    def test_shortage(self) -> None:
        """A disk with room gives no reason to wait."""
        self.assertIsNone(self.directories.shortage())
