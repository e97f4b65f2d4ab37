"""Tests of the service that runs tasks."""

import os
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from attrs import define, field
from sqlalchemy import select
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import ITaskControl, ITaskObserver
from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.jobs.shortages import ERRORS, SupervisorFailed
from semaphore_twisted.model.errors import Invalid, NoRoom
from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId
from semaphore_twisted.model.jobs import JobResult, JobSpecification, Step
from semaphore_twisted.model.keys import KeyType, Text
from semaphore_twisted.model.results import RunProgress
from semaphore_twisted.model.tasks import (
    IllegalTransition,
    OutputLine,
    Task,
    TaskStatus,
)
from semaphore_twisted.operations.tasks import output
from semaphore_twisted.operations.tasks.output import page
from semaphore_twisted.operations.tasks.task_lifecycle import TRIM_AT_ONCE
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.statements.tasks import tasks as statements
from semaphore_twisted.tasks.job_directories import Ended, State
from semaphore_twisted.tasks.observers import Observers
from semaphore_twisted.tasks.queue import TaskOptions
from semaphore_twisted.tasks.service import TaskService
from tests.support.jobs import MemoryJob, MemoryRunner
from tests.support.memory import MemoryDatabase, make_project, make_user
from tests.support.tasks import (
    make_key,
    make_keyring,
    make_repository,
    make_task,
    make_template,
)

SECRETS = select(schema.task.c.secret)
RUNNING = select(schema.task.c.id).where(schema.task.c.status == "running")

#: A job that prints one line and is over.
_SAY = Step(name="say", argv=("say", "quick"))


def _task_of(job_name: str) -> TaskId:
    return TaskId(int(job_name.removeprefix("task_")))


@define(eq=False)
class MemoryPlaces:
    """Spools that are names; a spool has begun once it was started."""

    states: dict[TaskId, State] = field(factory=dict)
    swept: list[frozenset[str]] = field(factory=list)
    removed: list[str] = field(factory=list)
    #: jobs that run and that the database does not know
    unknown: list[str] = field(factory=list)
    full: str | None = None
    #: how jobs ended whose spools are read
    ends: dict[TaskId, Ended] = field(factory=dict)

    def find(self, uuid: str, task_id: TaskId) -> str:
        """Return a name with the number in it, so that tests can tell them apart."""
        return f"task_{task_id}"

    def spool(self, job_name: str) -> str:
        """Return a path."""
        return f"/spools/{job_name}"

    def make(self, job_name: str) -> str:
        """Note a spool."""
        self.states[_task_of(job_name)] = "begun"
        return self.spool(job_name)

    def state(self, job_name: str) -> State:
        """Return the state that the test has set, or the actual one."""
        return self.states.get(_task_of(job_name), "absent")

    def ended(self, job_name: str, offset: int) -> Ended | None:
        """Return what the test says."""
        return self.ends.get(_task_of(job_name))

    def remove(self, job_name: str) -> None:
        """Forget a spool."""
        self.removed.append(job_name)
        self.states.pop(_task_of(job_name), None)

    def sweep(self, keep: frozenset[str]) -> list[str]:
        """Note it."""
        self.swept.append(keep)
        return self.unknown

    def shortage(self) -> str | None:
        """Return what the test says."""
        return self.full


@implementer(ITaskObserver)
@define(eq=False)
class Watcher:
    """Notes everything, in its order."""

    heard: list[Any] = field(factory=list)
    broken: bool = False

    def task_changed(self, task: Task) -> None:
        """Note a status, unless it is broken."""
        if self.broken:
            raise ZeroDivisionError
        self.heard.append((task.id, str(task.status)))

    def output_appended(
        self, project_id: ProjectId, task_id: TaskId, lines: Sequence[OutputLine]
    ) -> None:
        """Note texts."""
        self.heard += [(task_id, line.output) for line in lines]

    def output_begun(self, project_id: ProjectId, line: OutputLine) -> None:
        """Note the beginning of a line."""
        self.heard.append((line.task_id, f"{line.output}…"))

    def progress_changed(
        self, project_id: ProjectId, task_id: TaskId, progress: RunProgress
    ) -> None:
        """Note the progress of a run."""
        self.heard.append((task_id, progress))


def prepare(order: JobOrder) -> JobSpecification:
    """Return a job that the test moves."""
    return JobSpecification(
        mark="m", spool=f"/spools/task_{order.task.id}", workspace="/w", steps=()
    )


