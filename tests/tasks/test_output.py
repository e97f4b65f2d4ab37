"""Tests of how lines reach the store and the watchers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import IJobReceiver
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.limits import SPOOL_RELEASED
from semaphore_twisted.model.results import (
    JobEvent,
    PlayBegun,
    RunBegun,
    RunProgress,
    StepBegun,
)
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.operations.tasks.output import page
from semaphore_twisted.persistence import schema
from semaphore_twisted.tasks.output import INTERVAL, MANY_LINES, OutputLog
from tests.support.http import at_once
from tests.support.memory import MemoryDatabase, make_project
from tests.support.tasks import make_task, make_template

OFFSET = select(schema.task.c.spool_offset)
LINE = select(schema.task_section.c.line)
STAGE = select(schema.task_stage.c.type)
COMMIT = select(schema.task.c.commit_hash)


class OutputLogTests(SynchronousTestCase):
    """Number, gather, commit, publish."""

    def setUp(self) -> None:
        """Make a log of a task."""
        self.database = MemoryDatabase()
        conn = self.database.conn
        project = make_project(conn)
        self.task = make_task(conn, project, make_template(conn, project))
        self.clock = Clock()
        self.published: list[OutputLine] = []
        self.begun: list[OutputLine] = []
        self.progress: list[RunProgress] = []
        self.results: list[JobResult] = []
        self.broken = 0
        self.log = OutputLog(
            self.task,
            database=self.database,
            compute=at_once,
            clock=self.clock,
            publish=self.publish,
            over=self.results.append,
            broken=self.count,
            begun=self.begun.append,
            progressed=self.progress.append,
        )

    def publish(self, lines: Sequence[OutputLine]) -> None:
        """Check that published lines can be read from the store."""
        stored = page(self.database.conn, self.task, most=10_000_000)
        self.assertEqual(stored[-len(lines) :] if lines else [], list(lines))
        self.published += lines

    def count(self, _: Failure) -> None:
        """Note that the store failed."""
        self.broken += 1

    def texts(self) -> list[str]:
        """Return what was published."""
        return [line.output for line in self.published]

    def lines(self, *texts: str, offset: int = 1) -> Deferred[None]:
        """Deliver lines."""
        return self.log.lines([(1.0, text) for text in texts], offset)

    def test_interface(self) -> None:
        """It receives what a job writes."""
        self.assertTrue(verifyObject(IJobReceiver, self.log))

    def test_first_at_once(self) -> None:
        """The first lines after a pause are stored at once, with their offset."""
        self.assertIsNone(self.successResultOf(self.lines("a", "b", offset=9)))
        self.assertEqual(self.texts(), ["a", "b"])
        self.assertEqual(self.database.conn.scalar(OFFSET), 9)

    def test_trickle_is_gathered(self) -> None:
        """Lines that follow soon wait for 20 ms, and are one transaction."""
        self.successResultOf(self.lines("a"))
        waiting = self.lines("b")
        self.assertNoResult(waiting)
        self.clock.advance(INTERVAL / 2)
        other = self.lines("c")
        self.assertEqual(self.texts(), ["a"])
        self.clock.advance(INTERVAL / 2)
        self.successResultOf(waiting)
        self.successResultOf(other)
        self.assertEqual(self.texts(), ["a", "b", "c"])
        self.assertEqual(self.database.asked, ["append", "append"])

    def test_many_at_once(self) -> None:
        """Many lines, or long ones, do not wait."""
        self.successResultOf(self.lines("a"))
        self.successResultOf(self.lines(*(["x"] * MANY_LINES)))
        self.successResultOf(self.lines("y" * 70_000))
        self.assertEqual(len(self.published), MANY_LINES + 2)

    def test_one_flush_at_a_time(self) -> None:
        """Lines that arrive during a flush wait for its end, in order."""
        self.database.held = True
        first, second = self.lines("a"), self.lines(*(["b"] * MANY_LINES))
        self.assertEqual(len(self.database.asked), 1)
        self.database.flush()
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(len(self.published), MANY_LINES + 1)

    def test_published_after_commit(self) -> None:
        """Nothing is published before it is in the store."""
        self.database.held = True
        _ = self.lines("a")
        self.assertEqual(self.texts(), [])
        self.database.flush()
        self.assertEqual(self.texts(), ["a"])

    def test_events(self) -> None:
        """Events are stored with their lines' numbers, also of gathered lines."""
        begun = [
            JobEvent(2, 1.0, RunBegun(2)),
            JobEvent(2, 1.0, PlayBegun(1, "web", 1)),
        ]
        header = [(1.0, "PLAY [web] *")]
        self.successResultOf(self.log.lines([(1.0, "a")], 1))
        first = self.log.lines([(1.0, "b")], 2)
        second = self.log.lines(header, 3, begun)
        self.clock.advance(INTERVAL)
        for each in (first, second):
            self.successResultOf(each)
        wanted = RunProgress(play=1, plays=2, play_name="web", task_name="")
        self.assertEqual(self.progress, [wanted])
        self.assertEqual(self.database.conn.scalar(LINE), 3)

    def test_events_without_lines(self) -> None:
        """An event is stored although no line comes with it."""
        step = JobEvent(1, 1.0, StepBegun("playbook"))
        self.successResultOf(self.log.lines([], 7, [step]))
        self.assertEqual(self.database.conn.scalar(OFFSET), 7)
        self.assertEqual(self.database.conn.scalar(STAGE), "playbook")
        self.assertEqual(self.progress, [])

    def test_fact_with_lines(self) -> None:
        """A fact is stored in the transaction of the lines that follow it."""
        self.log.fact("commit_hash", "abc")
        self.assertIsNone(self.database.conn.scalar(COMMIT))
        self.successResultOf(self.lines("a"))
        self.assertEqual(self.database.conn.scalar(COMMIT), "abc")

    def test_flushed(self) -> None:
        """`flushed` stores at once what still waits, a last fact included."""
        self.successResultOf(self.log.flushed())
        self.successResultOf(self.lines("a"))
        waiting = self.lines("b")
        self.log.fact("commit_hash", "abc")
        self.successResultOf(self.log.flushed())
        self.successResultOf(waiting)
        self.assertEqual(self.texts(), ["a", "b"])
        self.assertEqual(self.database.conn.scalar(COMMIT), "abc")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_flushed_waits(self) -> None:
        """`flushed` waits for a flush that is under way, and for the next one."""
        self.database.held = True
        _ = self.lines("a")
        _ = self.lines("b")
        flushed = self.log.flushed()
        self.assertNoResult(flushed)
        self.database.flush()
        self.successResultOf(flushed)
        self.assertEqual(self.texts(), ["a", "b"])

    def test_part(self) -> None:
        """The beginning of a line is published with the number that it will have."""
        self.successResultOf(self.log.part(1.0, "wor"))
        self.successResultOf(self.lines("a", "b"))
        self.successResultOf(self.log.part(2.5, "wor"))
        self.successResultOf(self.log.part(2.5, "working\r"))
        self.assertEqual(
            [(line.id, line.output) for line in self.begun],
            [(1, "wor"), (3, "wor"), (3, "working")],
        )
        self.assertEqual(self.texts(), ["a", "b"])
        self.clock.advance(INTERVAL)
        self.successResultOf(self.log.lines([(2.5, "working: done")], 9))
        (line,) = self.published[2:]
        self.assertEqual((line.id, line.time), (3, self.begun[-1].time))

    def test_part_of_closed(self) -> None:
        """A log that was closed publishes nothing more."""
        self.log.close()
        self.successResultOf(self.log.part(1.0, "a"))
        self.assertEqual(self.begun, [])

    def test_part_without_store(self) -> None:
        """Where the store cannot be read, the line is shown when it is whole."""

        class Failing(MemoryDatabase):
            """Cannot be read."""

            def read(self, *_: Any, **__: Any) -> Deferred[Any]:
                """Fail."""
                return fail(OSError("damaged"))

        database, self.log._database = self.log._database, Failing()
        self.successResultOf(self.log.part(1.0, "a"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual((self.begun, self.broken), ([], 0))
        self.log._database = database
        self.successResultOf(self.lines("ab"))
        self.assertEqual(self.texts(), ["ab"])

    def test_result(self) -> None:
        """The job's result is passed on."""
        result = JobResult(status="success", started=1, ended=2)
        self.log.ended(result)
        self.assertEqual(self.results, [result])

    def test_release(self) -> None:
        """After some MiB the spool is told what is on the disk; not with each flush."""
        released: list[int] = []
        self.log._release_spool = released.append
        for offset in (100, SPOOL_RELEASED, SPOOL_RELEASED + 100):
            _ = self.log.lines([(1.0, "a")], offset)
            self.clock.advance(1)
        self.assertEqual(released, [SPOOL_RELEASED])

    def test_store_fails(self) -> None:
        """If the store fails, the follower and the service hear it, once."""

        class Failing(MemoryDatabase):
            """Takes nothing."""

            def write(self, *_: Any, **__: Any) -> Deferred[Any]:
                """Fail."""
                return fail(OSError("disk full"))

        self.log._database = Failing()
        self.failureResultOf(self.lines("a"), OSError)
        self.assertEqual(self.broken, 1)
        self.assertTrue(self.log.closed)
        self.failureResultOf(self.lines("b"), RuntimeError)
        self.successResultOf(self.log.flushed())
        self.assertEqual(self.texts(), [])
        self.assertEqual(self.broken, 1)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
