"""Tests of the service with jobs that wait for an approval."""

import json
from typing import Any

from sqlalchemy import select
from typing_extensions import override

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.results import (
    ApprovalAsked,
    ApprovalPassed,
    PlanMade,
    StepBegun,
)
from semaphore_twisted.model.tasks import IllegalTransition, Task, TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.tasks import plans
from semaphore_twisted.persistence import schema
from semaphore_twisted.tasks.queue import TaskOptions
from tests.support.jobs import MemoryJob
from tests.support.tasks import make_template
from tests.tasks.test_service import ServiceTestCase

ASKED = ApprovalAsked("t" * 32, 2e9)


class ApprovalTests(ServiceTestCase):
    """From the plan to the decision."""

    options = TaskOptions(max_parallel_tasks=1)

    @override
    def setUp(self) -> None:
        super().setUp()
        self.conn.update(schema.template, self.template, app="terraform")
        self.actor = Actor(user=self.user, project_id=self.project.id)

    def waiting(self) -> tuple[TaskId, MemoryJob]:
        """Return a task that waits for an approval, and its job."""
        task = self.task()
        job = self.job(task)
        job.say("planned")
        job.report(ASKED)
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.WAITING_CONFIRMATION)
        return task, job

    def confirm(self, task: TaskId) -> Task:
        """Approve the plan of a task, as the route does."""
        decided = plans.confirm(self.conn, self.actor, task)
        self.service.changed(decided)
        return decided

    def reject(self, task: TaskId) -> Task:
        """Reject it."""
        decided = plans.reject(self.conn, self.actor, task)
        self.service.changed(decided)
        return decided

    def test_confirmed(self) -> None:
        """Each status is told, and the job gets its own token back."""
        task, job = self.waiting()
        self.assertEqual(job.decisions, [])
        self.confirm(task)
        self.assertEqual(job.decisions, [f"confirm {ASKED.token}"])
        job.report(ApprovalPassed())
        job.say("applied")
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.RUNNING)
        job.end()
        self.clock.advance(1)
        told = [what for number, what in self.watcher.heard if number == task]
        self.assertEqual(
            [each for each in told if each in set(TaskStatus)],
            [
                *("starting", "running", "waiting_confirmation", "confirmed"),
                *("running", "success"),
            ],
        )
        with self.assertRaises(IllegalTransition):
            self.confirm(task)

    def test_unlisted(self) -> None:
        """A plan that the job could not list is shown as such, and decided about."""
        task, _job = self.waiting()
        found = plans.of_task(self.conn, self.actor, task)
        self.assertFalse(found.complete)
        self.assertIn("could not be listed", found.problem)
        self.reject(task)
        found = plans.of_task(self.conn, self.actor, task)
        assert found.decision
        self.assertEqual(found.decision.user_id, self.user.id)

    def test_rejected(self) -> None:
        """A rejected task fails; the first decision counts."""
        task, job = self.waiting()
        self.reject(task)
        self.assertEqual(job.decisions, [f"reject {ASKED.token}"])
        with self.assertRaises(IllegalTransition):
            self.confirm(task)
        job.end("error", "The plan was rejected")
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.ERROR)

    def test_too_late(self) -> None:
        """A job that gave up fails with its reason, also after a late approval."""
        task, job = self.waiting()
        self.confirm(task)
        job.end("error", "The plan was not approved within 24 hours")
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.ERROR)

    def test_stopped(self) -> None:
        """A waiting task is stopped at once."""
        task, job = self.waiting()
        self.stop(task)
        self.clock.advance(1)
        self.assertEqual((self.status(task), job.stopped), (TaskStatus.STOPPED, 1))

    def test_stopped_before(self) -> None:
        """A task that is being stopped does not begin to wait."""
        task = self.task()
        job = self.job(task)
        job.stubborn = True
        self.stop(task)
        job.report(ASKED)
        self.clock.advance(1)
        self.assertEqual(self.status(task), TaskStatus.STOPPING)

    def test_restart(self) -> None:
        """The wait outlives the server; a decision that was not passed on is then."""
        for restart in (self.restart, self.crash):
            task, job = self.waiting()
            restart()
            self.assertEqual(self.status(task), TaskStatus.WAITING_CONFIRMATION)
            plans.confirm(self.conn, self.actor, task)
            restart()
            self.assertEqual(job.decisions, [f"confirm {ASKED.token}"])
            job.report(ApprovalPassed())
            job.end()
            self.clock.advance(1)
            self.assertEqual(self.status(task), TaskStatus.SUCCESS)

    def test_power_loss(self) -> None:
        """A waiting job that is gone is an error that says so."""
        task, job = self.waiting()
        job.abandon()
        job.vanish()
        self.crash()
        self.assertEqual(self.status(task), TaskStatus.ERROR)
        self.assertIn("Interrupted", self.texts(task)[-1])

    def test_other_tasks(self) -> None:
        """A waiting task takes no place, but its template stays busy."""
        task, job = self.waiting()
        other = make_template(self.conn, self.project, name="Other")
        same, different = self.task(), self.task(other)
        self.assertEqual(self.status(different), TaskStatus.RUNNING)
        self.job(different).end()
        self.clock.advance(1)
        self.assertEqual(self.status(same), TaskStatus.WAITING)
        self.confirm(task)
        job.report(ApprovalPassed())
        job.end()
        self.clock.advance(1)
        self.assertEqual(self.status(same), TaskStatus.RUNNING)

    def plan(self, document: bytes) -> Any:
        """Return the plan that is stored of a job that printed *document*."""
        task = self.task()
        job = self.job(task)
        job.report(PlanMade(document))
        job.say("after")
        self.clock.advance(1)
        job.end()
        self.clock.advance(1)
        self.assertEqual(self.texts(task), ["after"])
        return plans.of_task(self.conn, self.actor, task)

    def test_plan(self) -> None:
        """The list of changes is stored with the lines, for any output of the job."""
        change = {"actions": ["delete"]}
        document = {
            "format_version": "1.2",
            "resource_changes": [{"address": "a.b", "change": change}],
        }
        found = self.plan(json.dumps(document).encode())
        self.assertEqual((found.destroy, found.complete), (1, True))
        self.assertEqual(found.changes[0].address, "a.b")
        found = self.plan(json.dumps({**document, "shortened": True}).encode())
        self.assertEqual((found.destroy, found.complete), (1, False))
        for text in (b"", b"[]", b'{"format_version": "1.0", "shortened": 7}'):
            found = self.plan(text)
            self.assertFalse(found.complete)
            self.assertTrue(found.problem)

    def test_stages(self) -> None:
        """The phases are stages of the task."""
        task = self.task()
        job = self.job(task)
        for step in ("repository clone", "init", "plan", "show", "approval", "apply"):
            job.report(StepBegun(step))
        self.clock.advance(1)
        job.end()
        self.clock.advance(1)
        stages = select(schema.task_stage.c.type).order_by(schema.task_stage.c.id)
        self.assertEqual(
            self.conn.column(stages.where(schema.task_stage.c.task_id == task)),
            ["checkout", "init", "plan", "approval", "apply"],
        )
