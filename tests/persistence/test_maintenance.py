"""What changed rows leave behind is removed."""

from pathlib import Path

from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.maintenance import scrub

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
