"""Tests of task transitions made by the server itself."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.ids import InventoryId, TaskId, TemplateId
from semaphore_twisted.model.tasks import (
    IllegalTransition,
    Queued,
    Task,
    TaskEnd,
    TaskEvent,
    TaskStatus,
)
from semaphore_twisted.operations.states import aliases
from semaphore_twisted.operations.tasks import output, task_lifecycle
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import timestamp
from semaphore_twisted.persistence.state_tables import state_alias, state_lock
from semaphore_twisted.persistence.statements.tasks import tasks as statements
from tests.support.memory import make_project, make_user, memory_connection
from tests.support.tasks import make_key, make_keyring, make_task, make_template

SECRETS = select(schema.task.c.secret)
_KEY = schema.access_key.c
USED = select(_KEY.id, _KEY.last_used, _KEY.last_used_by)
EVENTS = select(schema.event.c.description).order_by(schema.event.c.id)
IDS = select(schema.task.c.id).order_by(schema.task.c.id)


def every(waiting: Sequence[Queued], _: Sequence[Queued]) -> list[TaskId]:
    """Choose every task."""
    return [each.id for each in waiting]


class ProgressTestCase(SynchronousTestCase):
    """A project with a template."""

    def setUp(self) -> None:
        """Create a project and a template."""
        self.conn = memory_connection()
        self.user = make_user(self.conn)
        self.project = make_project(self.conn, self.user)
        self.template = make_template(self.conn, self.project)
        self.keyring = make_keyring()

    def task(self, status: TaskStatus = TaskStatus.WAITING, **columns: Any) -> TaskId:
        """Store a task."""
        columns.setdefault("user_id", self.user.id)
        return make_task(
            self.conn, self.project, self.template, status=status, **columns
        )

    def row(self, task_id: TaskId) -> Task:
        """Return a task."""
        found = self.conn.one(statements.by_id, Task, id=task_id)
        assert found is not None
        return found

    def finish(
        self, task_id: TaskId, happening: TaskEvent, **more: Any
    ) -> task_lifecycle.Finished | None:
        """End a task."""
        return task_lifecycle.finish(
            self.conn, self.keyring, task_id, happening, **more
        )


class ClaimTests(ProgressTestCase):
    """From the queue."""

    def test_claim(self) -> None:
        """The chosen tasks are starting, and their logs begin."""
        task = self.task()
        (claimed,) = task_lifecycle.claim(self.conn, every)
        self.assertEqual(claimed.task.status, TaskStatus.STARTING)
        self.assertEqual(
            [line.output for line in claimed.lines],
            [
                f"Task {task} added to queue",
                f"Started: {task}",
                "Run TaskRunner with template: Say",
            ],
        )
        self.assertEqual(task_lifecycle.claim(self.conn, every), [])

    def test_inventory_of_an_older_release(self) -> None:
        """A queued task without a stored inventory gets its template's when claimed."""
        first, second = (
            self.conn.insert(
                schema.inventory, project_id=self.project.id, name=name, type="static"
            )
            for name in ("first", "second")
        )
        task, own = self.task(), self.task(inventory_id=first)
        self.conn.update(schema.template, self.template, inventory_id=second)
        task_lifecycle.claim(self.conn, every)
        self.conn.update(schema.template, self.template, inventory_id=first)
        for each in (task, own):
            task_lifecycle.started(self.conn, each)
        stored = select(schema.task.c.id, schema.task.c.used_inventory_id)
        self.assertEqual(
            dict(tuple(row) for row in self.conn.execute(stored).fetchall()),
            {task: second, own: first},
        )

    def test_what_the_choice_sees(self) -> None:
        """The choice gets waiting tasks, oldest first, and active ones, with limits."""
        self.conn.update(schema.template, self.template, allow_parallel_tasks=1)
        self.conn.update(schema.project, self.project.id, max_parallel_tasks=3)
        first, second = self.task(), self.task()
        active = [self.task(TaskStatus.RUNNING), self.task(TaskStatus.STOPPING)]
        self.task(TaskStatus.SUCCESS)
        seen: list[list[TaskId]] = []

        def choose(waiting: Sequence[Queued], busy: Sequence[Queued]) -> list[TaskId]:
            seen.extend([[each.id for each in waiting], [each.id for each in busy]])
            self.assertTrue(all(each.parallel for each in waiting))
            self.assertEqual({each.project_limit for each in waiting}, {3})
            return []

        task_lifecycle.claim(self.conn, choose)
        self.assertEqual(seen, [[first, second], active])

    def test_started(self) -> None:
        """Once a job runs, its one-time secrets are deleted."""
        task = self.task(TaskStatus.STARTING, secret="s1.a.b")
        started = task_lifecycle.started(self.conn, task)
        assert started is not None
        self.assertEqual(started.status, TaskStatus.RUNNING)
        self.assertEqual(started.start, self.conn.now)
        self.assertEqual(self.conn.column(SECRETS), [None])

    def test_keys_used(self) -> None:
        """The keys that a job received are marked as used, and no others."""
        key, other = (make_key(self.conn, self.project) for _ in range(2))
        task = self.task(TaskStatus.STARTING)
        task_lifecycle.started(self.conn, task, {key})
        used = {number: rest for number, *rest in self.conn.execute(USED).fetchall()}
        self.assertEqual(used[key], [timestamp(self.conn.now), "run"])
        self.assertEqual(used[other], [None, None])

    def test_started_while_stopping(self) -> None:
        """A task that is being stopped does not become running."""
        task = self.task(TaskStatus.STOPPING, secret="s1.a.b")
        self.assertIsNone(task_lifecycle.started(self.conn, task))
        self.assertEqual(self.row(task).status, TaskStatus.STOPPING)
        self.assertEqual(self.conn.column(SECRETS), [None])

    def test_requeue(self) -> None:
        """A task whose job never began waits again, and keeps its secrets."""
        task = self.task(TaskStatus.STARTING, secret="s1.a.b", spool_offset=9)
        again = task_lifecycle.requeue(self.conn, task)
        assert again is not None
        self.assertEqual(again.status, TaskStatus.WAITING)
        self.assertEqual(task_lifecycle.offset(self.conn, task), 0)
        self.assertEqual(self.conn.column(SECRETS), ["s1.a.b"])

    def test_requeue_while_stopping(self) -> None:
        """A task whose end was asked for before its job began is stopped."""
        again = task_lifecycle.requeue(self.conn, self.task(TaskStatus.STOPPING))
        assert again is not None
        self.assertEqual(again.status, TaskStatus.STOPPED)

    def test_left(self) -> None:
        """Unfinished tasks are those that were started and have not ended."""
        self.task()
        self.task(TaskStatus.SUCCESS)
        wanted = self.task(TaskStatus.RUNNING, spool_offset=5)
        self.assertEqual(
            [
                (each.task.id, each.offset)
                for each in task_lifecycle.unfinished(self.conn)
            ],
            [(wanted, 5)],
        )


