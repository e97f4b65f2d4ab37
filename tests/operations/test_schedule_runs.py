"""Due times of schedules: each starts at most one task."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import ScheduleId, TaskId
from semaphore_twisted.model.schedules import Outcome, Schedule
from semaphore_twisted.model.tasks import TaskEvent
from semaphore_twisted.operations.schedules import runs
from semaphore_twisted.operations.schedules.runs import Branch, Dealt, Due
from semaphore_twisted.operations.tasks.task_lifecycle import claim
from semaphore_twisted.operations.tasks.tasks import move, task_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection, connect
from semaphore_twisted.persistence.statements.projects import schedules as statements
from tests.support.memory import (
    Entropy,
    FixedClock,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.schedules import make_schedule, outcomes, task_ids
from tests.support.tasks import make_keyring, make_template

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_EVENTS = select(schema.event.c.description).order_by(schema.event.c.id)


class RunTestCase(SynchronousTestCase):
    """A template, and a clock that the test advances."""

    def setUp(self) -> None:
        """Make a project with a template."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.keyring = make_keyring()
        self.project = make_project(self.conn, make_user(self.conn))
        self.template = make_template(self.conn, self.project)

    def schedule(self, **columns: Any) -> ScheduleId:
        """Store a schedule."""
        return make_schedule(self.conn, self.project, self.template, **columns)

    def row(self, number: ScheduleId) -> Schedule:
        """Return a schedule as it is stored."""
        found = self.conn.one(statements.anywhere, Schedule, id=number)
        assert found is not None
        return found

    def due(self, conn: Connection | None = None) -> list[Due]:
        """Return what is due now."""
        with (conn or self.conn).transaction(write=False) as reading:
            return runs.due(reading)

    def deal(self, zone: str = "UTC") -> list[Dealt]:
        """Deal with all that is due, and return what happened."""
        happened = []
        while True:
            with self.conn.transaction(write=True) as conn:
                found = runs.due(conn)
                for this in found:
                    dealt = runs.start(conn, self.keyring, this, zone)
                    if dealt is not None:
                        happened.append(dealt)
            if not found:
                return happened

    def at(self, moment: datetime) -> list[Dealt]:
        """Deal with all that is due at *moment*."""
        self.clock.time = moment
        return self.deal()

    def end(self, task_id: TaskId) -> None:
        """End a task that waits."""
        task = task_of(self.conn, self.project.id, task_id)
        move(self.conn, task, TaskEvent.STOPPED)


