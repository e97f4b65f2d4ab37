"""The copy of a database in use."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli import backup
from semaphore_twisted.persistence.engine import connect, utc_now
from tests.support.disks import own_mounts, small_disk
from tests.support.folders import FolderTestCase
from tests.support.product import clean_environment, run_here

_TIMEOUT = 60


class CopyTests(SynchronousTestCase):
    """One database that is written to."""

    def setUp(self) -> None:
        """Make a database with a write-ahead log."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.database, self.target = folder / "a.db", folder / "copy.db"
        self.conn = connect(self.database, now=utc_now, entropy=bytes)
        self.addCleanup(self.conn.close)
        self.conn.raw.execute("CREATE TABLE pair (left INTEGER, right INTEGER)")

    def test_bodies(self) -> None:
        """The bodies of webhooks' deliveries are not copied."""
        self.conn.raw.execute(
            "CREATE TABLE project__integration_delivery (id INTEGER, body BLOB)"
        )
        self.conn.raw.execute(
            "INSERT INTO project__integration_delivery VALUES (1, 'Zx9-marker')"
        )
        backup.copy(self.database, self.target)
        self.assertNotIn(b"Zx9-marker", self.target.read_bytes())
        with sqlite3.connect(self.target) as copied:
            rows = copied.execute("SELECT * FROM project__integration_delivery")
            self.assertEqual(rows.fetchall(), [(1, None)])
        copied.close()

    def test_one_moment(self) -> None:
        """The copy has the state of one moment, despite concurrent writes."""
        ended = threading.Event()

        def write() -> None:
            conn = connect(self.database, now=utc_now, entropy=bytes)
            number = 0
            while not ended.is_set():
                number += 1
                with conn.transaction(write=True):
                    conn.raw.execute("INSERT INTO pair VALUES (?, 0)", (number,))
                    conn.raw.execute("UPDATE pair SET right = ?", (number,))
            conn.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            size = backup.copy(self.database, self.target)
        finally:
            ended.set()
            writer.join()
        self.assertEqual(size, self.target.stat().st_size)
        with sqlite3.connect(self.target) as copied:
            rows = copied.execute("SELECT left, right FROM pair").fetchall()
        copied.close()
        self.assertEqual({right for _, right in rows}, {len(rows)} if rows else set())

    def test_one_file(self) -> None:
        """The copy needs no further file."""
        self.conn.raw.execute("INSERT INTO pair VALUES (1, 2)")
        backup.copy(self.database, self.target)
        names = {each.name for each in self.target.parent.glob("copy*")}
        self.assertEqual(names, {"copy.db"})

    def test_no_database(self) -> None:
        """A file that is no database is not copied."""
        self.target.with_name("b.db").write_bytes(b"x" * 8192)
        self.assertRaises(
            sqlite3.DatabaseError,
            backup.copy,
            self.target.with_name("b.db"),
            self.target,
        )

    def test_beside_commits(self) -> None:
        """A commit during the copy does not restart it."""
        fill(self.conn.raw, rows=400)
        looks = 0

        def commit() -> bool:
            nonlocal looks
            looks += 1
            with self.conn.transaction(write=True):
                self.conn.raw.execute("INSERT INTO pair VALUES (?, 1)", (looks,))
            return False

        backup.copy(self.database, self.target, ended=commit, steps=100)
        self.assertGreater(looks, 5)
        with sqlite3.connect(self.target) as copied:
            (count,) = copied.execute("SELECT count(*) FROM pair").fetchone()
        copied.close()
        self.assertEqual(count, 0)


def fill(raw: sqlite3.Connection, *, rows: int) -> None:
    """Put *rows* of 10 kB into a database."""
    raw.execute("CREATE TABLE filler (id INTEGER PRIMARY KEY, content BLOB)")
    raw.execute("BEGIN")
    for _ in range(rows):
        raw.execute("INSERT INTO filler (content) VALUES (?)", (os.urandom(10_000),))
    raw.execute("COMMIT")