def prepare_empty(spool: str) -> JobSpecification:
    """Return a job that the test moves, with its spool."""
    return JobSpecification(mark="m", spool=spool, workspace="/w", steps=())


P = ParamSpec("P")
T = TypeVar("T")


def at_once(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """Run what a worker would run."""
    return maybeDeferred(function, *args, **kwargs)


class ServiceTestCase(SynchronousTestCase):
    """A service over memory."""

    options = TaskOptions()

    def setUp(self) -> None:
        """Make a project with a template, and start the service."""
        self.database = MemoryDatabase()
        self.conn = self.database.conn
        self.user = make_user(self.conn)
        self.project = make_project(self.conn, self.user)
        self.template = make_template(self.conn, self.project)
        self.runner = MemoryRunner()
        self.directories = MemoryPlaces()
        self.watcher = Watcher()
        self.clock = Clock()
        self.prepare: Callable[[JobOrder], JobSpecification] = prepare
        self.service = self.start()

    def start(self) -> TaskService:
        """Return a new service, started."""
        service = TaskService(
            database=self.database,
            runner=self.runner,
            keyring=make_keyring(),
            prepare=self.prepared,
            directories=self.directories,
            compute=at_once,
            observers=Observers([self.watcher]),
            options=self.options,
            clock=self.clock,
        )
        self.successResultOf(service.startService())
        return service

    def prepared(self, order: JobOrder) -> JobSpecification:
        """Do what the test wants at this moment."""
        return self.prepare(order)

    def restart(self) -> None:
        """End the service as a server does, and start another one."""
        self.successResultOf(self.service.stopService())
        self.service = self.start()

    def crash(self) -> None:
        """Forget the service as ``kill -9`` does, and start another one."""
        self.service._running = False
        for run in self.service._runs.values():
            if run.job is not None:
                run.job.abandon()
            if run.log is not None:
                run.log.close()
        self.service = self.start()

    def task(self, template: TemplateId | None = None, **columns: Any) -> TaskId:
        """Store a waiting task and wake the service."""
        task_id = make_task(
            self.conn, self.project, template or self.template, **columns
        )
        self.service.wake()
        return task_id

    def row(self, task_id: TaskId) -> Task:
        """Return a task."""
        found = self.conn.one(statements.by_id, Task, id=task_id)
        assert found is not None
        return found

    def status(self, task_id: TaskId) -> TaskStatus:
        """Return a task's status."""
        return self.row(task_id).status

    def job(self, task_id: TaskId) -> MemoryJob:
        """Return a task's job."""
        return self.runner.jobs[f"/spools/task_{task_id}"]

    def texts(self, task_id: TaskId) -> list[str]:
        """Return the log without what the service says at the start."""
        lines = page(self.conn, task_id, limit=100_000, most=10_000_000)
        texts = [line.output for line in lines]
        self.assertEqual([line.id for line in lines], list(range(1, len(lines) + 1)))
        own = (f"Task {task_id} added", f"Started: {task_id}", "Run TaskRunner")
        return [text for text in texts if not text.startswith(own)]

    def stop(self, task_id: TaskId, *, force: bool = False) -> None:
        """Ask for the end of a task."""
        self.successResultOf(self.service.stop(task_id, force=force))


class RunTests(ServiceTestCase):
    """From waiting to an end."""

    def test_interface(self) -> None:
        """The service controls tasks."""
        self.assertTrue(verifyObject(ITaskControl, self.service))

    def test_success(self) -> None:
        """A task starts at once, its lines are stored, its end is told last."""
        task = self.task()
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        job = self.job(task)
        job.say("one")
        self.clock.advance(1)
        job.say("two")
        job.tell("commit_hash", "abc")
        job.end()
        row = self.row(task)
        self.assertEqual((row.status, row.commit_hash), (TaskStatus.SUCCESS, "abc"))
        self.assertEqual(self.texts(task), ["one", "two"])
        self.assertEqual(
            self.watcher.heard,
            [
                (task, "starting"),
                (task, f"Task {task} added to queue"),
                (task, f"Started: {task}"),
                (task, "Run TaskRunner with template: Say"),
                (task, "running"),
                (task, "one"),
                (task, "two"),
                (task, "success"),
            ],
        )
        self.assertEqual(self.directories.states, {})
        self.assertEqual(len(self.service), 0)

    def test_keys_used(self) -> None:
        """A key counts as used once a job has received it, not before."""
        key = make_key(self.conn, self.project)
        repository = make_repository(self.conn, self.project, key)
        template = make_template(self.conn, self.project, repository_id=repository)
        used = select(schema.access_key.c.last_used).where(
            schema.access_key.c.id == key
        )
        task = self.task(template)
        self.assertIsNotNone(self.conn.scalar(used))
        self.job(task).end()

    def test_inventory_used(self) -> None:
        """The inventory that the job received is kept, whatever the template gets."""
        old, new = (
            self.conn.insert(
                schema.inventory,
                project_id=self.project.id,
                name=name,
                type="static",
                inventory="web1",
            )
            for name in ("old", "new")
        )
        template = make_template(self.conn, self.project, inventory_id=old)
        used = select(schema.task.c.used_inventory_id)
        task = self.task(template)
        self.conn.update(schema.template, template, inventory_id=new)
        self.job(task).end()
        found = self.conn.scalar(used.where(schema.task.c.id == task))
        self.assertEqual(found, old)

    def test_lines_before_the_end(self) -> None:
        """Lines that are still gathered are stored before a final status is told."""
        task = self.task()
        job = self.job(task)
        job.say("one")
        job.say("two")
        job.end("error", "exit status 2")
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertEqual(
            self.watcher.heard[-3:], [(task, "one"), (task, "two"), (task, "error")]
        )

    def test_ends_before_the_start_is_noted(self) -> None:
        """A job that is over at once ends rightly, with a start time."""
        self.prepare = lambda order: JobSpecification(
            mark="m",
            spool=f"/spools/task_{order.task.id}",
            workspace="/w",
            steps=(_SAY,),
        )
        task = self.task()
        self.clock.advance(1)
        row = self.row(task)
        self.assertEqual(row.status, TaskStatus.SUCCESS)
        self.assertIsNotNone(row.start)
        self.assertEqual(self.texts(task), ["quick"])
        self.assertEqual(self.watcher.heard[-1], (task, "success"))

    def test_queue(self) -> None:
        """The next task starts when one ends, without a tick."""
        first, second = self.task(), self.task()
        self.assertEqual(self.status(second), TaskStatus.WAITING)
        self.job(first).end()
        self.assertEqual(self.status(second), TaskStatus.RUNNING)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_secrets_go(self) -> None:
        """The one-time secrets of a task that runs are not in the store."""
        self.task(secret=None)
        self.assertEqual(self.conn.column(SECRETS), [None])

    def test_changed(self) -> None:
        """A change by an operation is published, and the queue is checked."""
        made = make_task(self.conn, self.project, self.template)
        self.service.changed(self.row(made))
        self.assertEqual(
            self.watcher.heard[:2], [(made, "waiting"), (made, "starting")]
        )

    def test_disk_full(self) -> None:
        """No task starts on a disk that is nearly full; later it is tried again."""
        self.directories.full = "no room"
        task = self.task()
        self.assertEqual(self.status(task), TaskStatus.WAITING)
        self.directories.full = None
        self.clock.advance(60)
        self.assertEqual(self.status(task), TaskStatus.RUNNING)

    def test_observer_fails(self) -> None:
        """An observer's failure ends in the log, and the task goes on."""
        self.watcher.broken = True
        task = self.task()
        self.job(task).end()
        self.assertEqual(self.status(task), TaskStatus.SUCCESS)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)


