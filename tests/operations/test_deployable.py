"""Tests of builds that wait to be deployed."""

from datetime import timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.projects import templates
from semaphore_twisted.operations.projects.template_rules import NewTemplate
from semaphore_twisted.operations.tasks import task_lifecycle, tasks
from semaphore_twisted.operations.tasks.builds import incoming_version
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.statements.tasks import tasks as statements
from tests.support.memory import (
    actor_of,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.tasks import make_task, make_template


class AwaitedBuildTests(SynchronousTestCase):
    """A build, its deployment for tests, and a waiting one to the live system."""

    def setUp(self) -> None:
        """Create the chain; the first build is the oldest task."""
        self.conn = memory_connection()
        user = make_user(self.conn)
        self.project = make_project(self.conn, user)
        self.actor = actor_of(user, self.project, Role.OWNER)
        self.build = make_template(self.conn, self.project, type="build")
        self.test = self.deploying("Test", self.build)
        self.live = self.deploying("Live", self.test)
        self.built = self.task(self.build, version="1.0.7")
        self.tested = self.task(self.test, build_task_id=self.built)
        self.waiting = self.task(
            self.live, status=TaskStatus.WAITING, build_task_id=self.tested
        )
        for of in (self.build, self.test):
            self.task(of)

    def deploying(self, name: str, build: TemplateId) -> TemplateId:
        """Create a template that deploys the tasks of *build*."""
        return make_template(
            self.conn,
            self.project,
            name=name,
            type="deploy",
            build_template_id=build,
        )

    def task(
        self,
        template: TemplateId,
        status: TaskStatus = TaskStatus.SUCCESS,
        **columns: Any,
    ) -> TaskId:
        """Store a task that ended long ago."""
        end = self.conn.now - timedelta(days=30)
        return make_task(
            self.conn, self.project, template, status=status, end=end, **columns
        )

    def check_version(self) -> None:
        """Check that the waiting task still knows its version."""
        task = self.conn.one(statements.by_id, Task, id=self.waiting)
        assert task is not None
        self.assertEqual(incoming_version(self.conn, task), "1.0.7")

    def test_delete(self) -> None:
        """A build is not deleted while a task deploys it, also through another."""
        for task in (self.built, self.tested):
            for delete in (tasks.delete, tasks.delete_some):
                error = self.assertRaises(Conflict, delete, self.conn, self.actor, task)
                self.assertIn(f"deploys task {task}", error.message)
        self.check_version()
        self.conn.update(schema.task, self.waiting, status=TaskStatus.SUCCESS)
        tasks.delete(self.conn, self.actor, self.built)

    def test_history(self) -> None:
        """The limits of a history do not end such a build."""
        for of in (self.build, self.test):
            self.conn.update(schema.template, of, max_task_age_days=7)
            self.assertEqual(task_lifecycle.trim(self.conn, of, 1), 0)
        self.assertEqual(task_lifecycle.expire(self.conn), 0)
        self.check_version()
        self.conn.update(schema.task, self.waiting, status=TaskStatus.ERROR)
        self.assertEqual(task_lifecycle.trim(self.conn, self.build, 1), 1)
        self.assertEqual(task_lifecycle.expire(self.conn), 1)

    def test_template(self) -> None:
        """The template of such a build is not deleted."""
        for of in (self.build, self.test):
            for delete in (templates.delete_some, templates.delete):
                self.assertRaises(Conflict, delete, self.conn, self.actor, of)
        self.check_version()

    def test_type(self) -> None:
        """A template whose tasks are deployed stays one that has such tasks."""

        def changed(kind: str) -> None:
            stored = templates.get(self.conn, self.actor, self.build)
            new = NewTemplate(
                name=stored.name,
                app=stored.app,
                type=kind,
                playbook=stored.playbook,
                repository_id=stored.repository_id,
                inventory_id=stored.inventory_id,
            )
            templates.change(self.conn, self.actor, self.build, new)

        error = self.assertRaises(Invalid, changed, "")
        self.assertIn('"Test"', error.message)
        self.assertTrue(error.message.startswith("type: "))
        changed("deploy")
        changed("build")
        self.conn.delete(schema.template, self.test)
        changed("")
