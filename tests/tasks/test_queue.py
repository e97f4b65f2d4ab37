"""Tests of the queue's rules."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId
from semaphore_twisted.model.tasks import Queued
from semaphore_twisted.tasks.queue import startable


def queued(
    number: int,
    template: int,
    project: int = 1,
    *,
    parallel: bool = False,
    limit: int = 0,
    workspace: int | None = None,
    idle: bool = False,
) -> Queued:
    """Return a task in the queue."""
    return Queued(
        id=TaskId(number),
        template_id=TemplateId(template),
        project_id=ProjectId(project),
        parallel=parallel,
        project_limit=limit,
        workspace=workspace,
        idle=idle,
    )


class QueueTests(SynchronousTestCase):
    """The tasks that may start."""

    def test_all_start(self) -> None:
        """Tasks of different templates start at once."""
        waiting = [queued(1, 1), queued(2, 2)]
        self.assertEqual(startable(waiting, [], limit=0), [1, 2])

    def test_template_alone(self) -> None:
        """Without allow_parallel_tasks the second task of a template waits."""
        self.assertEqual(startable([queued(1, 1), queued(2, 1)], [], limit=0), [1])
        self.assertEqual(startable([queued(2, 1)], [queued(1, 1)], limit=0), [])

    def test_template_parallel(self) -> None:
        """With allow_parallel_tasks both run."""
        waiting = [queued(1, 1, parallel=True), queued(2, 1, parallel=True)]
        self.assertEqual(startable(waiting, [], limit=0), [1, 2])

    def test_no_head_of_line_block(self) -> None:
        """A task that has to wait does not hold back those of other templates."""
        waiting = [queued(2, 1), queued(3, 2)]
        self.assertEqual(startable(waiting, [queued(1, 1)], limit=0), [3])

    def test_workspace_alone(self) -> None:
        """Tasks of a workspace wait for each other, also of parallel templates."""
        waiting = [
            queued(2, 2, parallel=True, workspace=5),
            queued(3, 3, workspace=5),
            queued(4, 4, workspace=6),
        ]
        self.assertEqual(startable(waiting, [], limit=0), [2, 4])
        active = [queued(1, 1, workspace=5, idle=True)]
        self.assertEqual(startable(waiting, active, limit=0), [4])

    def test_idle(self) -> None:
        """A task that waits for an approval counts for no limit."""
        waiting = [queued(2, 2, limit=1), queued(3, 1, limit=1)]
        active = [queued(1, 1, limit=1, idle=True)]
        self.assertEqual(startable(waiting, active, limit=1), [2])

    def test_project_limit(self) -> None:
        """The tasks of a full project wait, other tasks start."""
        waiting = [queued(2, 2, 1, limit=1), queued(3, 3, 2)]
        active = [queued(1, 1, 1, limit=1)]
        self.assertEqual(startable(waiting, active, limit=0), [3])

    def test_global_limit(self) -> None:
        """No more tasks are active than the installation allows."""
        waiting = [queued(2, 2), queued(3, 3)]
        self.assertEqual(startable(waiting, [queued(1, 1)], limit=2), [2])

    @given(st.data())
    def test_limits_hold(self, data: st.DataObject) -> None:
        """Limits hold, templates are FIFO, and a waiting task has a reason."""
        parallel = data.draw(st.lists(st.booleans(), min_size=5, max_size=5))
        limits = data.draw(st.lists(st.integers(0, 4), min_size=3, max_size=3))
        templates = data.draw(st.lists(st.integers(0, 4), max_size=25))
        running = data.draw(st.integers(0, len(templates)))
        limit = data.draw(st.integers(0, 12))
        tasks = [
            queued(
                number,
                template,
                template % 3,
                parallel=parallel[template],
                limit=limits[template % 3],
            )
            for number, template in enumerate(templates)
        ]
        active, waiting = tasks[:running], tasks[running:]
        chosen = startable(waiting, active, limit=limit)
        started = [task for task in waiting if task.id in chosen]
        self.assertEqual(chosen, [task.id for task in started])
        after = active + started
        left = [task for task in waiting if task.id not in chosen]
        if started and limit:
            self.assertLessEqual(len(after), limit)
        of_project = Counter(task.project_id for task in after)
        of_template = Counter(task.template_id for task in after)
        for task in started:
            if task.project_limit:
                self.assertLessEqual(of_project[task.project_id], task.project_limit)
            if not task.parallel:
                self.assertEqual(of_template[task.template_id], 1)
        for task in left:
            later = [
                other
                for other in started
                if other.template_id == task.template_id and other.id > task.id
            ]
            self.assertEqual(later, [])
            self.assertTrue(
                (limit and len(after) >= limit)
                or (
                    task.project_limit
                    and of_project[task.project_id] >= task.project_limit
                )
                or (not task.parallel and of_template[task.template_id])
            )
