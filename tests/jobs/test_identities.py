"""The numbers of users that jobs share out."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.identities import REMAINS, Identities

FIRST = 1900000300


class IdentitiesTests(SynchronousTestCase):
    """A folder of spools."""

    def setUp(self) -> None:
        """Make it, with three numbers."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.spools, self.workspaces = self.folder / "jobs", self.folder / "w"
        self.spools.mkdir()
        self.identities = self.of(range(FIRST, FIRST + 3))

    def of(self, uids: range, gid: int | None = None) -> Identities:
        """Return the identities *uids* of these folders."""
        return Identities(uids, self.spools, self.workspaces, gid)

    def spool(self, name: str, content: str) -> Path:
        """Make a spool whose job has *content* as what remains of it."""
        place = self.spools / name
        place.mkdir()
        (place / REMAINS).write_text(content)
        return place

    def test_free(self) -> None:
        """A user id that a spool names is in use, with any name of the spool."""
        self.assertEqual(self.identities.free(), (FIRST, FIRST))
        self.spool("task_1", f'{{"mark": "m", "uid": {FIRST}, "gid": {FIRST}}}')
        self.assertEqual(self.identities.free()[0], FIRST + 1)
        place = self.spool("0f3a", f'{{"uid": {FIRST + 1}}}')
        self.assertEqual(self.identities.free()[0], FIRST + 2)
        shutil.rmtree(place)
        self.assertEqual(self.identities.free()[0], FIRST + 1)

    def test_other_spools(self) -> None:
        """Spools without a user, cut off or empty use none."""
        self.spool("task_1", '{"uid": null}')
        self.spool("task_2", '{"uid": 19000')
        self.spool("task_3", "")
        (self.spools / "task_4").mkdir()
        self.assertEqual(self.identities.free()[0], FIRST)

    def test_group(self) -> None:
        """All jobs may have one group."""
        identities = self.of(range(FIRST, FIRST + 1), 7)
        self.assertEqual(identities.free(), (FIRST, 7))

    def test_processes(self) -> None:
        """A number under which a process runs is in use."""
        mine = os.geteuid()
        identities = self.of(range(mine, mine + 1))
        error = self.assertRaises(OSError, identities.free)
        self.assertEqual(error.errno, errno.EAGAIN)
        self.assertIn("process.uid_range: all 1 numbers", str(error.strerror))

    def test_no_folder(self) -> None:
        """Before the first job there is no folder."""
        self.spools.rmdir()
        self.assertEqual(self.identities.free()[0], FIRST)

    def test_workspaces(self) -> None:
        """A number is in use while a workspace is its, without a spool as well."""
        if os.geteuid() != 0:
            self.skipTest("only root can make files of another user")
        self.workspaces.mkdir()
        (self.workspaces / "job_1").mkdir()
        os.chown(self.workspaces / "job_1", FIRST, FIRST)
        self.assertEqual(self.identities.free()[0], FIRST + 1)
