"""The numbers of users that jobs share out."""

import errno
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
        self.spools = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.spools)
        self.identities = Identities(range(FIRST, FIRST + 3), self.spools)

    def spool(self, name: str, content: str) -> Path:
        """Make a spool whose job has *content* as what remains of it."""
        place = self.spools / name
        place.mkdir()
        (place / REMAINS).write_text(content)
        return place

    def test_free(self) -> None:
        """A number that a spool names is in use, whatever the spool is called."""
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
        identities = Identities(range(FIRST, FIRST + 1), self.spools, 7)
        self.assertEqual(identities.free(), (FIRST, 7))

    def test_processes(self) -> None:
        """A number under which a process runs is in use."""
        mine = Path("/proc/self").stat().st_uid
        identities = Identities(range(mine, mine + 1), self.spools)
        error = self.assertRaises(OSError, identities.free)
        self.assertEqual(error.errno, errno.EAGAIN)
        self.assertIn("process.uid_range: all 1 numbers", str(error.strerror))

    def test_no_folder(self) -> None:
        """Before the first job there is no folder."""
        identities = Identities(range(FIRST, FIRST + 1), self.spools / "none")
        self.assertEqual(identities.free()[0], FIRST)
