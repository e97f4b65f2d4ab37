"""The copy of a database in use."""

import sqlite3
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli import backup
from semaphore_twisted.persistence.engine import connect, utc_now


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

    def test_one_moment(self) -> None:
        """The copy is of one moment, whatever is written meanwhile."""
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
        """The copy needs no other file beside it."""
        self.conn.raw.execute("INSERT INTO pair VALUES (1, 2)")
        backup.copy(self.database, self.target)
        names = {each.name for each in self.target.parent.glob("copy*")}
        self.assertEqual(names, {"copy.db"})

    def test_no_database(self) -> None:
        """What is no database is not copied."""
        self.target.with_name("b.db").write_bytes(b"x" * 8192)
        self.assertRaises(
            sqlite3.DatabaseError,
            backup.copy,
            self.target.with_name("b.db"),
            self.target,
        )
