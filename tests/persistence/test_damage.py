"""Tests of rows whose values cannot be read."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.projects import View
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.users import User
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.statements.accounts import users
from semaphore_twisted.persistence.statements.tasks import tasks
from tests.support.memory import make_project, make_user, memory_connection
from tests.support.tasks import make_task, make_template

_views = select(
    schema.view.c.id,
    schema.view.c.project_id,
    schema.view.c.title,
    schema.view.c.position,
).order_by(schema.view.c.id)


class DamageTests(SynchronousTestCase):
    """A damaged row is shown with its fault where its type can tell."""

    def setUp(self) -> None:
        """Make a project with a task."""
        self.conn = memory_connection()
        self.project = make_project(self.conn)
        template = make_template(self.conn, self.project)
        self.task = make_task(
            self.conn, self.project, template, params='{"debug": true}'
        )

    def damage(self, table: str, column: str, value: Any) -> None:
        """Write *value* past every check."""
        self.conn.raw.execute("PRAGMA ignore_check_constraints=1")
        self.conn.raw.execute(f"UPDATE {table} SET {column} = ?", (value,))

    def one(self) -> Task:
        """Return the task."""
        found = self.conn.one(tasks.by_id, Task, id=self.task)
        assert found is not None
        return found

    def test_sound(self) -> None:
        """A sound row has no fault."""
        self.assertIs(self.one().fault, msgspec.UNSET)

    def test_json(self) -> None:
        """JSON that is cut off, of another shape, or too deep is left empty."""
        for value in ("{", "[1]", "7", '"x"', "{" * 5000, b"\xff", '{"a":"\\ud800"}'):
            self.damage("task", "params", value)
            found = self.one()
            self.assertEqual(found.params, {})
            self.assertIn("params", str(found.fault))

    def test_other_columns(self) -> None:
        """So is a time, a number or a status that is none; the rest is shown."""
        self.damage("task", "created", "yesterday")
        self.damage("task", "start", "later")
        self.damage("task", "user_id", None)
        self.damage("task", "status", "waiting for Godot")
        found = self.one()
        self.assertEqual((found.id, found.status), (self.task, TaskStatus.ERROR))
        self.assertEqual((found.created.year, found.start), (1970, None))
        self.assertEqual(
            found.fault,
            "status, created, start: the stored value is damaged; save it again",
        )

    def test_others_in_a_list(self) -> None:
        """The other rows of a list are as ever."""
        for title in ("a", "b"):
            self.conn.insert(schema.view, project_id=self.project.id, title=title)
        self.conn.raw.execute("UPDATE project__view SET position='x' WHERE title='a'")
        first, second = self.conn.all(_views, View)
        self.assertIn("position", str(first.fault))
        self.assertEqual((first.title, first.position), ("a", 0))
        self.assertIs(second.fault, msgspec.UNSET)

    def test_strict(self) -> None:
        """Values that decide about permissions are still decoded strictly."""
        make_user(self.conn)
        for column, value in (("created", "yesterday"), ("admin", "yes")):
            self.damage("user", column, value)
            if column == "created":
                (found,) = self.conn.all(users.every, User)
                self.assertIn("created", str(found.fault))
        with self.assertRaises(msgspec.ValidationError):
            self.conn.all(users.every, User)


class BatchTests(SynchronousTestCase):
    """Rows are read until their texts are too long for one batch."""

    def setUp(self) -> None:
        """Make views with long titles."""
        self.conn = memory_connection()
        project = make_project(self.conn)
        self.one = _views.order_by(None).where(schema.view.c.id == bindparam("id"))
        self.ids = [
            self.conn.insert(schema.view, project_id=project.id, title=text * 100)
            for text in ("a", "é", "c", "d")
        ]

    def batch(self, ids: list[int], size: int) -> tuple[str, int]:
        """Return the first letters of the rows, and how many ids were looked up."""
        rows, looked_up = self.conn.batch(self.one, View, ids, size=size)
        return "".join(each.title[0] for each in rows), looked_up

    def test_size(self) -> None:
        """The row that exceeds the size is the last; there is one at least."""
        self.assertEqual(self.batch(self.ids, 10), ("a", 1))
        self.assertEqual(self.batch(self.ids, 100), ("aé", 2))
        self.assertEqual(self.batch(self.ids, 500), ("aéc", 3))
        self.assertEqual(self.batch(self.ids, 10_000), ("aécd", 4))

    def test_order(self) -> None:
        """Rows come in the order of the ids; ids without a row are passed over."""
        self.assertEqual(self.batch([], 10), ("", 0))
        ids = [self.ids[2], 999, self.ids[0]]
        self.assertEqual(self.batch(ids, 10_000), ("ca", 3))
