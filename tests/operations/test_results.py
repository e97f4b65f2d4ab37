"""Tests of what is stored of the reports of jobs, and of its limits."""

from typing import Any

from sqlalchemy import func, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.results import (
    HostFailed,
    HostsCounted,
    JobEvent,
    PlayBegun,
    Report,
    ReportsDropped,
    RunBegun,
    RunProgress,
    StepBegun,
    TaskBegun,
    TaskDone,
)
from semaphore_twisted.model.tasks import TaskEnd, TaskEvent, TaskStatus
from semaphore_twisted.operations.tasks import output, results, slices, task_lifecycle
from semaphore_twisted.persistence import schema
from tests.support.memory import BEGINNING, make_project, memory_connection
from tests.support.tasks import make_keyring, make_task, make_template

ZERO = (0, 0, 0, 0, 0, 0)
TABLES = (
    schema.task_stage,
    schema.task_run,
    schema.task_section,
    schema.task_host,
    schema.task_error,
)
DROPPED = select(schema.task_run.c.dropped)
STAGES = select(
    schema.task_stage.c.type,
    schema.task_stage.c.start_output_id,
    schema.task_stage.c.end_output_id,
    schema.task_stage.c.result,
    schema.task_stage.c.reason,
)


def failed(host: str, number: int = 2) -> HostFailed:
    """Return the report of a failed task."""
    return HostFailed(number, host, "failed", ignored=False, message="no")


class ResultsTestCase(SynchronousTestCase):
    """A running task."""

    def setUp(self) -> None:
        """Make it."""
        self.conn = memory_connection()
        self.project = make_project(self.conn)
        self.template = make_template(self.conn, self.project)
        self.task = make_task(
            self.conn, self.project, self.template, status=TaskStatus.RUNNING
        )
        self.moment = BEGINNING.timestamp()

    def report(self, *whats: StepBegun | Report, line: int = 1) -> None:
        """Store events, each at *line* of the new lines, a second after the other."""
        events = []
        for what in whats:
            self.moment += 1
            events.append(JobEvent(line, self.moment, what))
        results.record(self.conn, self.task, 0, events)

    def count(self, table: Any) -> int:
        """Return the number of rows of *table*."""
        found: int = self.conn.scalar(select(func.count()).select_from(table))
        return found

    def stages(self) -> list[tuple[Any, ...]]:
        """Return the stored stages."""
        return [tuple(row) for row in self.conn.execute(STAGES)]

    def finish(self, happening: TaskEvent, **end: Any) -> None:
        """End the task."""
        task_lifecycle.finish(
            self.conn, make_keyring(), self.task, happening, end=TaskEnd(**end)
        )


class StageTests(ResultsTestCase):
    """Steps of a job are stages of its task."""

    def test_together(self) -> None:
        """Steps of a stage are one, and steps after the app clean up."""
        steps = ("repository fetch", "repository clone", "inventory agent")
        more = ("requirements agent", "requirements", "playbook")
        for name in (*steps, *more, "repository login away", "ignored options of ssh"):
            lines = [(self.moment, "x"), (self.moment, "y")]
            event = JobEvent(2, self.moment, StepBegun(name))
            output.append(self.conn, self.task, lines, offset=1, events=[event])
        self.finish(TaskEvent.SUCCEEDED)
        self.assertEqual(
            self.stages(),
            [
                ("checkout", 2, 5, "success", ""),
                ("inventory", 6, 7, "success", ""),
                ("requirements", 8, 11, "success", ""),
                ("playbook", 12, 13, "success", ""),
                ("cleanup", 14, 16, "success", ""),
            ],
        )

    def test_failed_step(self) -> None:
        """The stage of the step that failed has the reason, not the one after it."""
        self.report(StepBegun("repository fetch"), StepBegun("playbook"))
        self.report(StepBegun("repository login away"))
        self.finish(TaskEvent.FAILED, step="playbook", reason="exit status 2")
        self.assertEqual(
            [(row[0], *row[3:]) for row in self.stages()],
            [
                ("checkout", "success", ""),
                ("playbook", "error", "exit status 2"),
                ("cleanup", "success", ""),
            ],
        )

    def test_stopped(self) -> None:
        """A stop ends the current stage as stopped."""
        self.report(StepBegun("repository fetch"))
        self.finish(TaskEvent.STOPPED, step="repository fetch", reason="Stopped")
        self.assertEqual(self.stages()[0][3:], ("stopped", "Stopped"))

    def test_without_a_job(self) -> None:
        """A task whose job did not begin has one stage with the reason."""
        output.append(self.conn, self.task, [(1, "Failed to run task: no key")])
        self.finish(TaskEvent.FAILED, reason="no key")
        self.assertEqual(self.stages(), [("preparation", 1, 1, "error", "no key")])


