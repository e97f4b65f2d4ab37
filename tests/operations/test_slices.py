"""Deletions in slices."""

from sqlalchemy import func, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.limits import SLICE_PARTS
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import projects, templates
from semaphore_twisted.operations.tasks import output, tasks
from semaphore_twisted.persistence.schema import event, task, task_output
from tests.support.memory import actor_of, make_project, make_user, memory_connection
from tests.support.tasks import make_task, make_template

_TASKS = select(func.count()).select_from(task)
_PARTS = select(func.count()).select_from(task_output)


class SliceTests(SynchronousTestCase):
    """A project with more tasks than a slice, one of them with a long log."""

    def setUp(self) -> None:
        """Create the store."""
        self.conn = memory_connection()
        self.user = make_user(self.conn)
        self.project = make_project(self.conn, self.user)
        self.template = make_template(self.conn, self.project)
        self.other = make_template(self.conn, self.project, name="Other")
        self.actor = actor_of(self.user, self.project)
        self.long = self.make(self.template)
        # each line is late enough for a part of its own
        lines = [(2.0 * number, "line") for number in range(SLICE_PARTS + 50)]
        output.append(self.conn, self.long, lines)
        for _ in range(SLICE_PARTS):
            self.make(self.template)
        self.kept = self.make(self.other)

    def make(self, template: TemplateId) -> TaskId:
        """Make a task that has ended."""
        return make_task(self.conn, self.project, template, status=TaskStatus.SUCCESS)

    def counts(self) -> tuple[int, int]:
        """Return how many tasks and parts of logs there are."""
        return self.conn.scalar(_TASKS), self.conn.scalar(_PARTS)

    def test_project(self) -> None:
        """Each slice is small, and the last step removes the rest."""
        before, slices = self.counts(), 0
        while projects.delete_some(self.conn, self.actor):
            after = self.counts()
            gone = sum(before) - sum(after)
            self.assertLessEqual(gone, 2 * SLICE_PARTS)
            self.assertGreater(gone, 0)
            before, slices = after, slices + 1
        self.assertGreater(slices, 2)
        self.assertEqual(self.counts(), (0, 0))
        projects.delete(self.conn, self.actor)

    def test_events(self) -> None:
        """The events of a project are emptied in slices, too."""
        for number in range(2_500):
            events.TASK.record(self.conn, self.actor, number, "Secret", "ended")
        of_project = select(func.count()).where(event.c.project_id == self.project.id)
        before = self.conn.scalar(of_project)
        self.assertGreaterEqual(before, 2_500)
        while projects.delete_some(self.conn, self.actor):
            after = self.conn.scalar(of_project)
            self.assertLessEqual(before - after, 1_000)
            before = after
        self.assertLess(before, 1_000)
        projects.delete(self.conn, self.actor)
        told = self.conn.column(select(event.c.description))
        self.assertGreaterEqual(len(told), 2_500)
        self.assertNotIn("Secret", str(told))

    def test_template(self) -> None:
        """Tasks of other templates stay."""
        while templates.delete_some(self.conn, self.actor, self.template):
            pass
        self.assertEqual(self.counts(), (1, 0))

    def test_task(self) -> None:
        """A long log goes in parts, before its task."""
        self.assertTrue(tasks.delete_some(self.conn, self.actor, self.long))
        self.assertEqual(self.counts()[1], 50)
        self.assertFalse(tasks.delete_some(self.conn, self.actor, self.long))
        self.assertEqual(self.counts(), (SLICE_PARTS + 2, 0))

    def test_active(self) -> None:
        """Nothing is deleted while a task is under way."""
        running = make_task(
            self.conn, self.project, self.template, status=TaskStatus.RUNNING
        )
        before = self.counts()
        self.assertRaises(Conflict, projects.delete_some, self.conn, self.actor)
        self.assertRaises(
            Conflict, templates.delete_some, self.conn, self.actor, self.template
        )
        self.assertRaises(Invalid, tasks.delete_some, self.conn, self.actor, running)
        self.assertEqual(self.counts(), before)
