"""Tests of putting a log together."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.task.follow import LogMerger, TaskProgress


class LogMergerTests(SynchronousTestCase):
    """Lines from two sources become one log."""

    @given(st.permutations(list(range(1, 30))), st.lists(st.integers(1, 29)))
    def test_any_order(self, order: list[int], repeated: list[int]) -> None:
        """For any order and repetition, each line is shown once and in order."""
        shown: list[str] = []
        log = LogMerger(shown.append, self.fail)
        for number in [*repeated, *order, *repeated]:
            log.take(number, str(number))
        self.assertEqual(shown, [str(number) for number in range(1, 30)])
        self.assertFalse(log.incomplete)

    def test_gap(self) -> None:
        """A line after a gap waits, and the gap is noticed."""
        shown: list[str] = []
        log = LogMerger(shown.append, self.fail)
        log.take(1, "one")
        log.take(3, "three")
        self.assertEqual(shown, ["one"])
        self.assertTrue(log.incomplete)
        log.take(2, "two")
        self.assertEqual(shown, ["one", "two", "three"])


class BegunTests(SynchronousTestCase):
    """A line that arrives in parts."""

    def setUp(self) -> None:
        """Follow a log into a text."""
        self.out = ""
        self.log = LogMerger(lambda text: self.write(f"{text}\n"), self.write)

    def write(self, text: str) -> None:
        """Keep what is shown."""
        self.out += text

    def test_parts(self) -> None:
        """A line is shown with its parts, and ended once."""
        self.log.take(1, "working", partial=True)
        self.assertEqual(self.out, "working")
        self.log.take(1, "... ", 7, partial=True)
        self.assertEqual(self.out, "working... ")
        self.assertFalse(self.log.incomplete)
        self.log.take(1, "done", 11)
        self.log.take(2, "next")
        self.assertEqual(self.out, "working... done\nnext\n")

    def test_from_api(self) -> None:
        """The API may return the complete line before its last part arrives."""
        self.log.take(1, "working... ", partial=True)
        self.log.take(1, "working... done")
        self.log.take(1, "done", 11)
        self.assertEqual(self.out, "working... done\n")
        self.assertFalse(self.log.incomplete)

    def test_nothing_more(self) -> None:
        """For a line that ended without more text the API has the end."""
        self.log.take(1, "Password: ", partial=True)
        self.log.take(2, "next")
        self.assertTrue(self.log.incomplete)
        self.log.take(1, "Password: ")
        self.assertEqual(self.out, "Password: \nnext\n")
        self.assertFalse(self.log.incomplete)

    def test_early(self) -> None:
        """The beginning of a line after a gap waits for the missing lines."""
        self.log.take(2, "two", partial=True)
        self.assertEqual((self.out, self.log.incomplete), ("", True))
        self.log.take(1, "one")
        self.assertEqual((self.out, self.log.incomplete), ("one\ntwo", False))

    def test_another_socket(self) -> None:
        """Another websocket sends the line from its beginning again."""
        self.log.take(1, "work", partial=True)
        self.log.take(1, "working", partial=True)
        self.log.take(1, "working... ", partial=True)
        self.assertEqual(self.out, "working... ")

    def test_missed(self) -> None:
        """The rest of a line whose beginning was missed is no line."""
        self.log.take(1, "done", 11)
        self.assertEqual((self.out, self.log.incomplete), ("", True))
        self.log.take(1, "working... done")
        self.assertEqual((self.out, self.log.incomplete), ("working... done\n", False))

    def test_other_text(self) -> None:
        """Where the line has another text after all, it is shown on its own."""
        self.log.take(1, "working", partial=True)
        self.log.take(1, "interrupted")
        self.assertEqual(self.out, "working\ninterrupted\n")


class TaskProgressTests(SynchronousTestCase):
    """The websocket has news of every task; one task is followed."""

    def test_partial(self) -> None:
        """The fields of a message about a part of a line are read."""
        shown: list[str] = []
        news = TaskProgress(7, LogMerger(shown.append, shown.append))
        begin = {"type": "log", "task_id": 7, "id": 1, "output": "a", "partial": True}
        news.take(begin)
        news.take({"type": "log", "task_id": 7, "id": 1, "output": "b", "offset": 1})
        self.assertEqual((shown, news.log.last), (["a", "b"], 1))

    def test_other_tasks(self) -> None:
        """Messages of other tasks are passed over."""
        shown: list[str] = []
        news = TaskProgress(7, LogMerger(shown.append, self.fail))
        for task_id in (6, 7):
            news.take({"type": "log", "task_id": task_id, "id": 1, "output": "x"})
            news.take({"type": "update", "task_id": task_id, "status": "running"})
        self.assertEqual((shown, news.status, news.final), (["x"], "running", False))

    def test_final(self) -> None:
        """A task has ended with success, error or stopped."""
        news = TaskProgress(7, LogMerger(lambda _: None, self.fail))
        for status in ("success", "error", "stopped"):
            news.take({"type": "update", "task_id": 7, "status": status})
            self.assertTrue(news.final, status)
