"""The contract of a database, for the real one and the one in memory."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.persistence.database import Database
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.schema import option
from tests.support.memory import MemoryDatabase, memory_connection
from tests.support.threads import Inbox

_values = select(option.c.value).order_by(option.c.key)
_count = select(func.count()).select_from(option)


def _put(conn: Connection, key: str, *, value: str = "1") -> str:
    conn.insert(option, key=key, value=value)
    return key


def _put_and_refuse(conn: Connection, key: str) -> None:
    _put(conn, key)
    raise Conflict("no")


def _all(conn: Connection) -> list[Any]:
    return conn.column(_values)


def _size(conn: Connection) -> int:
    return int(conn.scalar(_count))


class DatabaseContract:
    """The tests; a case provides ``database`` and ``wait``."""

    database: Any
    assertEqual: Any  # noqa: N815 - a TestCase has it
    assertRaises: Any  # noqa: N815 - a TestCase has it
    assertTrue: Any  # noqa: N815 - a TestCase has it

    def wait(self, answer: "Deferred[Any]") -> Any:
        """Return what *answer* fires with."""
        raise NotImplementedError

    def test_interface(self) -> None:
        """It provides the port."""
        self.assertTrue(verifyObject(IDatabase, self.database))

    def test_write_then_read(self) -> None:
        """A write is visible to both kinds of reads, with every argument."""
        self.assertEqual(self.wait(self.database.write(_put, "a", value="x")), "a")
        self.assertEqual(self.wait(self.database.read(_all)), ["x"])
        self.assertEqual(self.wait(self.database.long_read(_all)), ["x"])

    def test_rollback(self) -> None:
        """An operation that raises has changed nothing, and its error arrives."""
        with self.assertRaises(Conflict):
            self.wait(self.database.write(_put_and_refuse, "a"))
        self.assertEqual(self.wait(self.database.read(_size)), 0)
        self.wait(self.database.write(_put, "b"))
        self.assertEqual(self.wait(self.database.read(_size)), 1)

    def test_reads_change_nothing(self) -> None:
        """A reading operation cannot write."""
        for read in (self.database.read, self.database.long_read):
            with self.assertRaises(sqlite3.OperationalError):
                self.wait(read(_put, "a"))
        self.assertEqual(self.wait(self.database.read(_size)), 0)

    def test_order(self) -> None:
        """Writes happen in the order in which they were asked for."""
        answers = [self.database.write(_put, str(n)) for n in range(20)]
        self.assertEqual(
            [self.wait(answer) for answer in answers], [str(n) for n in range(20)]
        )


class MemoryDatabaseTests(DatabaseContract, SynchronousTestCase):
    """The double."""

    def setUp(self) -> None:
        """Make one."""
        self.database = MemoryDatabase()

    def wait(self, answer: "Deferred[Any]") -> Any:
        """Return the value that is there already."""
        failures: list[Any] = []
        values: list[Any] = []
        _ = answer.addCallbacks(values.append, failures.append)
        if failures:
            failures[0].raiseException()
        return values[0]

    def test_held(self) -> None:
        """Held operations run at the flush, in their order."""
        self.database.held = True
        first = self.database.write(_put, "a")
        second = self.database.read(_size)
        self.assertNoResult(first)
        self.database.flush()
        self.assertEqual(self.successResultOf(first), "a")
        self.assertEqual(self.successResultOf(second), 1)


class RealDatabaseTests(DatabaseContract, SynchronousTestCase):
    """The file with its threads."""

    def setUp(self) -> None:
        """Make a file with the schema and start the threads."""
        self.path = Path(self.mktemp())
        raw = sqlite3.connect(self.path)
        memory_connection().raw.backup(raw)
        raw.close()
        self.inbox = Inbox()
        self.database = Database(
            self.path, reactor=self.inbox, now=utc_now, entropy=os.urandom
        )
        self.database.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """End the threads."""
        self.inbox.wait(self.database.stopService())

    def wait(self, answer: "Deferred[Any]") -> Any:
        """Wait for another thread."""
        return self.inbox.wait(answer)

    def test_short_reads_fire_at_once(self) -> None:
        """A short read needs no other thread, even while a write is waited for."""
        write = self.database.write(_put, "a")
        self.assertIn(self.successResultOf(self.database.read(_size)), (0, 1))
        self.wait(write)
        self.assertEqual(self.successResultOf(self.database.read(_size)), 1)

    def test_queue_length(self) -> None:
        """The number of writes that wait is known."""
        self.assertEqual(self.database.writes_waiting, 0)
        answers = [self.database.write(_put, str(n)) for n in range(3)]
        self.assertEqual(self.database.writes_waiting, 3)
        for answer in answers:
            self.wait(answer)
        self.assertEqual(self.database.writes_waiting, 0)
        self.assertEqual(self.database.writes_done, 3)
        self.assertGreaterEqual(self.database.last_wait, 0.0)

    def test_cancelled_write_is_done(self) -> None:
        """Cancelling a write only stops the waiting; the write is still done."""
        answer = self.database.write(_put, "a")
        answer.cancel()
        self.failureResultOf(answer)
        self.wait(self.database.write(_put, "b"))
        self.assertEqual(self.wait(self.database.read(_size)), 2)

    def test_stop_finishes_first(self) -> None:
        """A stop waits for earlier operations, and refuses later ones."""
        written = self.database.write(_put, "a")
        stopped = self.database.stopService()
        self.wait(stopped)
        self.assertEqual(self.successResultOf(written), "a")
        for ask in (self.database.read, self.database.long_read, self.database.write):
            self.failureResultOf(ask(_size))
        other = connect(self.path, now=utc_now, entropy=os.urandom)
        self.addCleanup(other.close)
        self.assertEqual(_size(other), 1)

    def test_another_process_writes(self) -> None:
        """A command beside the server writes, and the server sees it."""
        other = connect(self.path, now=utc_now, entropy=os.urandom)
        self.addCleanup(other.close)
        with other.transaction(write=True):
            _put(other, "cli")
        self.assertEqual(self.wait(self.database.read(_size)), 1)

    def test_no_lost_update(self) -> None:
        """Read-then-write operations of two connections lose no update."""
        self.wait(self.database.write(_put, "n", value="0"))

        def increment(conn: Connection) -> None:
            value = int(conn.column(_values)[0])
            conn.update(option, "n", value=str(value + 1))

        other = connect(self.path, now=utc_now, entropy=os.urandom)
        self.addCleanup(other.close)
        answers = []
        for _ in range(50):
            answers.append(self.database.write(increment))
            with other.transaction(write=True):
                increment(other)
        for answer in answers:
            self.wait(answer)
        self.assertEqual(self.wait(self.database.read(_all)), ["100"])