class StartTests(RunTestCase):
    """:func:`runs.start`."""

    def test_task(self) -> None:
        """At its due time a schedule queues a task; then it waits for the next."""
        number = self.schedule()
        self.assertEqual(self.deal(), [])
        self.clock.advance(60)
        (dealt,) = self.deal()
        self.assertEqual(dealt.outcome, Outcome.STARTED)
        assert dealt.task is not None
        self.assertEqual(dealt.task.schedule_id, number)
        self.assertIsNone(dealt.task.user_id)
        self.assertEqual(self.row(number).next_run, self.clock.time + HOUR)
        self.assertEqual(self.deal(), [])

    def test_hundred(self) -> None:
        """A hundred due times start a hundred tasks, each one once."""
        self.schedule(
            cron_format="*/5 * * * *",
            next_run=datetime(2026, 1, 2, 3, 10, tzinfo=UTC),
        )
        self.clock.advance(60)
        for _ in range(100):
            self.clock.advance(300)
            for dealt in (*self.deal(), *self.deal()):
                assert dealt.task is not None
                self.end(dealt.task.id)
        self.assertEqual(len(task_ids(self.conn)), 100)

    def test_once(self) -> None:
        """Whoever was told of a due time too late starts nothing."""
        self.schedule()
        self.clock.advance(60)
        (this,) = self.due()
        for expected in (True, False):
            with self.conn.transaction(write=True) as conn:
                dealt = runs.start(conn, self.keyring, this, "UTC")
            self.assertEqual(dealt is not None, expected)
        self.assertEqual(outcomes(self.conn), ["started"])

    def test_two_processes(self) -> None:
        """Two connections that look at the same time start one task."""
        path = self.mktemp()
        self.conn.raw.execute("VACUUM INTO ?", (path,))
        both = [
            connect(path, now=self.clock, entropy=Entropy(1000 * n)) for n in (1, 2)
        ]
        for each in both:
            self.addCleanup(each.close)
        make_schedule(both[0], self.project, self.template)
        self.clock.advance(60)
        due = [self.due(each)[0] for each in both]
        for conn, this in zip(both, due, strict=True):
            with conn.transaction(write=True):
                runs.start(conn, self.keyring, this, "UTC")
        self.assertEqual(outcomes(both[1]), ["started"])
        self.assertEqual(len(task_ids(both[0])), 1)

    def test_crash(self) -> None:
        """What a crash interrupts is started by the next server, once."""
        self.schedule()
        self.clock.advance(60)
        (this,) = self.due()

        def crash() -> None:
            with self.conn.transaction(write=True) as conn:
                runs.start(conn, self.keyring, this, "UTC")
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, crash)
        self.assertEqual((outcomes(self.conn), task_ids(self.conn)), ([], []))
        self.assertEqual(len(self.deal()), 1)

    def test_clock_set_back(self) -> None:
        """A clock that is set back repeats nothing."""
        number = self.schedule(cron_format="0 * * * *")
        begin = datetime(2026, 5, 1, 12, tzinfo=UTC)
        self.conn.update(schema.schedule, number, next_run=begin)
        self.assertEqual(len(self.at(begin)), 1)
        self.end(TaskId(1))
        self.assertEqual(self.at(begin - HOUR), [])
        self.assertEqual(self.at(begin), [])
        # even if the schedule is saved while the clock is wrong
        self.conn.update(schema.schedule, number, next_run=begin)
        self.assertEqual(self.at(begin + timedelta(seconds=5)), [])
        self.assertEqual(len(self.at(begin + HOUR)), 1)
        self.assertEqual(outcomes(self.conn), ["started", "started"])

    def test_every(self) -> None:
        """``@every`` counts from the last start, and not from a start of the server."""
        number = self.schedule(cron_format="@every 7m")
        self.clock.advance(61)
        self.deal()
        with self.conn.transaction(write=True) as conn:
            runs.replan(conn, "UTC", ScheduleId(0))
        self.assertEqual(self.row(number).next_run, self.clock.time + 7 * MINUTE)

    def test_others(self) -> None:
        """A schedule that cannot start a task leaves a reason, and stops no other."""
        gone = make_template(self.conn, self.project, survey_vars="damaged")
        bad = make_schedule(self.conn, self.project, gone, name="Bad")
        good = self.schedule()
        self.clock.advance(60)
        first, second = self.deal()
        self.assertEqual((first.outcome, second.outcome), ("failed", "started"))
        self.assertIn("survey_vars", first.reason)
        self.assertTrue(first.is_trouble)
        self.assertIn(
            f"Schedule Bad started no task (failed): {first.reason}",
            self.conn.column(_EVENTS),
        )
        self.assertEqual(self.row(bad).next_run, self.row(good).next_run)

    def test_news(self) -> None:
        """A reason that stays is an event once."""
        bad = make_template(self.conn, self.project, survey_vars="damaged")
        make_schedule(self.conn, self.project, bad)
        for seconds, expected in ((60, True), (3600, False), (3600, False)):
            self.clock.advance(seconds)
            (dealt,) = self.deal()
            self.assertEqual(dealt.news, expected)
        told = [each for each in self.conn.column(_EVENTS) if "started no" in each]
        self.assertEqual(len(told), 1)

    def test_damaged(self) -> None:
        """A damaged row is said at the schedule."""
        for column, value in (
            ("task_params", '{"environment": 5}'),
            ("task_params", "nonsense"),
            ("catch_up", "sometimes"),
            ("cron_format", "nonsense"),
            ("timezone", "Mars/Olympus"),
        ):
            number = self.schedule(**{column: value})
            self.clock.advance(60)
            (dealt,) = self.deal()
            if column in {"cron_format", "timezone"}:
                self.assertFalse(self.row(number).active)
            else:
                self.assertEqual(dealt.outcome, "failed", column)
            self.conn.delete(schema.schedule, number)

    def test_deleted(self) -> None:
        """Without its template, or its project, a schedule is gone."""
        self.schedule()
        self.conn.delete(schema.template, self.template)
        self.clock.advance(60)
        self.assertEqual(self.deal(), [])
        self.assertIsNone(runs.earliest(self.conn))
        other = make_template(self.conn, self.project)
        make_schedule(self.conn, self.project, other)
        self.conn.delete(schema.template, other)
        self.conn.delete(schema.project, self.project.id)
        self.assertIsNone(runs.earliest(self.conn))

    def test_creator_is_gone(self) -> None:
        """A schedule does not depend on an account."""
        self.schedule()
        self.conn.raw.execute("DELETE FROM project__user")
        self.conn.raw.execute("DELETE FROM user")
        self.clock.advance(60)
        self.assertEqual(self.deal()[0].outcome, "started")


