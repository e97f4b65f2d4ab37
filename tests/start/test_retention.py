"""Old events are removed from time to time."""

from datetime import timedelta

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.operations import events
from semaphore_twisted.start.retention import CHECK_INTERVAL, Retention
from tests.support.memory import (
    FixedClock,
    MemoryDatabase,
    make_project,
    memory_connection,
)
from tests.support.tasks import make_task, make_template


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

    def test_tasks(self) -> None:
        """Tasks go after the days for which their template keeps them."""
        now, clock = FixedClock(), Clock()
        conn = memory_connection(now)
        project = make_project(conn)
        template = make_template(conn, project, max_task_age_days=2)
        for _ in range(3):
            make_task(conn, project, template, status=TaskStatus.SUCCESS, end=conn.now)
        service = Retention(MemoryDatabase(conn), keep=None, clock=clock)
        service.startService()
        self.addCleanup(service.stopService)

        def left() -> int:
            found: int = conn.raw.execute("SELECT count(*) FROM task").fetchone()[0]
            return found

        self.assertEqual(left(), 3)
        now.advance(3 * 86_400)
        clock.advance(CHECK_INTERVAL)
        self.assertEqual(left(), 1)
