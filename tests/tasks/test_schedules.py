"""Tests of the service that starts the tasks of schedules."""

import gc
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from attrs import define, field
from sqlalchemy import func, select
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import IScheduleControl
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid, NoRoom
from semaphore_twisted.model.ids import ScheduleId
from semaphore_twisted.operations.schedules import runs
from semaphore_twisted.operations.schedules.runs import Branch
from semaphore_twisted.persistence import schema
from semaphore_twisted.tasks.schedules import (
    LOOK_SECONDS,
    RETRY_SECONDS,
    ScheduleService,
)
from tests.support.http import RecordingTasks
from tests.support.memory import (
    FixedClock,
    MemoryDatabase,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.schedules import make_schedule, outcomes, task_ids
from tests.support.tasks import make_keyring, make_template

_REASONS = select(schema.schedule_run.c.reason)


@define(eq=False)
class Heads:
    """Branches whose newest commit the test chooses."""

    commit: str = "a" * 40
    asked: list[Branch] = field(factory=list)
    #: answers come when the test gives them
    slow: bool = False
    waiting: list[Deferred[str]] = field(factory=list)
    error: Exception | None = None

    def head(self, branch: Branch) -> Deferred[str]:
        """Return the newest commit."""
        self.asked.append(branch)
        if self.error is not None:
            return fail(self.error)
        if not self.slow:
            return succeed(self.commit)
        answer: Deferred[str] = Deferred()
        self.waiting.append(answer)
        return answer


class FullDatabase(MemoryDatabase):
    """A database that refuses writes on demand."""

    full = False
    broken: tuple[ScheduleId, ...] = ()
    #: called before each write
    slow: Callable[[], None] = staticmethod(lambda: None)

    def write(self, operation: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Refuse, if the disk is full; fail for some schedules."""
        self.slow()
        if self.full:
            return fail(NoRoom())
        if any(getattr(each, "id", None) in self.broken for each in args):
            return fail(ZeroDivisionError())
        return super().write(operation, *args, **kwargs)

    def writing(self, **_: bool) -> Any:
        """Return :meth:`write`."""
        return self.write


class ServiceTestCase(SynchronousTestCase):
    """A service with a template, and two clocks."""

    def setUp(self) -> None:
        """Make the service, which is not started."""
        self.wall, self.clock = FixedClock(), Clock()
        self.database = FullDatabase(memory_connection(self.wall))
        self.conn = self.database.conn
        self.project = make_project(self.conn, make_user(self.conn))
        self.template = make_template(self.conn, self.project)
        self.tasks, self.heads = RecordingTasks(), Heads()
        self.service = self.new_service()

    def new_service(self, zone: str = "UTC") -> ScheduleService:
        """Return a service for the same database."""
        return ScheduleService(
            database=self.database,
            keyring=make_keyring(),
            tasks=self.tasks,
            head=self.heads.head,
            zone=zone,
            clock=self.clock,
            now=self.wall,
        )

    def schedule(self, **columns: Any) -> ScheduleId:
        """Store a schedule."""
        return make_schedule(self.conn, self.project, self.template, **columns)

    def start(self) -> None:
        """Start the service."""
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def next_run(self, number: ScheduleId) -> datetime:
        """Return the next due time of a schedule."""
        statement = select(schema.schedule.c.next_run)
        return datetime.fromisoformat(
            self.conn.scalar(statement.where(schema.schedule.c.id == number))
        )

    def pass_time(self, seconds: float, *, steps: float = 1.0) -> None:
        """Let time pass, by both clocks."""
        left = seconds
        while left > 0:
            step = min(steps, left)
            self.wall.advance(step)
            self.clock.advance(step)
            left -= step


class TimerTests(ServiceTestCase):
    """One timer for all schedules."""

    def test_contract(self) -> None:
        """The service has the interface that handlers use."""
        verifyObject(IScheduleControl, self.service)

    def test_due(self) -> None:
        """A task is queued within a second of its due time, and observers are told."""
        number = self.schedule()
        self.start()
        self.pass_time(59)
        self.assertEqual(self.tasks.changes, [])
        self.pass_time(2)
        (task,) = self.tasks.changes
        self.assertEqual(task.schedule_id, number)
        self.pass_time(3600)
        self.assertEqual(outcomes(self.conn), ["started", "skipped"])

    def test_quiet(self) -> None:
        """Between due times there is one look each half minute, and no write."""
        for _ in range(50):
            self.schedule(next_run=self.wall.time + timedelta(hours=2))
        self.start()
        self.database.asked.clear()
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), LOOK_SECONDS)
        self.pass_time(3600)
        self.assertEqual(self.database.asked, [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_wake(self) -> None:
        """A new schedule is noticed at once, without schedules nothing happens."""
        self.start()
        self.schedule(next_run=self.wall.time + timedelta(seconds=5))
        self.service.wake()
        self.pass_time(6)
        self.assertEqual(len(self.tasks.changes), 1)

    def test_other_process(self) -> None:
        """A schedule of another process is noticed within half a minute."""
        self.start()
        self.schedule(next_run=self.wall.time + timedelta(seconds=2))
        self.pass_time(LOOK_SECONDS + 1)
        self.assertEqual(len(self.tasks.changes), 1)

    def test_jump_ahead(self) -> None:
        """If the clock jumps by three days, each schedule catches up at most once."""
        self.schedule(catch_up="one")
        self.schedule(catch_up="none")
        self.start()
        self.wall.advance(3 * 86400)
        self.pass_time(LOOK_SECONDS)
        self.assertEqual(outcomes(self.conn), ["started", "missed"])

    def test_jump_back(self) -> None:
        """If the clock is set back, nothing is repeated, and nothing is skipped."""
        self.schedule(cron_format="@every 10m", overrun="queue")
        self.start()
        self.pass_time(61)
        self.conn.raw.execute("UPDATE task SET status = 'success'")
        self.wall.advance(-3600)
        self.pass_time(3600)
        self.assertEqual(len(task_ids(self.conn)), 1)
        self.pass_time(601)
        self.assertEqual(len(task_ids(self.conn)), 2)

    def test_wrong_clock(self) -> None:
        """A clock that was a year ahead for a minute stops no schedule for a year."""
        daily = self.schedule(cron_format="0 0 * * *")
        often = self.schedule(cron_format="@every 10m")
        idle = self.schedule(
            cron_format="@every 4h", next_run=self.wall.time + timedelta(hours=4)
        )
        self.start()
        begin = self.wall.time
        self.wall.advance(365 * 86400)
        self.pass_time(LOOK_SECONDS)
        self.assertEqual(outcomes(self.conn), ["missed"] * 3)
        self.wall.advance(-365 * 86400)
        self.pass_time(LOOK_SECONDS)
        day = datetime.combine(begin.date() + timedelta(days=1), time(), UTC)
        self.assertEqual(self.next_run(daily), day)
        for number, interval in ((often, 600), (idle, 4 * 3600)):
            left = (self.next_run(number) - self.wall.time).total_seconds()
            self.assertTrue(0 < left <= interval, left)

    def test_set_back_while_down(self) -> None:
        """A start with a clock that is three hours behind repeats no run."""
        self.schedule(cron_format="* * * * *", overrun="queue", catch_up="one")
        self.start()
        self.pass_time(3 * 3600, steps=15)
        self.successResultOf(self.service.stopService())
        self.conn.raw.execute("UPDATE task SET status = 'success'")
        self.wall.advance(-3 * 3600)
        self.service = self.new_service()
        self.start()
        before = len(task_ids(self.conn))
        self.pass_time(3 * 3600 - 60, steps=15)
        self.assertEqual(len(task_ids(self.conn)), before)
        self.pass_time(120)
        self.assertEqual(len(task_ids(self.conn)), before + 1)

    def test_stop(self) -> None:
        """After a stop nothing starts; the next service goes on."""
        self.schedule()
        self.service.startService()
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.service.wake()
        self.pass_time(90)
        self.assertEqual(task_ids(self.conn), [])
        self.service = self.new_service()
        self.start()
        self.assertEqual(len(task_ids(self.conn)), 1)

    def test_zone(self) -> None:
        """A start computes coming due times anew, for the zone of the installation."""
        number = self.schedule(
            cron_format="0 12 * * *", next_run=self.wall.time + timedelta(hours=9)
        )
        self.service = self.new_service("Asia/Tokyo")
        self.start()
        self.assertEqual(self.next_run(number), datetime(2026, 1, 3, 3, tzinfo=UTC))


class TroubleTests(ServiceTestCase):
    """What must not stop the others."""

    def test_full_disk(self) -> None:
        """While the disk is full nothing is lost; then the task starts."""
        self.schedule()
        self.start()
        self.pass_time(55)
        self.database.full = True
        self.pass_time(20)
        self.assertEqual(task_ids(self.conn), [])
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        self.database.full = False
        self.pass_time(RETRY_SECONDS)
        self.assertEqual(outcomes(self.conn), ["started"])

    def test_full_for_long(self) -> None:
        """A due time that was missed because of a full disk is recorded as missed."""
        self.schedule()
        self.start()
        self.database.full = True
        self.pass_time(600)
        self.database.full = False
        self.pass_time(RETRY_SECONDS)
        self.assertEqual(outcomes(self.conn), ["missed"])

    def test_busy(self) -> None:
        """Many runs at one time are not missed because starting them takes long."""
        for _ in range(90):
            self.schedule()
        self.start()
        self.database.slow = self.pass_a_second
        self.pass_time(61)
        self.assertEqual(outcomes(self.conn), ["started"] * 90)

    def pass_a_second(self) -> None:
        """Let a second pass without looking at timers."""
        self.wall.advance(1)
        self.clock.rightNow += 1

    def test_fault(self) -> None:
        """A fault of this program stops no other schedule, and is tried again."""
        broken = self.schedule()
        self.schedule()
        self.database.broken = (broken,)
        self.start()
        self.pass_time(62)
        self.assertEqual(outcomes(self.conn), ["started"])
        self.assertGreaterEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.database.broken = ()
        self.pass_time(RETRY_SECONDS)
        self.assertEqual(outcomes(self.conn), ["started", "started"])

    def test_two_servers(self) -> None:
        """Two servers on one database start each run once, also if one ends."""
        for n in range(20):
            moment = self.wall.time + timedelta(seconds=3 * n)
            self.schedule(next_run=moment)
        second = self.new_service()
        self.start()
        second.startService()
        self.pass_time(30)
        self.successResultOf(second.stopService())
        self.pass_time(60)
        self.assertEqual(outcomes(self.conn), ["started"] * 20)
        self.assertEqual(len(task_ids(self.conn)), 20)


class HeadTests(ServiceTestCase):
    """Schedules that wait for commits."""

    def setUp(self) -> None:
        """Choose the template's repository."""
        super().setUp()
        self.repository = self.conn.scalar(select(schema.repository.c.id))

    def watch(self, **columns: Any) -> ScheduleId:
        """Store a schedule that looks for commits each minute."""
        return self.schedule(
            cron_format="* * * * *",
            repository_id=self.repository,
            **{"next_run": self.wall.time, **columns},
        )

    def test_push(self) -> None:
        """A push starts one task within the interval; a restart starts none."""
        self.watch()
        self.start()
        self.assertEqual(outcomes(self.conn), ["noted"])
        self.pass_time(120)
        self.assertEqual(task_ids(self.conn), [])
        self.heads.commit = "b" * 40
        self.pass_time(65)
        self.assertEqual(len(self.tasks.changes), 1)
        self.pass_time(300)
        self.successResultOf(self.service.stopService())
        self.service = self.new_service()
        self.start()
        self.pass_time(300)
        self.assertEqual(len(task_ids(self.conn)), 1)

    def test_failure(self) -> None:
        """Why a branch cannot be read is recorded; other schedules go on."""
        self.watch()
        self.schedule()
        self.heads.error = Invalid("the host was not found")
        self.start()
        self.pass_time(62)
        self.assertEqual(outcomes(self.conn), ["failed", "failed", "started"])
        self.assertIn("the host was not found", self.conn.column(_REASONS))
        self.heads.error = ZeroDivisionError()
        self.pass_time(60)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.heads.error = None
        self.pass_time(60)
        self.assertIn("noted", outcomes(self.conn))

    def test_slow(self) -> None:
        """While a branch is read it is not read again, and others are not held up."""
        self.watch()
        self.heads.slow = True
        self.start()
        self.schedule(next_run=self.wall.time + timedelta(seconds=90))
        self.pass_time(150)
        self.assertEqual(len(self.heads.asked), 1)
        self.assertEqual(outcomes(self.conn), ["started"])
        self.heads.waiting[0].callback("a" * 40)
        self.pass_time(60)
        self.assertEqual(len(self.heads.asked), 2)

    def test_at_once(self) -> None:
        """Only some branches are read at once, and fewer of them in one project."""
        for _ in range(limits.SCHEDULE_HEADS + 3):
            self.watch()
        self.heads.slow = True
        self.start()
        own, most = limits.SCHEDULE_HEADS_OF_PROJECT, limits.SCHEDULE_HEADS
        self.assertEqual(len(self.heads.asked), own)
        for _ in range(2):
            self.project = make_project(self.conn)
            self.template = make_template(self.conn, self.project)
            newest = select(func.max(schema.repository.c.id))
            self.repository = self.conn.scalar(newest)
            for _ in range(2 * own):
                self.watch()
        self.service.wake()
        self.assertEqual(len(self.heads.asked), most)
        of_projects = Counter(each.project_id for each in self.heads.asked)
        self.assertEqual(set(of_projects.values()), {own})
        gc.collect()  # what waits is not lost
        for n in range(limits.SCHEDULE_HEADS + 3 + 4 * own):
            self.assertLessEqual(len(self.heads.asked), n + most)
            self.heads.waiting[n].callback("a" * 40)
        self.assertEqual(Counter(outcomes(self.conn)), {"noted": n + 1})

    def test_off(self) -> None:
        """A schedule that is switched off looks for nothing."""
        self.watch(active=False, next_run=None)
        self.start()
        self.pass_time(120)
        self.assertEqual(self.heads.asked, [])


class CostTests(ServiceTestCase):
    """Many schedules."""

    def test_thousand(self) -> None:
        """A look at a thousand schedules reads no row of one that is not due."""
        for _ in range(1000):
            self.schedule(next_run=self.wall.time + timedelta(hours=1))
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        self.conn.raw.set_progress_handler(count, 1)
        self.assertIsNotNone(runs.earliest(self.conn))
        self.assertEqual(runs.due(self.conn), [])
        self.conn.raw.set_progress_handler(None, 0)
        self.assertLess(steps, 200)