class OnceTests(RunTestCase):
    """Schedules that run once."""

    def test_run_at(self) -> None:
        """It runs at its time, and is switched off."""
        moment = self.clock.time + HOUR
        number = self.schedule(type="run_at", run_at=moment, next_run=moment)
        self.assertEqual(self.at(moment - MINUTE), [])
        self.assertEqual(len(self.at(moment)), 1)
        row = self.row(number)
        self.assertEqual((row.active, row.next_run), (False, None))

    def test_delete_after_run(self) -> None:
        """It is deleted with its run; the task stays."""
        for columns in (
            {"type": "run_at", "run_at": self.clock.time + MINUTE},
            {"cron_format": "* * * * *"},
        ):
            number = self.schedule(delete_after_run=True, **columns)
            self.clock.advance(60)
            (dealt,) = self.deal()
            self.assertEqual(dealt.outcome, "started")
            found = self.conn.one(statements.anywhere, Schedule, id=number)
            self.assertIsNone(found)
            self.assertEqual(outcomes(self.conn), [])
        self.assertEqual(len(task_ids(self.conn)), 2)

    def test_missed(self) -> None:
        """If it is missed, it is kept, switched off, with the reason."""
        moment = self.clock.time + HOUR
        number = self.schedule(
            type="run_at", run_at=moment, next_run=moment, delete_after_run=True
        )
        (dealt,) = self.at(moment + HOUR)
        self.assertEqual(dealt.outcome, "missed")
        self.assertFalse(self.row(number).active)


def _in_2026(text: str) -> datetime:
    """Return the time *text*, in UTC."""
    return datetime.fromisoformat(f"2026-{text}:00Z")