class CommandTests(FolderTestCase):
    """``semaphore backup`` as a program."""

    def setUp(self) -> None:
        """Make a state directory with a database, and a place for copies."""
        super().setUp()
        self.state = self.folder / "state"
        self.state.mkdir(0o700)
        self.database = self.state / "semaphore.db"
        with sqlite3.connect(self.database) as raw:
            raw.execute("CREATE TABLE pair (left INTEGER, right INTEGER)")
        raw.close()
        self.place = self.folder / "copies"
        self.place.mkdir(0o755)
        self.target = self.place / "copy.db"

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Start the command."""
        return subprocess.Popen(
            [
                str(Path(sys.executable).with_name("semaphore")),
                "backup",
                *words,
                "--state",
                str(self.state),
            ],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_command(self, *words: str) -> tuple[int, str]:
        """Run the command; return its exit code and standard error."""
        process = self.begin(*words)
        _, said = process.communicate(timeout=_TIMEOUT)
        return process.returncode, said

    def refused(self, target: Path, *words: str, because: str) -> None:
        """Check that a copy to *target* is refused in one line, in this process."""
        done = run_here(
            clean_environment(),
            *("backup", str(target), *words, "--state", str(self.state)),
        )
        code, said = done.returncode, done.stderr
        self.assertEqual(code, 1, said)
        self.assertIn(because, said)
        self.assertEqual(len(said.splitlines()), 1, said)

    def names(self) -> list[str]:
        """Return what is in the place of copies."""
        return sorted(each.name for each in self.place.iterdir())

    def test_private(self) -> None:
        """The copy is a single file, readable by its owner only, under any umask."""
        code, said = self.run_command(str(self.target))
        self.assertEqual(code, 0, said)
        self.assertEqual(self.target.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.names(), ["copy.db"])

    def test_exists(self) -> None:
        """A file is replaced with ``--force`` only."""
        self.target.write_text("kept")
        self.refused(self.target, because="--force replaces it")
        self.assertEqual(self.target.read_text(), "kept")
        self.assertEqual(self.run_command(str(self.target), "--force")[0], 0)
        self.assertTrue(self.target.read_bytes().startswith(b"SQLite format 3"))

    def test_empty(self) -> None:
        """The copy of an emptied database does not replace a good one."""
        self.database.write_bytes(b"")
        self.target.write_text("kept")
        code, said = self.run_command(str(self.target), "--force")
        self.assertEqual(code, 78, said)
        self.assertIn("the database is empty", said)
        self.assertEqual(self.target.read_text(), "kept")

    def test_itself(self) -> None:
        """The database and its log are never replaced, by any of their names."""
        before = self.database.read_bytes()
        self.refused(self.database, "--force", because="belongs to the database")
        log = self.database.with_name("semaphore.db-wal")
        self.refused(log, "--force", because="belongs to the database")
        os.link(self.database, self.target)
        self.refused(self.target, "--force", because="is the database itself")
        self.target.unlink()
        through = self.folder / "link"
        through.symlink_to(self.state)
        self.refused(
            through / "semaphore.db", "--force", because="belongs to the database"
        )
        self.assertEqual(self.database.read_bytes(), before)

    def test_odd_targets(self) -> None:
        """Links, FIFOs, folders and missing folders are refused at once."""
        (self.place / "link").symlink_to(self.place / "nothing")
        os.mkfifo(self.place / "fifo")
        for force in ((), ("--force",)):
            self.refused(self.place / "link", *force, because="symbolic link")
            self.refused(self.place / "fifo", *force, because="not a regular file")
            self.refused(self.place, *force, because="not a regular file")
        self.refused(self.place / "no" / "copy", because="No such file or directory")
        self.assertEqual(self.names(), ["fifo", "link"])

    def test_leftovers(self) -> None:
        """Parts of killed backups are removed; one that is in use is not."""
        for name in (".copy.db.0123abcd.part", ".copy.db.4194305"):
            (self.place / name).write_text("part")
            (self.place / f"{name}-journal").write_text("part")
        kept = (".copy.db.part", ".other.db.0123abcd.part", ".copy.db.4194305x")
        for name in kept:
            (self.place / name).write_text("kept")
        used = self.place / ".copy.db.89abcdef.part"
        with used.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assertEqual(self.run_command(str(self.target))[0], 0)
        self.assertEqual(self.names(), sorted([*kept, used.name, "copy.db"]))

    def _interrupted(self, number: int) -> tuple[int, str]:
        """Send a signal as soon as the partial file exists; return code and stderr."""
        with sqlite3.connect(self.database, isolation_level=None) as raw:
            fill(raw, rows=6000)
        raw.close()
        process = self.begin(str(self.target))
        deadline = time.monotonic() + _TIMEOUT
        while not self.names():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)
        process.send_signal(number)
        _, said = process.communicate(timeout=_TIMEOUT)
        return process.returncode, said

    def test_terminated(self) -> None:
        """SIGTERM ends a backup with one line, and nothing is left of it."""
        code, said = self._interrupted(signal.SIGTERM)
        self.assertEqual((code, len(said.splitlines())), (143, 1), said)
        self.assertIn("SIGTERM", said)
        self.assertEqual(self.names(), [])

    def test_killed(self) -> None:
        """The next backup removes what a killed one left."""
        self.assertEqual(self._interrupted(signal.SIGKILL)[0], -signal.SIGKILL)
        self.assertNotEqual(self.names(), [])
        self.assertEqual(self.run_command(str(self.target))[0], 0)
        self.assertEqual(self.names(), ["copy.db"])

    def test_full(self) -> None:
        """A full disk of the target is reported, and no file is left."""
        own_mounts(self)
        small_disk(self, self.place, size="1m")
        with sqlite3.connect(self.database, isolation_level=None) as raw:
            fill(raw, rows=200)
        raw.close()
        self.refused(self.target, because=f"{self.target}: database or disk is full")
        self.assertEqual(self.names(), [])
