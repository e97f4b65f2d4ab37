"""The store on a full disk, and its reserve."""

import os
import resource
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Busy, NoRoom, Unwritable
from semaphore_twisted.persistence.ballast import Ballast, folder_of
from semaphore_twisted.persistence.database import Database
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.migrations.migrate import (
    VERSIONS,
    migrate,
    pending,
)
from semaphore_twisted.persistence.schema import option
from tests.support.disks import fill, free, own_mounts, small_disk
from tests.support.memory import memory_connection
from tests.support.threads import Inbox

_count = select(func.count()).select_from(option)


def _put(conn: Connection, key: str, size: int = 100) -> None:
    conn.insert(option, key=key, value="v" * size)


def _size(conn: Connection) -> int:
    return int(conn.scalar(_count))


def store(path: Path) -> None:
    """Make a store with the present schema."""
    raw = sqlite3.connect(path)
    memory_connection().raw.backup(raw)
    raw.close()


class DiskTestCase(SynchronousTestCase):
    """A store on a small disk of its own."""

    options = ""

    def setUp(self) -> None:
        """Mount the disk and open the store."""
        own_mounts(self)
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-disk-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        small_disk(self, self.folder, size="32m", options=self.options)
        self.path = self.folder / "semaphore.db"
        store(self.path)
        self.inbox = Inbox()
        self.open()
        self.addCleanup(self.close)

    def open(self) -> None:
        """Open the store."""
        self.database = Database(
            self.path, reactor=self.inbox, now=utc_now, entropy=os.urandom
        )
        self.database.startService()

    def close(self) -> None:
        """Close the store; its threads end."""
        self.wait(self.database.stopService())

    def wait(self, answer: Any) -> Any:
        """Wait for the store's threads."""
        return self.inbox.wait(answer)

    def exhaust(self) -> None:
        """Fill the disk, and write until the store has no room inside either."""
        fill(self.folder / "filler")
        for number in range(10_000):
            try:
                self.wait(self.database.write(_put, f"row-{number}", size=4000))
            except NoRoom:
                return
        self.fail("the disk did not fill")