class FailureTests(ServiceTestCase):
    """Tasks that cannot start."""

    def test_refused_order(self) -> None:
        """A task that cannot be prepared is an error with the reason in its log."""

        def refuse(_: JobOrder) -> JobSpecification:
            raise Invalid("The playbook is outside of the repository")

        self.prepare = refuse
        task = self.task()
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertEqual(
            self.texts(task),
            ["Failed to run task: The playbook is outside of the repository"],
        )
        reason = select(schema.task_stage.c.reason)
        self.assertEqual(
            self.conn.scalar(reason), "The playbook is outside of the repository"
        )
        self.assertEqual(self.runner.started, [])

    def test_unreadable_key(self) -> None:
        """A key that cannot be opened is named in the log of the task."""
        key = make_key(
            self.conn,
            self.project,
            make_keyring(9),
            Text(text="hush"),
            name="Old key",
            kind=KeyType.STRING,
        )
        repository = make_repository(self.conn, self.project, key)
        template = make_template(self.conn, self.project, repository_id=repository)
        task = self.task(template)
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        (text,) = self.texts(task)
        self.assertIn('"Old key"', text)
        self.assertIn(f"id {key}", text)
        self.assertNotIn("hush", text)

    def test_our_fault(self) -> None:
        """A fault of ours is an error too, with its details in the log only."""

        def fail(_: JobOrder) -> JobSpecification:
            raise ZeroDivisionError("at /secret/path")

        self.prepare = fail
        task = self.task()
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertNotIn("/secret/path", self.texts(task)[0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_no_supervisor(self) -> None:
        """A job that cannot be started is an error, and the queue goes on."""
        self.runner.refusal = OSError(13, "Permission denied")
        first = self.task()
        self.assertEqual(self.status(first), TaskStatus.ERROR)
        self.assertIn("Permission denied", self.texts(first)[0])
        self.runner.refusal = None
        self.assertEqual(self.status(self.task()), TaskStatus.RUNNING)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_shortages(self) -> None:
        """A task for which the machine lacks something waits, and says why, once."""
        refusals: list[Exception] = [
            OSError(number, os.strerror(number)) for number in sorted(ERRORS)
        ]
        refusals += [SupervisorFailed("no memory", temporary=True), NoRoom("no room")]
        for refusal in refusals:
            self.runner.refusal = refusal
            task = self.task()
            self.clock.pump([1.0] * 10)
            self.assertEqual(self.status(task), TaskStatus.WAITING)
            told = [text for text in self.texts(task) if "could not start yet" in text]
            self.assertEqual(len(told), 1)
            self.runner.refusal = None
            self.clock.pump([1.0] * 60)
            self.assertEqual(self.status(task), TaskStatus.RUNNING)
            self.job(task).end()

    def test_shortage_while_stopped(self) -> None:
        """A task that waits for the machine can be stopped."""
        self.runner.refusal = OSError(24, "Too many open files")
        task = self.task()
        self.stop(task)
        self.assertEqual(self.status(task), TaskStatus.STOPPED)
        self.runner.refusal = None
        self.clock.pump([1.0] * 60)
        self.assertEqual(self.status(task), TaskStatus.STOPPED)

    def test_room_after_an_end(self) -> None:
        """The end of a job, which gives back what it had, starts the next at once."""
        first = self.task()
        other = make_template(self.conn, self.project, name="Other")
        self.runner.refusal = OSError(24, "Too many open files")
        second = self.task(template=other)
        self.assertEqual(self.status(second), TaskStatus.WAITING)
        self.runner.refusal = None
        self.job(first).end()
        self.assertEqual(self.status(second), TaskStatus.RUNNING)

    def test_store_fails_for_a_while(self) -> None:
        """Lines that the store did not take are read again from the spool."""
        task = self.task()
        job = self.job(task)
        job.say("one")
        self.conn.raw.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON task__output"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        self.clock.advance(1)
        job.say("two")
        self.assertEqual(self.texts(task), ["one"])
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.conn.raw.execute("DROP TRIGGER full")
        job.say("three")
        job.end()
        self.clock.advance(1)
        self.assertEqual(self.texts(task), ["one", "two", "three"])
        self.assertEqual(self.status(task), TaskStatus.SUCCESS)

    def test_end_is_tried_again(self) -> None:
        """An end that the store did not take is tried again."""
        task = self.task()
        self.conn.raw.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON task"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        self.job(task).end()
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        self.conn.raw.execute("DROP TRIGGER full")
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.SUCCESS)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_no_room(self) -> None:
        """A task whose last lines the store has no room for ends, and says so."""
        task = self.task()
        job = self.job(task)
        database = self.database
        append = output.append

        class Full(MemoryDatabase):
            """Has no room for logs."""

            def write(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
                """Refuse lines."""
                if operation is append:
                    return fail(NoRoom())
                return database.write(operation, *args, **kwargs)

        full = Full(conn=self.conn)
        self.service._database = self.service._background._database = full
        job.receiver._database = full
        job.say("lost")
        self.clock.pump([1.0] * 20)
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        result = JobResult(status="success", started=1.0, ended=2.0, dropped=70)
        self.directories.ends[task] = Ended(result, 5)
        job.end()
        self.clock.pump([1.0] * 20)
        self.assertEqual(self.status(task), TaskStatus.SUCCESS)
        self.assertIn("About 75 bytes of output were dropped", self.texts(task)[-1])


class StopTests(ServiceTestCase):
    """Ends that were asked for."""

    def test_running(self) -> None:
        """A task that runs is being stopped, then stopped."""
        task = self.task()
        job = self.job(task)
        job.stubborn = True
        self.stop(task)
        self.assertEqual((self.status(task), job.stopped), (TaskStatus.STOPPING, 1))
        self.stop(task)
        self.assertEqual(self.status(task), TaskStatus.STOPPING)
        job.end("stopped")
        self.assertEqual(self.status(task), TaskStatus.STOPPED)
        self.stop(task)
        self.assertEqual(self.status(task), TaskStatus.STOPPED)

    def test_force(self) -> None:
        """With force the job is killed."""
        task = self.task()
        job = self.job(task)
        job.stubborn = True
        self.stop(task)
        self.stop(task, force=True)
        self.assertEqual((job.killed, self.status(task)), (1, TaskStatus.STOPPED))

    def test_waiting(self) -> None:
        """A task that waits is stopped at once, and never starts."""
        first, second = self.task(), self.task()
        self.stop(second)
        self.assertEqual(self.status(second), TaskStatus.STOPPED)
        self.job(first).end()
        self.assertEqual(self.status(second), TaskStatus.STOPPED)
        self.assertEqual(len(self.runner.started), 1)

    def test_starting(self) -> None:
        """Stop while a job is being started: it is stopped, never running."""
        self.runner.gate = Deferred()
        task = self.task()
        self.assertEqual(self.status(task), TaskStatus.STARTING)
        self.stop(task)
        self.assertEqual(self.status(task), TaskStatus.STOPPING)
        self.runner.gate.callback(None)
        self.assertEqual(self.status(task), TaskStatus.STOPPED)
        self.assertNotIn((task, "running"), self.watcher.heard)

    def test_before_the_order(self) -> None:
        """Stop between the claim and the order: no job is started."""
        self.directories.full = "wait"
        task = self.task()
        self.directories.full = None
        held = self.database

        class Late(MemoryDatabase):
            """Holds reads back."""

            def read(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
                """Wait for the test."""
                later: Deferred[None] = Deferred()
                reads.append(later)
                return later.addCallback(lambda _: held.read(*args, **kwargs))

        reads: list[Deferred[None]] = []
        self.service._database = Late(conn=held.conn)
        self.service.wake()
        self.assertEqual(self.status(task), TaskStatus.STARTING)
        self.stop(task)
        reads[0].callback(None)
        self.assertEqual(self.status(task), TaskStatus.STOPPED)
        self.assertEqual(self.runner.started, [])

    def test_ended(self) -> None:
        """A task that has ended by itself cannot be stopped."""
        task = self.task()
        self.job(task).end()
        self.failureResultOf(self.service.stop(task, force=False), IllegalTransition)

    def test_orphan(self) -> None:
        """A task without a running job is stopped."""
        task = make_task(
            self.conn, self.project, self.template, status=TaskStatus.RUNNING
        )
        self.stop(task)
        self.assertEqual(self.status(task), TaskStatus.STOPPED)


class RestartTests(ServiceTestCase):
    """The state that a new server finds."""

    def test_goes_on(self) -> None:
        """A running job is followed again: no line is lost or repeated."""
        for restart in (self.restart, self.crash):
            task = self.task()
            job = self.job(task)
            job.say("one")
            restart()
            self.assertEqual(self.status(task), TaskStatus.RUNNING)
            job.say("two")
            job.end()
            self.clock.advance(1)
            self.assertEqual(self.texts(task), ["one", "two"])
            self.assertEqual(self.status(task), TaskStatus.SUCCESS)

    def test_ended_meanwhile(self) -> None:
        """A job that ended while no server ran has its true status and log."""
        task, waiting = self.task(), self.task()
        job = self.job(task)
        self.successResultOf(self.service.stopService())
        job.say("one")
        job.end("error", "exit status 1")
        self.service = self.start()
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertEqual(self.texts(task), ["one"])
        self.assertEqual(self.status(waiting), TaskStatus.RUNNING)

    def test_lines_on_the_way(self) -> None:
        """Lines that were not stored when the server was killed come again."""
        task = self.task()
        job = self.job(task)
        job.say("one")
        job.say("two")
        self.assertEqual(self.texts(task), ["one"])
        self.crash()
        job.end()
        self.clock.advance(1)
        self.assertEqual(self.texts(task), ["one", "two"])

    def test_vanished(self) -> None:
        """A job whose supervisor is gone is an error that says so."""
        task = self.task()
        job = self.job(task)
        job.say("one")
        job.abandon()
        job.vanish()
        self.crash()
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertIn("Interrupted", self.texts(task)[-1])

    def test_no_spool(self) -> None:
        """A running task without a spool is an error that says so."""
        task = self.task()
        self.directories.states.clear()
        self.crash()
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertIn("Interrupted", self.texts(task)[-1])

    def test_never_began(self) -> None:
        """A task whose job never began starts again, once."""
        task = make_task(
            self.conn, self.project, self.template, status=TaskStatus.STARTING
        )
        self.directories.states[task] = "unborn"
        self.restart()
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        self.assertEqual(len(self.runner.started), 1)

    def test_began_unnoticed(self) -> None:
        """A job that began before its start was noted is not repeated."""
        self.runner.gate = Deferred()
        task = self.task()
        self.assertEqual(self.status(task), TaskStatus.STARTING)
        self.job(task).say("one")
        self.runner.gate = None
        self.crash()
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        self.assertEqual(self.texts(task), ["one"])
        self.assertEqual(len(self.runner.started), 1)

    def test_stopping(self) -> None:
        """A stop that was under way is asked for again."""
        task = self.task()
        job = self.job(task)
        job.stubborn = True
        self.stop(task)
        self.crash()
        self.assertEqual(job.stopped, 2)
        job.end("stopped")
        self.assertEqual(self.status(task), TaskStatus.STOPPED)

    def test_stopping_before_it_began(self) -> None:
        """A stop of a task whose job never began is done at the restart."""
        task = make_task(
            self.conn, self.project, self.template, status=TaskStatus.STOPPING
        )
        self.restart()
        self.assertEqual(self.status(task), TaskStatus.STOPPED)

    def test_sweep(self) -> None:
        """The remains of other tasks are removed at the start."""
        task = self.task()
        self.restart()
        self.assertEqual(self.directories.swept[-1], frozenset({f"task_{task}"}))

    def test_unknown(self) -> None:
        """A job that the database does not know is killed, and removed once it ends."""
        job = MemoryJob(prepare_empty("/spools/task_99"))
        self.runner.jobs["/spools/task_99"] = job
        job.say("a line of another time")
        self.directories.unknown = ["task_99"]
        self.restart()
        self.assertEqual(job.killed, 1)
        self.assertIn("task_99", self.directories.removed)
        self.assertEqual(self.watcher.heard, [])

    def test_stop_waits_for_a_start(self) -> None:
        """A stopping server waits for a job that is being started, and leaves it."""
        self.runner.gate = Deferred()
        task = self.task()
        stopped = self.service.stopService()
        self.assertNoResult(stopped)
        self.runner.gate.callback(None)
        self.successResultOf(stopped)
        self.service = self.start()
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        self.assertEqual(len(self.runner.started), 1)


class LimitTests(ServiceTestCase):
    """Limits of the installation."""

    options = TaskOptions(max_parallel_tasks=5, max_tasks_per_template=3)

    def test_global_limit(self) -> None:
        """In a run of many tasks the limit is never exceeded; all of them end."""
        self.conn.update(schema.template, self.template, allow_parallel_tasks=1)
        tasks = [self.task() for _ in range(40)]
        most = 0
        while running := self.conn.column(RUNNING):
            most = max(most, len(running))
            self.job(TaskId(running[0])).end()
        self.assertEqual(most, 5)
        self.assertEqual(len(self.service), 0)
        self.assertEqual(len(self.runner.started), len(tasks))

    def test_retention(self) -> None:
        """A template keeps its newest tasks."""
        tasks = [self.task() for _ in range(6)]
        for task in tasks:
            self.job(task).end()
        left = self.conn.column(select(schema.task.c.id).order_by(schema.task.c.id))
        self.assertEqual(left, tasks[-3:])

    def test_retention_of_much(self) -> None:
        """Old tasks go whole, also where one transaction cannot delete them."""
        old = [
            make_task(self.conn, self.project, self.template, status=TaskStatus.SUCCESS)
            for _ in range(2 * TRIM_AT_ONCE + 5)
        ]
        task = self.task()
        self.job(task).end()
        left = self.conn.column(select(schema.task.c.id).order_by(schema.task.c.id))
        self.assertEqual(left, [*old[-2:], task])
