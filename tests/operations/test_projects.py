"""Creating, changing and deleting projects."""

from typing import Any

from sqlalchemy import func, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.projects import members, projects
from semaphore_twisted.operations.projects.projects import NewProject
from semaphore_twisted.persistence import schema
from tests.support.events import list_events
from tests.support.memory import (
    actor_of,
    make_project,
    make_user,
    memory_connection,
)


class ProjectsTests(SynchronousTestCase):
    """Made, listed, changed and deleted."""

    def setUp(self) -> None:
        """Make an administrator and a user."""
        self.conn = memory_connection()
        self.admin = make_user(self.conn, "root", admin=True)
        self.alice = make_user(self.conn, "alice")

    def count(self, table: Any, project: Project) -> int:
        """Count a project's rows."""
        statement = (
            select(func.count())
            .select_from(table)
            .where(table.c.project_id == project.id)
        )
        return int(self.conn.scalar(statement))

    def inside(self, project: Project) -> Actor:
        """Return the owner in the project."""
        return actor_of(self.alice, project)

    def test_create(self) -> None:
        """A new project has an owner, a key ``None`` and an environment ``Empty``."""
        made = projects.create(
            self.conn,
            actor_of(self.alice),
            NewProject(name=" Site ", alert=True, max_parallel_tasks=3, type="x"),
            anybody=True,
        )
        self.assertEqual(
            (
                made.name,
                made.alert,
                made.alert_chat,
                made.max_parallel_tasks,
                made.type,
            ),
            ("Site", True, None, 3, "x"),
        )
        self.assertEqual(made.created.microsecond, 0)
        (owner,) = members.list_members(self.conn, self.inside(made))
        self.assertEqual((owner.id, owner.role), (self.alice.id, Role.OWNER))
        keys = self.conn.raw.execute(
            "SELECT name, type, secret FROM access_key WHERE project_id = ?", (made.id,)
        ).fetchall()
        self.assertEqual(keys, [("None", "none", None)])
        environments = self.conn.raw.execute(
            "SELECT name, json FROM project__environment WHERE project_id = ?",
            (made.id,),
        ).fetchall()
        self.assertEqual(environments, [("Empty", "{}")])

    def test_who_may_create(self) -> None:
        """Administrators create projects; other users only if that is permitted."""
        new = NewProject(name="Site")
        with self.assertRaises(NotPermitted):
            projects.create(self.conn, actor_of(self.alice), new)
        projects.create(self.conn, actor_of(self.admin), new)

    def test_refused(self) -> None:
        """A project without a name, or with a strange one, is refused."""
        for new in (
            NewProject(),
            NewProject(name=" "),
            NewProject(name="a\nb"),
            NewProject(name="x" * 256),
            NewProject(name="x", max_parallel_tasks=-1),
        ):
            with self.assertRaises(Invalid):
                projects.create(self.conn, actor_of(self.admin), new)

    def test_list(self) -> None:
        """One's own are listed by name; an administrator sees all."""
        other = make_project(self.conn, self.admin, "Other")
        second = make_project(self.conn, self.alice, "Zoo")
        first = make_project(self.conn, self.alice, "Ape")
        self.assertEqual(
            projects.list_projects(self.conn, actor_of(self.alice)), [first, second]
        )
        self.assertEqual(
            projects.list_projects(self.conn, actor_of(self.admin)),
            [first, other, second],
        )

    def test_change(self) -> None:
        """A change replaces all but the type."""
        made = projects.create(
            self.conn,
            actor_of(self.admin),
            NewProject(name="Site", alert=True, alert_chat="1", type="x"),
        )
        projects.change(self.conn, self.inside(made), NewProject(name="New"))
        after = projects.get(self.conn, self.inside(made))
        self.assertEqual(
            (after.name, after.alert, after.alert_chat, after.type),
            ("New", False, None, "x"),
        )
        self.assertEqual(after.created, made.created)

    def fill(self, project: Project) -> int:
        """Store one of everything, each used by the next; return the task's id."""
        mine = {"project_id": project.id}
        conn = self.conn
        key = conn.insert(
            schema.access_key, uuid=conn.uuid(), name="k", type="ssh", **mine
        )
        environment = conn.insert(schema.environment, name="e", **mine)
        conn.insert(
            schema.access_key,
            uuid=conn.uuid(),
            name="s",
            type="string",
            environment_id=environment,
            owner="env",
            **mine,
        )
        repository = conn.insert(
            schema.repository, name="r", git_url="/r", ssh_key_id=key, **mine
        )
        inventory = conn.insert(
            schema.inventory,
            name="i",
            type="file",
            ssh_key_id=key,
            repository_id=repository,
            **mine,
        )
        view = conn.insert(schema.view, title="v", **mine)
        template = conn.insert(
            schema.template,
            name="t",
            inventory_id=inventory,
            repository_id=repository,
            environment_id=environment,
            view_id=view,
            **mine,
        )
        conn.insert(
            schema.template_vault, template_id=template, vault_key_id=key, **mine
        )
        task = conn.insert(
            schema.task,
            uuid=conn.uuid(),
            template_id=template,
            status="success",
            inventory_id=inventory,
            created=conn.now,
            **mine,
        )
        conn.insert(schema.task_output, task_id=task, first=1, last=1, lines=b"x")
        return task

    def test_delete(self) -> None:
        """Deleting a project removes all its rows, and no rows of other projects."""
        project = make_project(self.conn, self.alice)
        other = make_project(self.conn, self.alice, "Other")
        self.fill(project)
        self.fill(other)
        projects.delete(self.conn, self.inside(project))
        for table in schema.metadata.sorted_tables:
            if "project_id" in table.c:
                self.assertEqual(self.count(table, project), 0, table.name)
        self.assertEqual(
            self.conn.scalar(select(func.count(schema.task_output.c.first))), 1
        )
        self.assertEqual(self.count(schema.template_vault, other), 1)
        with self.assertRaises(NotFound):
            projects.get(self.conn, self.inside(project))

    def test_delete_while_running(self) -> None:
        """A project whose task runs is not deleted; one whose task waits is."""
        project = make_project(self.conn, self.alice)
        task = self.fill(project)
        for status in ("starting", "running", "stopping", "waiting_confirmation"):
            self.conn.update(schema.task, task, status=status)
            with self.assertRaises(Conflict):
                projects.delete(self.conn, self.inside(project))
        self.conn.update(schema.task, task, status="waiting")
        projects.delete(self.conn, self.inside(project))

    def test_events(self) -> None:
        """A project's events include its creation; its deletion is global."""
        made = projects.create(self.conn, actor_of(self.admin), NewProject(name="Site"))
        inside = actor_of(self.admin, made)
        projects.change(self.conn, inside, NewProject(name="New"))
        self.assertEqual(
            [each.description for each in list_events(self.conn, inside)],
            ["Project New changed", "Project Site created"],
        )
        projects.delete(self.conn, inside)
        last, *_ = list_events(self.conn, actor_of(self.admin))
        self.assertEqual(
            (last.description, last.project_id), ("Project New deleted", None)
        )
