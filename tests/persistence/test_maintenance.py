"""The remains of changed rows are removed."""

import os
import sqlite3
from pathlib import Path

from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.limits import FREE_PAGES, VACUUM_PAGES
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.maintenance import compact, give_back, scrub
from semaphore_twisted.persistence.migrations.migrate import migrate
from semaphore_twisted.persistence.schema import option
from tests.support.memory import memory_connection

MARKER = b"Zx9-marker"


class ScrubTests(SynchronousTestCase):
    """A store with rows that were overwritten."""

    def setUp(self) -> None:
        """Write a marker 300 times, and write over it."""
        self.path = Path(self.mktemp())
        self.conn = self.connect()
        self.conn.raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        rows = [(MARKER.decode() * 20,)] * 300
        self.conn.raw.executemany("INSERT INTO t (text) VALUES (?)", rows)
        self.conn.raw.execute("UPDATE t SET text = 'x'")
        self.pauses: list[float] = []

    def connect(self) -> Connection:
        """Open the store."""
        conn = connect(self.path, now=utc_now, entropy=random)
        self.addCleanup(conn.close)
        return conn

    def found(self) -> bool:
        """Tell whether any file holds the marker."""
        return any(
            MARKER in path.read_bytes()
            for path in self.path.parent.glob(f"{self.path.name}*")
        )

    def test_scrub(self) -> None:
        """Afterwards no file holds a former value; before, one does."""
        self.assertTrue(self.found())
        self.assertTrue(scrub(self.conn, pause=self.pauses.append))
        self.assertFalse(self.found())
        self.assertEqual(self.pauses, [])

    def test_reader(self) -> None:
        """A reader with an old snapshot is waited for, and then reported."""
        reader = self.connect()
        reader.raw.execute("BEGIN")
        reader.raw.execute("SELECT count(*) FROM t").fetchall()
        self.conn.raw.execute("PRAGMA busy_timeout=0")
        self.assertFalse(scrub(self.conn, pause=self.pauses.append, attempts=4))
        self.assertEqual(len(self.pauses), 3)

        def leave(_: float) -> None:
            if reader.raw.in_transaction:
                reader.raw.execute("ROLLBACK")

        self.assertTrue(scrub(self.conn, pause=leave))
        self.assertFalse(self.found())

    def test_writer(self) -> None:
        """A writer that stays is reported, not raised."""
        writer = self.connect()
        writer.raw.execute("BEGIN IMMEDIATE")
        self.conn.raw.execute("PRAGMA busy_timeout=0")
        self.assertFalse(scrub(self.conn, pause=self.pauses.append, attempts=3))
        writer.raw.execute("ROLLBACK")


class GiveBackTests(SynchronousTestCase):
    """The file shrinks after deletions."""

    def setUp(self) -> None:
        """Choose a place."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "a.db"

    def connect(self) -> Connection:
        """Open the store."""
        conn = connect(self.path, now=utc_now, entropy=os.urandom)
        self.addCleanup(conn.close)
        return conn

    def grow(self, conn: Connection) -> None:
        """Put 20 MB into the store and delete them again."""
        with conn.transaction(write=True):
            for number in range(2000):
                conn.insert(option, key=str(number), value="v" * 10_000)
        with conn.transaction(write=True):
            conn.raw.execute("DELETE FROM option")

    def shrink(self, conn: Connection) -> int:
        """Give back what can be given back; return the steps."""
        steps = 0
        while give_back(conn):
            steps += 1
        conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return steps

    def test_new_file(self) -> None:
        """A file of this version shrinks by itself, in small steps."""
        migrate(self.path, utc_now)
        conn = self.connect()
        self.grow(conn)
        self.assertGreater(self.shrink(conn), 5)
        kept = (FREE_PAGES + VACUUM_PAGES) * 4096
        self.assertLess(self.path.stat().st_size, kept + 2_000_000)

    def test_former_file(self) -> None:
        """One of a former version does after it was compacted once."""
        with sqlite3.connect(self.path) as raw:
            memory_connection().raw.backup(raw)
            raw.execute("PRAGMA auto_vacuum=NONE")
        raw.execute("VACUUM")
        raw.close()
        conn = self.connect()
        self.grow(conn)
        self.assertEqual(self.shrink(conn), 0)
        self.assertGreater(self.path.stat().st_size, 20_000_000)
        compact(conn)
        self.assertLess(self.path.stat().st_size, 2_000_000)
        self.grow(conn)
        self.assertGreater(self.shrink(conn), 5)