class FinishTests(ProgressTestCase):
    """To the end."""

    def test_success(self) -> None:
        """An end has its time, its event, its last lines, and no secret any more."""
        task = self.task(TaskStatus.RUNNING, start=self.conn.now, secret="s1.a.b")
        later = self.conn.now + timedelta(seconds=5)
        finished = self.finish(
            task, TaskEvent.SUCCEEDED, log_lines=[(1, "bye")], end=TaskEnd(ended=later)
        )
        assert finished is not None
        self.assertEqual(finished.task.status, TaskStatus.SUCCESS)
        self.assertEqual(finished.task.end, later)
        self.assertEqual([line.output for line in finished.lines], ["bye"])
        self.assertEqual(
            self.conn.column(EVENTS),
            [f"Task ID {task} (Say) finished with status SUCCESS"],
        )
        self.assertEqual(self.conn.column(SECRETS), [None])

    def test_state(self) -> None:
        """The alias and the lock of a task end with it; those of others stay."""
        own, other = self.task(TaskStatus.RUNNING), self.task(TaskStatus.RUNNING)
        for number, each in enumerate((own, other)):
            inventory = self.conn.insert(
                schema.inventory,
                project_id=self.project.id,
                name=f"W{number}",
                type="terraform-workspace",
                inventory="default",
            )
            aliases.create_for_task(
                self.conn,
                project_id=self.project.id,
                inventory_id=InventoryId(inventory),
                task_id=each,
            )
            self.conn.insert(
                state_lock,
                inventory_id=inventory,
                lock_id="one",
                info="{}",
                created=self.conn.now,
                task_id=each,
            )
        self.finish(own, TaskEvent.FAILED)
        for table in (state_alias, state_lock):
            self.assertEqual(self.conn.column(select(table.c.task_id)), [other])

    def test_final_is_final(self) -> None:
        """A repeated end changes nothing, and adds no line."""
        task = self.task(TaskStatus.STOPPED)
        self.assertIsNone(
            self.finish(task, TaskEvent.SUCCEEDED, log_lines=[(1, "again")])
        )
        self.assertEqual(self.row(task).status, TaskStatus.STOPPED)
        self.assertEqual(output.length(self.conn, task), 0)

    def test_deleted(self) -> None:
        """A task that was deleted does not end."""
        self.assertIsNone(self.finish(TaskId(99), TaskEvent.FAILED))

    def test_failure_while_stopping(self) -> None:
        """A job that fails while it is being stopped counts as stopped."""
        finished = self.finish(self.task(TaskStatus.STOPPING), TaskEvent.FAILED)
        assert finished is not None
        self.assertEqual(finished.task.status, TaskStatus.STOPPED)

    def test_success_while_stopping(self) -> None:
        """A job that had succeeded before it was reached keeps its true result."""
        finished = self.finish(self.task(TaskStatus.STOPPING), TaskEvent.SUCCEEDED)
        assert finished is not None
        self.assertEqual(finished.task.status, TaskStatus.SUCCESS)

    def test_never_before_its_start(self) -> None:
        """A task never ends before its start, even if a job's clock is wrong."""
        task = self.task(TaskStatus.RUNNING, start=self.conn.now)
        finished = self.finish(
            task,
            TaskEvent.SUCCEEDED,
            end=TaskEnd(ended=self.conn.now - timedelta(hours=2)),
        )
        assert finished is not None
        self.assertEqual(finished.task.end, self.conn.now)

    def deploying(self, **columns: Any) -> TemplateId:
        """Make a template that deploys what the other one builds."""
        self.conn.update(
            schema.template, self.template, type="build", start_version="1"
        )
        return make_template(
            self.conn,
            self.project,
            name="Deploy",
            type="deploy",
            build_template_id=self.template,
            autorun=1,
            **columns,
        )

    def test_autorun(self) -> None:
        """A build that succeeds is deployed by the templates that ask for it."""
        deploy = self.deploying()
        task = self.task(TaskStatus.RUNNING)
        finished = self.finish(task, TaskEvent.SUCCEEDED)
        assert finished is not None
        (queued,) = finished.queued
        self.assertEqual((queued.template_id, queued.build_task_id), (deploy, task))
        self.assertIsNone(queued.user_id)

    def test_no_autorun(self) -> None:
        """A build that fails or is stopped is not deployed."""
        self.deploying()
        for happening in (TaskEvent.FAILED, TaskEvent.STOPPED):
            finished = self.finish(self.task(TaskStatus.RUNNING), happening)
            assert finished is not None
            self.assertEqual(finished.queued, [])

    def test_no_autorun_of_a_dry_run(self) -> None:
        """A dry run has built nothing, so nothing is deployed."""
        self.deploying()
        task = self.task(TaskStatus.RUNNING)
        self.conn.update(schema.task, task, dry_run=1)
        finished = self.finish(task, TaskEvent.SUCCEEDED)
        assert finished is not None
        self.assertEqual(finished.queued, [])

    def test_autorun_chain(self) -> None:
        """A deployment that succeeds is deployed on by the next template."""
        first = self.deploying()
        make_template(
            self.conn,
            self.project,
            name="Live",
            type="deploy",
            build_template_id=first,
            autorun=1,
        )
        task = self.task(TaskStatus.RUNNING)
        finished = self.finish(task, TaskEvent.SUCCEEDED)
        assert finished is not None
        (tested,) = finished.queued
        self.conn.update(schema.task, tested.id, status=TaskStatus.RUNNING)
        finished = self.finish(tested.id, TaskEvent.SUCCEEDED)
        assert finished is not None
        self.assertEqual([each.build_task_id for each in finished.queued], [tested.id])

    def test_autorun_refused(self) -> None:
        """A deploy that lacks a required variable is an event, not a task."""
        self.deploying(survey_vars=[{"name": "target", "required": True}])
        finished = self.finish(self.task(TaskStatus.RUNNING), TaskEvent.SUCCEEDED)
        assert finished is not None
        self.assertEqual(finished.queued, [])
        self.assertIn("target", self.conn.column(EVENTS)[-1])