class RunTests(ResultsTestCase):
    """Plays, tasks and hosts."""

    def test_progress(self) -> None:
        """The progress is the current play of all plays, and the current task."""
        self.assertIsNone(results.progress(self.conn, self.task))
        self.report(RunBegun(4))
        self.assertIsNone(results.progress(self.conn, self.task))
        self.report(PlayBegun(1, "web", 1))
        self.report(TaskBegun(2, "one"), TaskBegun(3, "two"))
        self.assertEqual(
            results.progress(self.conn, self.task),
            RunProgress(play=1, plays=4, play_name="web", task_name="two"),
        )
        self.report(PlayBegun(4, "db", 2))
        self.assertEqual(
            results.progress(self.conn, self.task),
            RunProgress(play=2, plays=4, play_name="db", task_name=""),
        )

    def test_deleted_task(self) -> None:
        """Nothing is stored for a task that was deleted meanwhile."""
        slices.delete_some(self.conn, [self.task])
        event = JobEvent(1, self.moment, StepBegun("playbook"))
        output.append(self.conn, self.task, [], offset=3, events=[event])
        self.assertEqual([self.count(each) for each in TABLES], [0] * 5)

    def test_same_transaction(self) -> None:
        """Events are stored with the offset after them, or not at all."""
        event = JobEvent(1, self.moment, failed("a"))

        def fail() -> None:
            with self.conn.transaction(write=True):
                output.append(self.conn, self.task, [], offset=3, events=[event])
                self.assertEqual(self.count(schema.task_error), 1)
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, fail)
        self.assertEqual(task_lifecycle.offset(self.conn, self.task), 0)
        self.assertEqual([self.count(each) for each in TABLES], [0] * 5)


class LimitTests(ResultsTestCase):
    """What a job may store by its reports."""

    def test_contradictions(self) -> None:
        """A section that is there, and counters without one, are dropped."""
        self.report(PlayBegun(1, "a", 1), TaskBegun(2, "b"), TaskBegun(2, "c"))
        done = TaskDone(2, *ZERO)
        self.report(done, done, TaskDone(9, *ZERO), ReportsDropped(4))
        self.assertEqual(self.conn.scalar(DROPPED), 7)
        self.assertEqual(self.count(schema.task_section), 2)

    def test_errors(self) -> None:
        """Beyond the errors of a task, they are dropped and counted."""
        self.report(*[failed("a")] * (limits.RESULT_ERRORS + 3))
        self.assertEqual(self.count(schema.task_error), limits.RESULT_ERRORS)
        self.assertEqual(self.conn.scalar(DROPPED), 3)

    def test_hosts(self) -> None:
        """Beyond the hosts of a task, they are dropped and counted."""
        rows = tuple((f"h{n}", *ZERO, 0) for n in range(limits.RESULT_HOSTS + 5))
        for begin in range(0, len(rows), 2500):
            self.report(HostsCounted(rows[begin : begin + 2500]))
        self.report(failed("another"))
        self.assertEqual(self.count(schema.task_host), limits.RESULT_HOSTS)
        self.assertEqual(self.conn.scalar(DROPPED), 6)

    def test_count_of_dropped(self) -> None:
        """The number of dropped reports has a limit, too."""
        self.report(*[ReportsDropped(2**31)] * 3)
        self.assertEqual(self.conn.scalar(DROPPED), 2**31)


class DeletionTests(ResultsTestCase):
    """Results are deleted with their task."""

    def fill(self, count: int) -> None:
        """Store *count* rows of some kinds."""
        self.report(StepBegun("playbook"), PlayBegun(1, "p", 1))
        self.report(*(TaskBegun(number, "t") for number in range(2, count + 1)))
        self.report(HostsCounted(tuple((f"h{n}", *ZERO, 0) for n in range(count))))
        self.report(failed("h1"))

    def test_all(self) -> None:
        """Nothing is left of a deleted task."""
        self.fill(9)
        slices.delete_some(self.conn, [self.task])
        self.assertEqual([self.count(each) for each in TABLES], [0] * 5)

    def test_slices(self) -> None:
        """Many results are deleted in several transactions."""
        self.fill(2500)
        before = self.conn.raw.total_changes
        self.assertFalse(slices.empty_some(self.conn, self.task))
        self.assertLess(self.conn.raw.total_changes - before, 2100)
        for _ in range(4):
            if slices.empty_some(self.conn, self.task):
                break
        self.assertEqual(self.count(schema.task_section), 0)
        self.assertEqual(self.count(schema.task_host), 0)

    def test_cascade(self) -> None:
        """The results of a task go with it also without slices."""
        self.fill(9)
        self.conn.delete(schema.task, self.task)
        self.assertEqual([self.count(each) for each in TABLES], [0] * 5)