class BallastTests(DiskTestCase):
    """Operations that are possible on a full disk."""

    def test_made(self) -> None:
        """The ballast takes its part of the disk, and is for the owner only."""
        folder = folder_of(self.path)
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        sizes = [each.stat().st_blocks * 512 for each in folder.iterdir()]
        self.assertEqual(sum(sizes), (32 << 20) // 32)

    def test_urgent(self) -> None:
        """Other writes are refused in words; urgent ones go on, and use little."""
        self.exhaust()
        urgent = self.database.writing(urgent=True, durable=True)
        before = self.wait(self.database.read(_size))
        for number in range(50):
            self.wait(urgent(_put, f"urgent-{number}"))
        self.assertEqual(self.wait(self.database.read(_size)), before + 50)
        with self.assertRaises(NoRoom) as caught:
            for number in range(10_000):
                self.wait(self.database.write(_put, f"late-{number}", size=4000))
        self.assertIn("full", caught.exception.message)
        self.wait(urgent(_put, "last"))

    def test_sparing(self) -> None:
        """Logs are refused while other writes still have room; then they continue."""
        fill(self.folder / "filler")
        with (self.folder / "filler").open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.truncate(size - (512 << 10))  # reserve: 2 MiB
        sparing = self.database.writing(sparing=True)
        self.assertRaises(NoRoom, self.wait, sparing(_put, "log"))
        self.wait(self.database.write(_put, "a"))
        (self.folder / "filler").unlink()
        self.wait(sparing(_put, "log"))

    def test_greedy_neighbor(self) -> None:
        """Space that an urgent write did not use is reserved again at once."""
        self.exhaust()
        urgent = self.database.writing(urgent=True)
        for number in range(20):
            self.wait(urgent(_put, f"urgent-{number}"))
            fill(self.folder / "filler")
        self.assertNotEqual(list(folder_of(self.path).iterdir()), [])

    def test_made_again(self) -> None:
        """Once there is room again, the next urgent write makes the ballast whole."""
        self.exhaust()
        urgent = self.database.writing(urgent=True)
        self.wait(urgent(_put, "a"))
        (self.folder / "filler").unlink()
        self.wait(urgent(_put, "b"))
        self.assertTrue(self.database._ballast and self.database._ballast.whole)
        self.wait(self.database.write(_put, "c"))

    def test_exhausted(self) -> None:
        """Where the ballast is used up as well, an urgent write is refused in words."""
        self.exhaust()
        while Ballast(self.path).release():
            fill(self.folder / "filler")
        urgent = self.database.writing(urgent=True)
        with self.assertRaises(NoRoom):
            for number in range(10_000):
                self.wait(urgent(_put, f"urgent-{number}", size=4000))

    def test_opened(self) -> None:
        """A store that was closed can be opened on a full disk."""
        self.exhaust()
        self.close()
        fill(self.folder / "filler")
        Ballast(self.path).make_room()
        self.open()
        self.wait(self.database.writing(urgent=True)(_put, "a"))

    def test_log_shrinks(self) -> None:
        """A large transaction leaves no large log behind."""
        log = self.path.with_name("semaphore.db-wal")

        def large(conn: Connection) -> None:
            for number in range(400):
                _put(conn, f"large-{number}", size=10_000)

        self.wait(self.database.write(large))
        grown = log.stat().st_size
        for number in range(3):
            self.wait(self.database.write(_put, f"small-{number}"))
        self.assertGreater(grown, 4_000_000)
        self.assertLessEqual(log.stat().st_size, 16 << 20)


class InodeTests(DiskTestCase):
    """A disk without free inodes."""

    options = "nr_inodes=40"

    def test_opened(self) -> None:
        """A store can be opened, written and closed where no file can be made."""
        self.close()
        with self.assertRaises(OSError):
            for number in range(100):
                (self.folder / f"file-{number}").touch()
        Ballast(self.path).make_room()
        self.open()
        self.wait(self.database.writing(urgent=True)(_put, "a"))
        self.assertGreater(free(self.folder), 0)


class FaultTests(DiskTestCase):
    """Other faults, each with its own answer."""

    def test_locked(self) -> None:
        """A lock of another program is named as one."""
        other = connect(self.path, now=utc_now, entropy=os.urandom)
        self.addCleanup(other.close)
        writing = self.database._writing
        assert writing is not None
        writing.raw.execute("PRAGMA busy_timeout=10")
        with other.transaction(write=True), self.assertRaises(Busy) as caught:
            self.wait(self.database.write(_put, "a"))
        self.assertIn("locked", caught.exception.message)
        self.wait(self.database.write(_put, "a"))

    def test_unwritable(self) -> None:
        """Another refusal of the system is named, and the store gets well again."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, before)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
        with self.assertRaises(Unwritable) as caught:
            for number in range(100):
                self.wait(self.database.write(_put, f"row-{number}", size=4000))
        self.assertIn("I/O error", caught.exception.message)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.wait(self.database.write(_put, "a"))


class UpgradeTests(SynchronousTestCase):
    """An upgrade on a disk that is nearly full."""

    def test_copy(self) -> None:
        """Without room for the copy of before nothing is changed, and nothing left."""
        own_mounts(self)
        folder = Path(tempfile.mkdtemp(prefix="semaphore-disk-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        disk = folder / "disk"
        small_disk(self, disk, size="16m")
        former = folder / "versions"
        shutil.copytree(VERSIONS, former)
        newest = max(former.glob("[0-9]*.py"))
        newest.unlink()
        path = disk / "semaphore.db"
        migrate(path, utc_now, versions=former)
        raw = sqlite3.connect(path, isolation_level=None)
        raw.execute("INSERT INTO option VALUES ('big', zeroblob(5000000))")
        raw.close()
        fill(disk / "filler")
        self.assertRaises(NoRoom, migrate, path, utc_now)
        left = sorted(each.name for each in disk.iterdir())
        self.assertEqual(left, ["filler", "semaphore.db"])
        (disk / "filler").unlink()
        migrate(path, utc_now)
        self.assertEqual(pending(path), [])