class CatchUpTests(RunTestCase):
    """The server was down, or its clock jumped."""

    def test_policies(self) -> None:
        """After three days at most one run follows, by the schedule's policy."""
        for policy, outcome in (("none", "missed"), ("one", "started")):
            number = self.schedule(cron_format="0 * * * *", catch_up=policy)
            (dealt,) = self.at(self.clock.time + 3 * DAY)
            self.assertEqual(dealt.outcome, outcome)
            self.assertEqual(self.deal(), [])
            following = self.clock.time.replace(minute=0, second=0) + HOUR
            self.assertEqual(self.row(number).next_run, following)
            self.conn.delete(schema.schedule, number)

    def test_restart(self) -> None:
        """A run is not missed because the server started again in that minute."""
        self.schedule()
        (dealt,) = self.at(self.clock.time + 2 * MINUTE)
        self.assertEqual(dealt.outcome, "started")
        self.end(TaskId(1))
        (dealt,) = self.at(self.clock.time + HOUR + MINUTE + timedelta(seconds=1))
        self.assertEqual(dealt.outcome, "missed")

    def test_clock_changes(self) -> None:
        """A server that was down over a clock change neither misses nor doubles."""
        for before, after, due, following in (
            # the gap of 2026-03-29: at 03:00, which is 01:00 UTC
            ("03-28T12:00", "03-29T12:00", "03-29T01:00", "03-30T00:30"),
            # the server starts in the second occurrence of 2026-10-25, 02:30
            ("10-24T12:00", "10-25T01:30", "10-25T00:30", "10-26T01:30"),
            # and between both
            ("10-24T12:00", "10-25T00:50", "10-25T00:30", "10-26T01:30"),
        ):
            self.clock.time = _in_2026(before)
            number = self.schedule(
                cron_format="30 2 * * *",
                timezone="Europe/Berlin",
                catch_up="one",
                next_run=_in_2026(due),
            )
            with self.conn.transaction(write=True) as conn:
                runs.replan(conn, "UTC", ScheduleId(0))
            row = self.row(number)
            self.assertEqual(row.next_run, _in_2026(due))
            self.clock.time = _in_2026(after)
            with self.conn.transaction(write=True) as conn:
                runs.replan(conn, "UTC", ScheduleId(0))  # as a start does
            self.assertEqual([each.outcome for each in self.deal()], ["started"])
            row = self.row(number)
            self.assertEqual(row.next_run, _in_2026(following))
            self.conn.delete(schema.schedule, number)

    def test_replan(self) -> None:
        """With another zone of the installation coming times change, missed stay."""
        coming = self.schedule(
            cron_format="0 12 * * *", next_run=datetime(2026, 1, 2, 12, tzinfo=UTC)
        )
        own = self.schedule(
            cron_format="0 12 * * *",
            timezone="UTC",
            next_run=datetime(2026, 1, 2, 12, tzinfo=UTC),
        )
        missed = self.schedule(
            cron_format="0 2 * * *", next_run=datetime(2026, 1, 2, 2, tzinfo=UTC)
        )
        with self.conn.transaction(write=True) as conn:
            last = runs.replan(conn, "Asia/Tokyo", ScheduleId(0))
        self.assertIsNone(last)
        for number, moment in (
            (coming, datetime(2026, 1, 3, 3, tzinfo=UTC)),
            (own, datetime(2026, 1, 2, 12, tzinfo=UTC)),
            (missed, datetime(2026, 1, 2, 2, tzinfo=UTC)),
        ):
            self.assertEqual(self.row(number).next_run, moment)


class OverrunTests(RunTestCase):
    """A run takes longer than the period."""

    def test_queue(self) -> None:
        """One task of the schedule may wait while another runs; never more."""
        start = self.clock.time + timedelta(seconds=2)
        self.schedule(cron_format="@every 2s", next_run=start)
        for _ in range(30):
            self.clock.advance(2)
            self.deal()
            with self.conn.transaction(write=True) as conn:
                if not conn.column(
                    select(schema.task.c.id).where(schema.task.c.status != "waiting")
                ):
                    claim(conn, lambda waiting, _: [each.id for each in waiting])
        self.assertEqual(len(task_ids(self.conn)), 2)
        self.assertEqual(outcomes(self.conn)[-1], "skipped")

    def test_skip(self) -> None:
        """With ``skip`` none is queued while another one runs."""
        self.schedule(cron_format="@every 10s", overrun="skip")
        self.clock.advance(60)
        self.deal()
        with self.conn.transaction(write=True) as conn:
            claim(conn, lambda waiting, _: [each.id for each in waiting])
        self.clock.advance(10)
        (dealt,) = self.deal()
        self.assertEqual(dealt.outcome, "skipped")
        self.assertIn("has not ended", dealt.reason)
        self.end_running()
        self.clock.advance(10)
        self.assertEqual(self.deal()[0].outcome, "started")

    def end_running(self) -> None:
        """End the task that has started."""
        task = task_of(self.conn, self.project.id, TaskId(1))
        move(self.conn, task, TaskEvent.FAILED)


