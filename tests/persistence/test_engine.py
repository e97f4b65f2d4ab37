"""The thin connection."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
from sqlalchemy import bindparam, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.persistence.engine import timestamp
from semaphore_twisted.persistence.schema import login_failure, option
from tests.support.memory import FixedClock, memory_connection

_one = select(option.c.key, option.c.value).where(option.c.key == bindparam("key"))


class _Option(msgspec.Struct, frozen=True):
    key: str
    value: str


class ConnectionTests(SynchronousTestCase):
    """Statements, rows and transactions."""

    def test_rows(self) -> None:
        """A row becomes a value; a missing one is ``None``."""
        conn = memory_connection()
        conn.insert(option, key="a", value="1")
        self.assertEqual(conn.one(_one, _Option, key="a"), _Option("a", "1"))
        self.assertIsNone(conn.one(_one, _Option, key="b"))

    def test_update_and_delete(self) -> None:
        """Rows are changed and deleted by their primary key."""
        conn = memory_connection()
        conn.insert(option, key="a", value="1")
        self.assertEqual(conn.update(option, "a", value="2"), 1)
        self.assertEqual(conn.update(option, "b", value="2"), 0)
        self.assertEqual(conn.one(_one, _Option, key="a"), _Option("a", "2"))
        self.assertEqual(conn.delete(option, "a"), 1)
        self.assertIsNone(conn.one(_one, _Option, key="a"))

    def test_large_number(self) -> None:
        """A number of more than 64 bits is refused as an invalid input."""
        conn = memory_connection()
        for number in (2**63, -(2**63) - 1, 10**30):
            self.assertRaises(Invalid, conn.one, _one, _Option, key=number)
        self.assertIsNone(conn.one(_one, _Option, key=2**63 - 1))

    def test_null(self) -> None:
        """A null that is bound is stored."""
        conn = memory_connection()
        with self.assertRaises(Exception) as caught:
            conn.insert(option, key="a", value=None)
        self.assertIn("NOT NULL", str(caught.exception))

    def test_rollback(self) -> None:
        """A transaction that raises leaves nothing, and the next one works."""
        conn = memory_connection()

        def fail() -> None:
            with conn.transaction(write=True):
                conn.insert(option, key="a", value="1")
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, fail)
        self.assertIsNone(conn.one(_one, _Option, key="a"))
        with conn.transaction(write=True):
            conn.insert(option, key="a", value="1")
        self.assertIsNotNone(conn.one(_one, _Option, key="a"))

    def test_ended_by_itself(self) -> None:
        """An error after which SQLite has ended the transaction itself is told."""
        conn = memory_connection()
        with self.assertRaises(ZeroDivisionError), conn.transaction(write=True):
            conn.raw.execute("ROLLBACK")
            raise ZeroDivisionError

    def test_one_moment(self) -> None:
        """A transaction has one time; the next one has another."""
        clock = FixedClock()
        conn = memory_connection(clock)
        with conn.transaction(write=False):
            first = conn.now
            clock.advance(5)
            self.assertEqual(conn.now, first)
        with conn.transaction(write=False):
            self.assertEqual(conn.now, first + timedelta(seconds=5))

    def test_times_sort_as_texts(self) -> None:
        """Times of any zone are stored in UTC, so that they sort as texts."""
        east = timezone(timedelta(hours=5))
        early = datetime(2026, 1, 1, 4, tzinfo=east)
        late = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
        self.assertEqual(timestamp(early), "2025-12-31T23:00:00.000000Z")
        self.assertLess(timestamp(early), timestamp(late))
        conn = memory_connection()
        conn.insert(login_failure, subject="a", failures=1, last=early)
        found = conn.column(select(login_failure.c.last))
        self.assertEqual(found, ["2025-12-31T23:00:00.000000Z"])

    def test_uuid(self) -> None:
        """Identifiers are of version 4 and differ."""
        conn = memory_connection()
        first, second = conn.uuid(), conn.uuid()
        self.assertNotEqual(first, second)
        self.assertEqual(first[14], "4")
