"""Tests of the stored plans of tasks."""

import msgspec
from sqlalchemy import func, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.model.plans import PlanChange, PlanSummary
from semaphore_twisted.model.tasks import IllegalTransition, TaskEvent, TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.tasks import plans, slices, statistics, task_lifecycle
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.result_tables import task_plan
from tests.support.memory import (
    BEGINNING,
    actor_of,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.tasks import make_keyring, make_task, make_template

COUNT = select(func.count()).select_from(task_plan)
PLAN = PlanSummary(
    add=1,
    changes=(PlanChange(address="a.b", type="a", action="create"),),
)


class PlanTests(SynchronousTestCase):
    """A task that waits for approval."""

    def setUp(self) -> None:
        """Make it."""
        self.conn = memory_connection()
        self.user = make_user(self.conn, "alice")
        self.project = make_project(self.conn, self.user)
        self.task = make_task(
            self.conn,
            self.project,
            make_template(self.conn, self.project),
            status=TaskStatus.WAITING_CONFIRMATION,
        )

    def actor(self) -> Actor:
        """Return the actor who decides."""
        return actor_of(self.user, self.project)

    def test_first(self) -> None:
        """The plan that was stored first stays."""
        plans.store(self.conn, self.task, PLAN)
        plans.store(self.conn, self.task, PlanSummary(destroy=9))
        found = plans.of_task(self.conn, self.actor(), self.task)
        self.assertEqual((found.add, found.destroy), (1, 0))
        self.assertEqual(found.changes, PLAN.changes)
        self.assertIsNone(found.decision)

    def test_decision(self) -> None:
        """The first decision counts; another one is refused and names who decided."""
        plans.store(self.conn, self.task, PLAN)
        plans.decide(self.conn, self.actor(), self.task, approved=False, comment="no")
        error = self.assertRaises(
            Conflict,
            plans.decide,
            *(self.conn, self.actor(), self.task),
            approved=True,
        )
        self.assertEqual(
            error.message, f"The plan was rejected by {self.user.name} already"
        )
        found = plans.of_task(self.conn, self.actor(), self.task).decision
        assert found is not None
        self.assertEqual(
            (found.approved, found.user_id, found.user_name, found.at, found.comment),
            (False, self.user.id, self.user.name, BEGINNING, "no"),
        )

    def test_server(self) -> None:
        """The server itself can decide, without a name."""
        plans.store(self.conn, self.task, PLAN)
        plans.decide(self.conn, None, self.task, approved=False, comment="too late")
        found = plans.of_task(self.conn, self.actor(), self.task).decision
        assert found is not None
        self.assertEqual((found.user_id, found.user_name), (None, ""))

    def test_no_plan(self) -> None:
        """A decision without a plan stores nothing."""
        plans.decide(self.conn, self.actor(), self.task, approved=True)
        self.assertEqual(self.conn.scalar(COUNT), 0)

    def test_run(self) -> None:
        """A run tells that a user has rejected its plan, not that the server has."""
        boss = self.actor()
        template = self.conn.scalar(select(schema.task.c.template_id))
        cases = ((boss, False, True), (boss, True, False), (None, False, False))
        for actor, approved, rejected in cases:
            task = make_task(self.conn, self.project, template)
            plans.store(self.conn, task, PLAN)
            plans.decide(self.conn, actor, task, approved=approved)
            found = statistics.newest_runs(self.conn, boss, [template], 1)
            self.assertEqual(
                [(each.id, each.rejected) for each in found[template]],
                [(task, rejected)],
            )

    def test_account(self) -> None:
        """The name of a deleted account stays."""
        boss = make_user(self.conn, "boss")
        plans.store(self.conn, self.task, PLAN)
        plans.decide(self.conn, actor_of(boss, self.project), self.task, approved=True)
        self.conn.delete(schema.user, boss.id)
        found = plans.of_task(self.conn, self.actor(), self.task).decision
        assert found is not None
        self.assertEqual((found.user_id, found.user_name), (None, boss.name))

    def test_verbs(self) -> None:
        """Approving and rejecting store the decision, and record an event with it."""
        plans.store(self.conn, self.task, PLAN)
        task = plans.confirm(self.conn, self.actor(), self.task, "as\nagreed")
        self.assertEqual(task.status, TaskStatus.CONFIRMED)
        found = plans.of_task(self.conn, self.actor(), self.task).decision
        assert found is not None
        self.assertEqual((found.approved, found.comment), (True, "as\nagreed"))
        self.assertRaises(
            IllegalTransition, plans.reject, self.conn, self.actor(), self.task
        )
        other = make_task(
            self.conn,
            self.project,
            task.template_id,
            status=TaskStatus.WAITING_CONFIRMATION,
        )
        plans.reject(self.conn, self.actor(), other)  # without a plan
        self.assertEqual(
            self.conn.column(select(schema.event.c.description)),
            [
                f'Task ID {self.task} (Say) plan approved: "as\\nagreed"',
                f"Task ID {other} (Say) plan rejected",
            ],
        )

    def test_deleted(self) -> None:
        """The plan is deleted with its task, also by retention."""
        plans.store(self.conn, self.task, PLAN)
        task_lifecycle.finish(self.conn, make_keyring(), self.task, TaskEvent.SUCCEEDED)
        self.assertEqual(self.conn.scalar(COUNT), 1)
        slices.delete_some(self.conn, [self.task])
        self.assertEqual(self.conn.scalar(COUNT), 0)

    def test_size(self) -> None:
        """The summary is stored as JSON."""
        plans.store(self.conn, self.task, PLAN)
        text = self.conn.scalar(select(task_plan.c.summary))
        self.assertEqual(msgspec.json.decode(text, type=PlanSummary), PLAN)