class StopTests(ProgressTestCase):
    """Transitions for the request to stop a task."""

    def test_again(self) -> None:
        """Stopping again, or after the end, is accepted."""
        for status, wanted in (
            (TaskStatus.WAITING, TaskStatus.STOPPED),
            (TaskStatus.RUNNING, TaskStatus.STOPPING),
            (TaskStatus.STOPPING, TaskStatus.STOPPING),
            (TaskStatus.STOPPED, TaskStatus.STOPPED),
        ):
            found = task_lifecycle.stopping(self.conn, self.task(status))
            assert found is not None
            self.assertEqual(found.status, wanted)

    def test_ended(self) -> None:
        """One that has ended by itself cannot be stopped."""
        task = self.task(TaskStatus.SUCCESS)
        self.assertRaises(IllegalTransition, task_lifecycle.stopping, self.conn, task)


class TrimTests(ProgressTestCase):
    """History does not grow without a limit."""

    def test_keeps_the_newest(self) -> None:
        """Ended tasks beyond the newest go, active ones never."""
        running = self.task(TaskStatus.RUNNING)
        old = [self.task(TaskStatus.SUCCESS) for _ in range(2)]
        new = [self.task(TaskStatus.ERROR), self.task()]
        self.assertEqual(task_lifecycle.trim(self.conn, self.template, 2), 2)
        self.assertEqual(self.conn.column(IDS), [running, *new])
        self.assertNotIn(old[0], self.conn.column(IDS))

    def test_small_batches(self) -> None:
        """One transaction deletes a few."""
        for _ in range(task_lifecycle.TRIM_AT_ONCE + 5):
            self.task(TaskStatus.SUCCESS)
        self.assertEqual(
            task_lifecycle.trim(self.conn, self.template, 1),
            task_lifecycle.TRIM_AT_ONCE,
        )
        self.assertEqual(task_lifecycle.trim(self.conn, self.template, 1), 4)
        self.assertEqual(task_lifecycle.trim(self.conn, self.template, 1), 0)

    def test_own_number(self) -> None:
        """A template keeps fewer tasks than the installation, but not more."""
        for _ in range(6):
            self.task(TaskStatus.SUCCESS)
        trim = task_lifecycle.trim
        self.assertEqual(trim(self.conn, self.template, 0), 0)
        self.conn.update(schema.template, self.template, max_tasks=4)
        self.assertEqual(trim(self.conn, self.template, 5), 2)
        self.assertEqual(trim(self.conn, self.template, 3), 1)
        self.assertEqual(trim(self.conn, self.template, 0), 0)

    def test_age(self) -> None:
        """Tasks of more than the template's days go, but never its newest one."""
        self.conn.update(schema.template, self.template, max_task_age_days=7)
        other = make_template(self.conn, self.project, name="Keeps all")
        kept = make_task(
            self.conn, self.project, other, status=TaskStatus.SUCCESS, end=self.conn.now
        )

        def ended(days: int, status: TaskStatus = TaskStatus.SUCCESS) -> TaskId:
            number = self.task(status)
            end = self.conn.now - timedelta(days=days)
            self.conn.update(schema.task, number, end=end)
            return number

        self.conn.update(schema.task, kept, end=self.conn.now - timedelta(days=99))
        for days in (30, 8):
            ended(days)
        recent = ended(6)
        running = self.task(TaskStatus.RUNNING)
        newest = ended(20, TaskStatus.ERROR)
        self.assertEqual(task_lifecycle.expire(self.conn), 2)
        self.assertEqual(task_lifecycle.expire(self.conn), 0)
        self.assertEqual(self.conn.column(IDS), sorted([kept, recent, running, newest]))
