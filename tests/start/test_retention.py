"""Old events are removed from time to time."""

from datetime import timedelta

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.operations import events
from semaphore_twisted.start.retention import CHECK_INTERVAL, Retention
from tests.support.memory import FixedClock, MemoryDatabase, memory_connection


class RetentionTests(SynchronousTestCase):
    """The service, over a store in memory."""

    def test_looks(self) -> None:
        """It looks at the start and every hour, and not after its end."""
        now, clock = FixedClock(), Clock()
        conn = memory_connection(now)
        service = Retention(MemoryDatabase(conn), keep=timedelta(days=1), clock=clock)

        def left() -> int:
            found: int = conn.raw.execute("SELECT count(*) FROM event").fetchone()[0]
            return found

        def record() -> None:
            with conn.transaction(write=True):
                events.record(conn, None, object_type="x", object_id=1, description="x")

        record()
        now.advance(2 * 86_400)
        record()
        service.startService()
        self.assertEqual(left(), 1)
        now.advance(2 * 86_400)
        clock.advance(CHECK_INTERVAL)
        self.assertEqual(left(), 0)
        record()
        now.advance(2 * 86_400)
        service.stopService()
        clock.advance(2 * CHECK_INTERVAL)
        self.assertEqual(left(), 1)
        self.assertEqual(clock.getDelayedCalls(), [])
