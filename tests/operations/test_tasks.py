"""Tests of operations that users perform on tasks."""

import sqlite3
from typing import Any

import msgspec
from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid, NotFound
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import (
    IllegalTransition,
    Queued,
    Task,
    TaskInList,
    TaskStatus,
)
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.tasks import result_views, tasks
from semaphore_twisted.operations.tasks.output import append
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.statements.tasks import tasks as statements
from tests.support.memory import (
    actor_of,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.tasks import make_keyring, make_task, make_template

SECRETS = select(schema.task.c.secret)
EVENTS = select(schema.event.c.description).order_by(schema.event.c.id)
COUNTER = select(schema.template.c.tasks)
SURVEY = [
    {"name": "target", "type": "", "default_value": "web"},
    {"name": "word", "type": "secret"},
]


class TaskTestCase(SynchronousTestCase):
    """A user who may run tasks in a project with a template."""

    def setUp(self) -> None:
        """Create the project and the user."""
        self.conn = memory_connection()
        self.user = make_user(self.conn)
        self.project = make_project(self.conn, self.user)
        self.actor = actor_of(self.user, self.project, Role.TASK_RUNNER)
        self.keyring = make_keyring()
        self.template = make_template(self.conn, self.project)

    def newest(self, **asked: Any) -> list[TaskInList]:
        """Return a list of tasks, checked to be equal by both functions."""
        ids = tasks.newest(self.conn, self.actor, **asked)
        found = tasks.page(self.conn, self.actor, ids)[0]
        arrays = tasks.newest_arrays(self.conn, self.actor, **asked)
        assert arrays is not None
        self.assertEqual(
            [tasks.from_array(self.conn, each) for each in arrays],
            [None if each.build_task_id else each for each in found],
        )
        return found

    def create(self, **body: Any) -> Task:
        """Start a task."""
        new = msgspec.convert({"template_id": self.template, **body}, NewTask)
        with self.conn.transaction(write=True):
            return tasks.create(self.conn, self.actor, self.keyring, new)

    def workspace(self, name: str) -> int:
        """Store a workspace of the template."""
        return self.conn.insert(
            schema.inventory,
            project_id=self.project.id,
            name=name,
            type="terraform-workspace",
            inventory=name,
            holder_id=self.template,
        )

    def task(self, status: TaskStatus = TaskStatus.WAITING, **columns: Any) -> TaskId:
        """Store a task."""
        return make_task(
            self.conn, self.project, self.template, status=status, **columns
        )


class CreateTests(TaskTestCase):
    """Creating tasks."""

    def test_waits(self) -> None:
        """A new task waits, has its user, and is counted and recorded."""
        made = self.create(message="hello")
        self.assertEqual(made.status, TaskStatus.WAITING)
        self.assertEqual((made.user_id, made.message), (self.user.id, "hello"))
        self.assertEqual(made.secret, "{}")
        self.assertEqual(self.conn.scalar(COUNTER), 1)
        self.assertEqual(
            self.conn.column(EVENTS), [f"Task ID {made.id} (Say) queued for running"]
        )

    def test_inventory_is_fixed(self) -> None:
        """A queued task keeps inventory and workspace, whatever the template gets."""
        own, next_ = (self.workspace(name) for name in ("own", "next"))
        self.conn.update(
            schema.template,
            self.template,
            app="terraform",
            inventory_id=own,
            task_params={"allow_override_inventory": True},
        )
        usual = self.create()
        chosen = self.create(inventory_id=own)
        self.conn.update(schema.template, self.template, inventory_id=next_)
        later = self.create()
        queue = {
            each.id: each.workspace
            for each in self.conn.all(statements.waiting, Queued)
        }
        self.assertEqual(queue, {usual.id: own, chosen.id: own, later.id: next_})
        shown = [each.inventory_id for each in (usual, chosen, later)]
        self.assertEqual(shown, [None, own, None])

    def test_no_inventory_is_fixed(self) -> None:
        """A task that was queued without a workspace gets none later."""
        self.conn.update(schema.template, self.template, app="terraform")
        made = self.create()
        self.conn.update(
            schema.template, self.template, inventory_id=self.workspace("late")
        )
        (queued,) = self.conn.all(statements.waiting, Queued)
        self.assertEqual((queued.id, queued.workspace), (made.id, -self.template))
        found = result_views.inventory(self.conn, self.actor, made.id)
        self.assertEqual((found.inventory_id, found.recorded), (None, True))

    def test_foreign_template(self) -> None:
        """A template of another project is as unknown as none."""
        other = make_project(self.conn, name="Other")
        foreign = make_template(self.conn, other)
        self.assertRaises(NotFound, self.create, template_id=foreign)
        self.assertRaises(NotFound, self.create, template_id=999)

    def test_refused_changes_nothing(self) -> None:
        """A task with an undeclared variable is refused; nothing is stored."""
        self.assertRaises(Invalid, self.create, environment='{"x": 1}')
        self.assertEqual(self.conn.scalar(COUNTER), 0)
        self.assertEqual(self.conn.column(SECRETS), [])

    def test_answers(self) -> None:
        """Answers and defaults are stored; secrets only encrypted."""
        self.conn.update(schema.template, self.template, survey_vars=SURVEY)
        made = self.create(secret='{"word": "hush hush"}')
        self.assertEqual(made.environment, '{"target":"web"}')
        (sealed,) = self.conn.column(SECRETS)
        self.assertNotIn("hush", sealed)
        shown = msgspec.json.encode(tasks.get(self.conn, self.actor, made.id))
        self.assertNotIn(b"hush", shown)
        self.assertNotIn(b"s1.", shown)
        self.assertNotIn("hush", "".join(self.conn.column(EVENTS)))

    def test_inventory(self) -> None:
        """An inventory of another project is refused."""
        self.conn.update(
            schema.template,
            self.template,
            task_params={"allow_override_inventory": True},
        )
        other = make_project(self.conn, name="Other")
        foreign = self.conn.insert(
            schema.inventory, project_id=other.id, name="I", type="static"
        )
        self.assertRaises(Invalid, self.create, inventory_id=foreign)

    def test_versions(self) -> None:
        """Builds count their versions up."""
        self.conn.update(
            schema.template, self.template, type="build", start_version="1.0.0"
        )
        versions = [self.create().version for _ in range(3)]
        self.assertEqual(versions, ["1.0.0", "1.0.1", "1.0.2"])

    def test_deploy(self) -> None:
        """A deploy task takes builds of its own build template only."""
        build = make_template(self.conn, self.project, type="build")
        built = make_task(
            self.conn, self.project, build, version="7", status=TaskStatus.SUCCESS
        )
        error = self.assertRaises(Invalid, self.create, build_task_id=built)
        self.assertIn("build_task_id: the template deploys no build", error.message)
        self.assertIsNone(self.create(build_task_id=0).build_task_id)
        self.conn.update(
            schema.template, self.template, type="deploy", build_template_id=build
        )
        made = self.create(build_task_id=built)
        self.assertEqual(made.build_task_id, built)
        self.assertRaises(Invalid, self.create, build_task_id=made.id)
        (row, *_) = self.newest()
        self.assertIsNotNone(row.build_task)
        assert row.build_task is not None
        self.assertEqual(row.build_task.version, "7")

    def test_deploy_without_result(self) -> None:
        """A build that failed, or has not ended, is not deployed."""
        build = make_template(self.conn, self.project, type="build")
        self.conn.update(
            schema.template, self.template, type="deploy", build_template_id=build
        )
        for status in set(TaskStatus) - {TaskStatus.SUCCESS}:
            built = make_task(self.conn, self.project, build, status=status)
            error = self.assertRaises(Invalid, self.create, build_task_id=built)
            self.assertEqual(error.field, "build_task_id")
            self.assertIn(status.value, error.message)
        self.assertEqual(len(self.newest(template_id=self.template)), 0)

    def test_unserved_app(self) -> None:
        """A template of an app that is not served starts nothing."""
        self.conn.update(schema.template, self.template, app="pulumi")
        self.assertIn("pulumi", self.assertRaises(Invalid, self.create).message)


class SeeTests(TaskTestCase):
    """Lists and single tasks."""

    def test_newest_first(self) -> None:
        """Lists begin with the newest task and name template and user."""
        first, second = self.create().id, self.create().id
        rows = self.newest()
        self.assertEqual([row.id for row in rows], [second, first])
        self.assertEqual(rows[0].tpl_alias, "Say")
        self.assertEqual(rows[0].tpl_playbook, "say.sh")
        self.assertEqual(rows[0].user_name, self.user.name)

    def test_pages(self) -> None:
        """A list may be cut, and continued below an id."""
        first, second, third = (self.create().id for _ in range(3))
        self.assertEqual(
            [row.id for row in self.newest(count=2)],
            [third, second],
        )
        rest = self.newest(before=second)
        self.assertEqual([row.id for row in rest], [first])

    def test_of_template(self) -> None:
        """A template's list has its own tasks; an unknown template is not found."""
        other = make_template(self.conn, self.project)
        make_task(self.conn, self.project, other)
        mine = self.create().id
        rows = self.newest(template_id=self.template)
        self.assertEqual([row.id for row in rows], [mine])
        self.assertRaises(
            NotFound,
            tasks.newest,
            self.conn,
            self.actor,
            template_id=TemplateId(999),
        )

    def test_foreign(self) -> None:
        """A task of another project is as unknown as none, for each operation."""
        other = make_project(self.conn, name="Other")
        foreign = make_task(self.conn, other, make_template(self.conn, other))
        for operation in (
            tasks.get,
            tasks.length,
            tasks.ask_stop,
            tasks.confirm,
            tasks.reject,
            tasks.delete,
        ):
            for task_id in (foreign, TaskId(999)):
                error = self.assertRaises(
                    Invalid, operation, self.conn, self.actor, task_id
                )
                self.assertEqual(error.message, f"The project has no task {task_id}")

    def test_lines(self) -> None:
        """The log is read by numbers."""
        task = self.task()
        append(self.conn, task, [(1, "a"), (1, "b")])
        found = tasks.lines(self.conn, self.actor, task, above=1, limit=9)
        self.assertEqual([line.output for line in found], ["b"])

    def test_no_arrays(self) -> None:
        """Long texts and binary values are read in batches."""
        self.task()
        self.assertIsNotNone(tasks.newest_arrays(self.conn, self.actor))
        self.task(message="x" * limits.BATCH)
        self.assertIsNone(tasks.newest_arrays(self.conn, self.actor))
        self.assertIsNotNone(tasks.newest_arrays(self.conn, self.actor, before=2))
        self.task(message=b"binary")
        self.assertIsNone(tasks.newest_arrays(self.conn, self.actor, count=1))

    def test_no_utf8(self) -> None:
        """A text that is not UTF-8 fails in batches; the error quotes no other."""
        task = self.task(playbook="site.yml")
        self.conn.raw.execute("UPDATE task SET message = CAST(x'ff' AS TEXT)")
        self.assertIsNone(tasks.newest_arrays(self.conn, self.actor))
        with self.assertRaises(sqlite3.OperationalError) as caught:
            tasks.page(self.conn, self.actor, [task])
        self.assertNotIn("site.yml", str(caught.exception))

    def test_arrays(self) -> None:
        """An array has every text as it is, and damage is reported in both ways."""
        for text in (
            "\x00\x01\x1f\x7f",
            '"\\/\b\f\n\r\t',
            "äß€ \u2028 🧊",
            "[1]",
            "null",
        ):
            self.task(message=text, commit_message=text, params='{"a":"\\u0000"}')
        self.task(params="{", start="never", debug=float("inf"))
        self.task(params='{"a": NaN}', user_id=self.user.id)
        ids = tasks.newest(self.conn, self.actor)
        found = tasks.page(self.conn, self.actor, ids)[0]
        arrays = tasks.newest_arrays(self.conn, self.actor)
        assert arrays is not None
        decoded = [tasks.from_array(self.conn, each) for each in arrays]
        self.assertIsInstance(found[0].fault, str)
        self.assertIsInstance(found[1].fault, str)
        self.assertEqual(decoded, [found[0], None, *found[2:]])


class EndTests(TaskTestCase):
    """Stop, confirm, delete."""

    def stop(self, task: TaskId) -> TaskStatus:
        """Ask for a task's end."""
        return tasks.ask_stop(self.conn, self.actor, task).status

    def test_waiting(self) -> None:
        """A waiting task is stopped at once, and its secret is deleted."""
        task = self.task(secret="s1.x.y")
        self.assertEqual(self.stop(task), TaskStatus.STOPPED)
        self.assertEqual(self.conn.column(SECRETS), [None])
        self.assertIsNotNone(tasks.get(self.conn, self.actor, task).end)

    def test_active(self) -> None:
        """An active task gets the status stopping; a second time has no effect."""
        for status in (TaskStatus.STARTING, TaskStatus.RUNNING):
            task = self.task(status)
            self.assertEqual(self.stop(task), TaskStatus.STOPPING)
            self.assertEqual(self.stop(task), TaskStatus.STOPPING)

    def test_ended(self) -> None:
        """Stop of an ended task is refused with a text, unless it was stopped."""
        self.assertEqual(self.stop(self.task(TaskStatus.STOPPED)), TaskStatus.STOPPED)
        for status in (TaskStatus.SUCCESS, TaskStatus.ERROR):
            error = self.assertRaises(Invalid, self.stop, self.task(status))
            self.assertIn(status, error.message)

    def test_all(self) -> None:
        """Every task of a template that has not ended is asked to end."""
        wanted = {self.task(), self.task(TaskStatus.RUNNING)}
        self.task(TaskStatus.SUCCESS)
        found = tasks.ask_stop_all(self.conn, self.actor, self.template)
        self.assertEqual({task.id for task in found}, wanted)

    def test_confirm(self) -> None:
        """Confirm and reject apply to a task that waits for it only."""
        asked = self.task(TaskStatus.WAITING_CONFIRMATION)
        self.assertEqual(
            tasks.confirm(self.conn, self.actor, asked).status, TaskStatus.CONFIRMED
        )
        asked = self.task(TaskStatus.WAITING_CONFIRMATION)
        self.assertEqual(
            tasks.reject(self.conn, self.actor, asked).status, TaskStatus.REJECTED
        )
        for operation in (tasks.confirm, tasks.reject):
            self.assertRaises(
                IllegalTransition,
                operation,
                self.conn,
                self.actor,
                self.task(TaskStatus.RUNNING),
            )

    def test_delete(self) -> None:
        """An ended task can be deleted, one that is active cannot."""
        tasks.delete(self.conn, self.actor, self.task(TaskStatus.ERROR))
        self.assertEqual(self.newest(), [])
        for status in (TaskStatus.WAITING, TaskStatus.RUNNING):
            self.assertRaises(
                Invalid, tasks.delete, self.conn, self.actor, self.task(status)
            )
