"""Tests of putting a log together."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.follow import LogMerger, TaskNews


class LogMergerTests(SynchronousTestCase):
    """Lines from two sources become one log."""

    @given(st.permutations(list(range(1, 30))), st.lists(st.integers(1, 29)))
    def test_any_order(self, order: list[int], repeated: list[int]) -> None:
        """Whatever comes first or twice, each line is shown once and in order."""
        shown: list[str] = []
        log = LogMerger(shown.append)
        for number in [*repeated, *order, *repeated]:
            log.take(number, str(number))
        self.assertEqual(shown, [str(number) for number in range(1, 30)])
        self.assertFalse(log.incomplete)

    def test_gap(self) -> None:
        """A line after a gap waits, and the gap is noticed."""
        shown: list[str] = []
        log = LogMerger(shown.append)
        log.take(1, "one")
        log.take(3, "three")
        self.assertEqual(shown, ["one"])
        self.assertTrue(log.incomplete)
        log.take(2, "two")
        self.assertEqual(shown, ["one", "two", "three"])


class TaskNewsTests(SynchronousTestCase):
    """The websocket speaks of every task; one is followed."""

    def test_other_tasks(self) -> None:
        """Messages of other tasks are passed over."""
        shown: list[str] = []
        news = TaskNews(7, LogMerger(shown.append))
        for task_id in (6, 7):
            news.take({"type": "log", "task_id": task_id, "id": 1, "output": "x"})
            news.take({"type": "update", "task_id": task_id, "status": "running"})
        self.assertEqual((shown, news.status, news.final), (["x"], "running", False))

    def test_final(self) -> None:
        """A task has ended with success, error or stopped."""
        news = TaskNews(7, LogMerger(lambda _: None))
        for status in ("success", "error", "stopped"):
            news.take({"type": "update", "task_id": 7, "status": status})
            self.assertTrue(news.final, status)