class CommitTests(RunTestCase):
    """Schedules that wait for commits."""

    def setUp(self) -> None:
        """Make a schedule that is due at once."""
        super().setUp()
        self.repository = self.conn.scalar(select(schema.repository.c.id))
        self.number = self.schedule(
            cron_format="* * * * *",
            repository_id=self.repository,
            next_run=self.clock.time,
        )

    def take(self) -> tuple[Due, Branch]:
        """Take the next due time."""
        self.clock.advance(60)
        (this,) = self.due()
        with self.conn.transaction(write=True) as conn:
            branch = runs.take(conn, this, "UTC")
        assert branch is not None
        self.assertEqual(branch.repository_id, self.repository)
        return this, branch

    def compare(self, this: Due, branch: Branch, commit: str) -> Dealt | None:
        """Deal with a due time, at which *branch* was read: it is at *commit*."""
        with self.conn.transaction(write=True) as conn:
            return runs.compare(conn, self.keyring, this, branch, commit)

    def look(self, commit: str) -> Dealt | None:
        """Deal with the next due time, at which the branch is at *commit*."""
        return self.compare(*self.take(), commit)

    def outcome(self, commit: str) -> str:
        """Return what happens at the next due time, at which a branch has *commit*."""
        dealt = self.look(commit)
        assert dealt is not None
        return dealt.outcome

    def test_commits(self) -> None:
        """The first commit is noted; each later one starts one task."""
        for commit, outcome in (
            ("a" * 40, "noted"),
            ("a" * 40, "unchanged"),
            ("b" * 40, "started"),
            ("b" * 40, "unchanged"),
            ("b" * 40, "unchanged"),
        ):
            dealt = self.look(commit)
            assert dealt is not None
            self.assertEqual(dealt.outcome, outcome)
        # of the checks without a new commit the last one is kept
        self.assertEqual(outcomes(self.conn), ["noted", "started", "unchanged"])
        self.assertEqual(len(task_ids(self.conn)), 1)

    def test_waiting(self) -> None:
        """A commit that comes while a task waits starts one later."""
        self.look("a" * 40)
        self.look("b" * 40)
        dealt = self.look("c" * 40)
        assert dealt is not None
        self.assertEqual(dealt.outcome, "skipped")
        self.end(TaskId(1))
        dealt = self.look("c" * 40)
        assert dealt is not None
        self.assertEqual(dealt.outcome, "started")

    def test_once(self) -> None:
        """Two servers that see a commit start one task."""
        self.look("a" * 40)
        this, branch = self.take()
        with self.conn.transaction(write=True) as conn:
            self.assertIsNone(runs.take(conn, this, "UTC"))
        self.assertIsNotNone(self.compare(this, branch, "b" * 40))
        self.assertIsNone(self.compare(this, branch, "b" * 40))
        self.assertEqual(len(task_ids(self.conn)), 1)

    def test_changed_meanwhile(self) -> None:
        """A commit that was read before a change of the schedule is ignored."""
        self.look("a" * 40)
        this, branch = self.take()
        for columns in ({"active": False}, {"repository_id": None}):
            self.conn.update(schema.schedule, self.number, **columns)
            self.assertIsNone(self.compare(this, branch, "b" * 40))
        self.assertEqual(task_ids(self.conn), [])

    def test_other_source(self) -> None:
        """Another branch or another URL is read anew: its commit starts no task."""
        repository, template = self.repository, self.template
        changes: tuple[tuple[Table, int, dict[str, str]], ...] = (
            (schema.template, template, {"git_branch": "release"}),
            (schema.template, template, {"git_branch": ""}),
            (schema.repository, repository, {"git_branch": "next"}),
            (schema.repository, repository, {"git_url": "https://b.example/c.git"}),
        )
        self.assertEqual(self.outcome("a" * 40), "noted")
        for number, (table, row, columns) in enumerate(changes):
            self.conn.update(table, row, **columns)
            commit = f"{number}" * 40
            self.assertEqual(self.outcome(commit), "noted", columns)
            self.assertEqual(self.outcome(commit), "unchanged", columns)
        self.assertEqual(task_ids(self.conn), [])
        self.assertEqual(self.outcome("b" * 40), "started")

    def test_source_changed_meanwhile(self) -> None:
        """A commit of a branch that is not watched any more is ignored."""
        self.look("a" * 40)
        this, branch = self.take()
        self.conn.update(schema.template, self.template, git_branch="release")
        self.assertIsNone(self.compare(this, branch, "b" * 40))
        self.assertEqual(self.outcome("c" * 40), "noted")
        self.assertEqual(task_ids(self.conn), [])

    def test_stored_by_an_older_release(self) -> None:
        """A commit that was stored without its source is of the present source."""
        self.conn.update(schema.schedule, self.number, last_commit_hash="a" * 40)
        self.assertEqual(self.outcome("a" * 40), "unchanged")
        self.assertEqual(self.outcome("b" * 40), "started")

    def test_start_fails(self) -> None:
        """A commit whose task could not be queued starts it after the repair."""
        self.look("a" * 40)
        self.conn.update(schema.schedule, self.number, secret="damaged")
        self.assertEqual(self.outcome("b" * 40), "failed")
        self.assertEqual(self.outcome("b" * 40), "failed")
        self.conn.update(schema.schedule, self.number, secret=None)
        self.assertEqual(self.outcome("b" * 40), "started")
        self.assertEqual(self.outcome("b" * 40), "unchanged")

    def test_failure(self) -> None:
        """A branch that cannot be read leaves its reason, and is read again."""
        self.clock.advance(60)
        (this,) = self.due()
        with self.conn.transaction(write=True) as conn:
            runs.take(conn, this, "UTC")
            dealt = runs.fail(conn, this, "no such host", "UTC")
        assert dealt is not None
        self.assertEqual(dealt.outcome, "failed")
        row = self.row(self.number)
        assert row.next_run is not None
        self.assertGreater(row.next_run, self.clock.time)
        self.assertTrue(row.active)

    def test_branch(self) -> None:
        """The branch is that of the template, if it runs from this repository."""
        self.conn.update(schema.template, self.template, git_branch="release")
        self.clock.advance(60)
        (this,) = self.due()
        with self.conn.transaction(write=True) as conn:
            branch = runs.take(conn, this, "UTC")
        assert branch is not None
        self.assertEqual(branch.branch, "release")


class LimitTests(RunTestCase):
    """Limits of the runs that are kept."""

    def test_kept(self) -> None:
        """Of the due times of a schedule the newest are kept."""
        self.schedule(cron_format="@every 10s")
        self.clock.advance(60)
        for _ in range(limits.SCHEDULE_RUNS + 20):
            self.deal()
            self.clock.advance(10)
        found = outcomes(self.conn)
        self.assertEqual(len(found), limits.SCHEDULE_RUNS)
        self.assertEqual(set(found), {"skipped"})

    def test_due(self) -> None:
        """Due schedules are dealt with in parts."""
        for _ in range(limits.SCHEDULES_DUE + 5):
            self.schedule()
        self.clock.advance(60)
        self.assertEqual(len(self.due()), limits.SCHEDULES_DUE)
        self.assertEqual(len(self.deal()), limits.SCHEDULES_DUE + 5)
