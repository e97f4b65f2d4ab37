"""Tests of the log in chunks."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.operations.tasks.output import (
    MAX_LINES,
    append,
    last_lines,
    length,
    page,
    portions,
    without_ansi,
)
from semaphore_twisted.persistence import schema
from semaphore_twisted.web.http.responses import json
from tests.support.memory import make_project, memory_connection
from tests.support.tasks import make_task, make_template

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIRSTS = select(schema.task_output.c.first).order_by(schema.task_output.c.first)
OFFSET = select(schema.task.c.spool_offset)
COMMIT = select(schema.task.c.commit_hash)


class OutputTests(SynchronousTestCase):
    """Storing and reading lines."""

    def setUp(self) -> None:
        """Make a task."""
        self.conn = memory_connection()
        project = make_project(self.conn)
        self.task = make_task(self.conn, project, make_template(self.conn, project))

    def texts(self, *, above: int = 0, limit: int = 10_000) -> list[str]:
        """Return the texts of a page."""
        lines = page(self.conn, self.task, above=above, limit=limit, most=10_000_000)
        return [line.output for line in lines]

    def test_round_trip(self) -> None:
        """Text of any language, tabs and escapes are kept."""
        texts = ["é Тест 漢字 😀", "", "a\tb", "\x1b[31mred\x1b[0m", "x\ry", "\x00"]
        stored = append(self.conn, self.task, [(1.5, text) for text in texts])
        self.assertEqual([line.output for line in stored], texts)
        self.assertEqual([line.id for line in stored], [1, 2, 3, 4, 5, 6])
        self.assertEqual(page(self.conn, self.task), stored)
        self.assertEqual(stored[0].time.timestamp(), 1.5)

    def test_numbers_go_on(self) -> None:
        """Each call numbers on after the last line."""
        append(self.conn, self.task, [(1, "a")])
        (second,) = append(self.conn, self.task, [(1, "b")])
        self.assertEqual(second.id, 2)
        self.assertEqual(self.texts(), ["a", "b"])
        self.assertEqual(self.texts(above=1), ["b"])
        self.assertEqual(self.texts(above=2), [])
        self.assertEqual(length(self.conn, self.task), 2)

    def test_offset_and_facts(self) -> None:
        """Offset and facts are stored with the lines; unknown facts are not."""
        facts = {"commit_hash": "abc", "status": "success"}
        append(self.conn, self.task, [(1, "a")], offset=77, facts=facts)
        self.assertEqual(self.conn.scalar(OFFSET), 77)
        self.assertEqual(self.conn.scalar(COMMIT), "abc")
        append(self.conn, self.task, [], offset=80)
        self.assertEqual(self.conn.scalar(OFFSET), 80)

    def test_a_trickle_is_one_chunk(self) -> None:
        """Lines of one second share a chunk; a later one begins another."""
        for number in range(5):
            append(self.conn, self.task, [(1 + number / 10, "x")])
        append(self.conn, self.task, [(5, "y")])
        self.assertEqual(self.conn.column(FIRSTS), [1, 6])

    def test_full_chunks(self) -> None:
        """A chunk has at most 1,000 lines."""
        append(self.conn, self.task, [(1, str(n)) for n in range(2 * MAX_LINES + 1)])
        self.assertEqual(self.conn.column(FIRSTS), [1, 1001, 2001])
        self.assertEqual(self.texts(above=998, limit=4), ["998", "999", "1000", "1001"])

    def test_long_lines(self) -> None:
        """A line longer than a chunk is a chunk of its own."""
        long = "x" * 100_000
        append(self.conn, self.task, [(1, "a"), (1, long), (1, "b")])
        self.assertEqual(self.conn.column(FIRSTS), [1, 2, 3])
        self.assertEqual(self.texts(), ["a", long, "b"])

    def test_newline_splits(self) -> None:
        """A text with a newline is stored as the lines that it is."""
        stored = append(self.conn, self.task, [(1, "a\nb"), (1, "c")])
        self.assertEqual([line.id for line in stored], [1, 2, 3])
        self.assertEqual(self.texts(), ["a", "b", "c"])

    def test_lone_surrogate(self) -> None:
        """A text that cannot be encoded in UTF-8 causes no error."""
        append(self.conn, self.task, [(1, "a\ud800b")])
        self.assertEqual(self.texts(), ["a?b"])

    def test_deleted_task(self) -> None:
        """A task that was deleted takes nothing."""
        self.assertEqual(append(self.conn, TaskId(99), [(1, "a")], offset=1), [])

    def test_deletion_takes_output(self) -> None:
        """Deleting a task deletes its output."""
        append(self.conn, self.task, [(1, "a")])
        self.conn.delete(schema.task, self.task)
        self.assertEqual(self.conn.column(FIRSTS), [])

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.lists(
                st.tuples(st.floats(0, 5), st.text(max_size=5).map(lambda t: t * 3000)),
                max_size=30,
            ),
            max_size=10,
        ),
        st.integers(0, 300),
    )
    def test_any_batches(
        self, batches: list[list[tuple[float, str]]], above: int
    ) -> None:
        """In any batches, lines are numbered 1, 2, 3 … and read in this order."""
        conn = memory_connection()
        project = make_project(conn)
        task = make_task(conn, project, make_template(conn, project))
        wanted: list[str] = []
        for batch in batches:
            append(conn, task, batch)
            parts = [part for _, text in batch for part in text.split("\n")]
            wanted += [part.removesuffix("\r") for part in parts]  # the raw log has it
        lines = page(conn, task, limit=100_000, most=10_000_000)
        self.assertEqual([line.output for line in lines], wanted)
        self.assertEqual([line.id for line in lines], list(range(1, len(wanted) + 1)))
        rest = page(conn, task, above=above, limit=7, most=10_000_000)
        self.assertEqual([line.output for line in rest], wanted[above : above + 7])


class AnsiTests(SynchronousTestCase):
    """Text without terminal codes."""

    def test_codes(self) -> None:
        """Colors, titles and links go, text stays."""
        for text in (
            "\x1b[1;31mred\x1b[0m",
            "\x1b[38;5;196mred\x1b[m",
            "\x1b]0;title\x07red",
            "\x1b]8;;https://x.example\x1b\\red\x1b]8;;\x1b\\",
            "red\x1b[K",
            "\x1b(Bred",
        ):
            self.assertEqual(without_ansi(text), "red")
        self.assertEqual(without_ansi("[31m plain"), "[31m plain")


class PageTests(SynchronousTestCase):
    """How much of a log is read and encoded at a time."""

    def setUp(self) -> None:
        """Make a task."""
        self.conn = memory_connection()
        project = make_project(self.conn)
        self.task = make_task(self.conn, project, make_template(self.conn, project))

    def pages(self) -> list[list[OutputLine]]:
        """Read the log page by page."""
        found: list[list[OutputLine]] = []
        above = 0
        while lines := page(self.conn, self.task, above=above):
            found.append(lines)
            above = lines[-1].id
        return found

    def test_bytes(self) -> None:
        """A page has so many characters, and a long line a page of its own."""
        for size in (1, 100, 60_000, 65_536, 200_000):
            append(self.conn, self.task, [(1, "x" * size)] * 7)
        pages = self.pages()
        for lines in pages:
            size = sum(len(each.output) for each in lines)
            self.assertTrue(size <= limits.LOG_PAGE or len(lines) == 1, size)
        self.assertEqual(
            [each.id for lines in pages for each in lines], list(range(1, 36))
        )

    def test_last(self) -> None:
        """The last lines up to a number are read, in their order."""
        self.assertEqual(last_lines(self.conn, self.task, last=5, above=0, most=9), [])
        for number in range(1, 31):
            moment = number // 7  # a new part of the log every two of them
            append(self.conn, self.task, [(moment, f"{number:02}" * 5)])
        rows = len(f"{0:07}\t") + 10
        for last, above, most, expected in (
            (30, 0, 10**6, range(1, 31)),
            (99, 24, 10**6, range(25, 31)),
            (17, 4, 10**6, range(5, 18)),
            (17, 0, 4 * rows, range(14, 18)),
            (17, 15, 4 * rows, range(16, 18)),
            (17, 0, 1, range(17, 18)),
            (17, 17, 10**6, range(0)),
        ):
            found = last_lines(self.conn, self.task, last=last, above=above, most=most)
            self.assertEqual([each.id for each in found], list(expected))
            for each in found:
                self.assertEqual(each.output, f"{each.id:02}" * 5)

    @given(st.lists(st.integers(0, 70_000), max_size=40))
    def test_portions(self, lengths: list[int]) -> None:
        """Portions are all the lines in their order, each of a bounded size."""
        lines = [
            OutputLine(id=number, task_id=TaskId(1), time=NOW, output="\x01" * length)
            for number, length in enumerate(lengths)
        ]
        found = list(portions(lines))
        self.assertEqual([each for portion in found for each in portion], lines)
        for portion in found:
            self.assertTrue(portion)
            if len(portion) > 1:
                self.assertLessEqual(len(json(portion)), limits.BATCH)
