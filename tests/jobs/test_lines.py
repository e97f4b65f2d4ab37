"""From bytes to lines."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.lines import LONGEST, LineSplitter
from semaphore_twisted.jobs.supervision.text import whole_characters


def split(*pieces: bytes) -> list[str]:
    """Return the lines of *pieces*."""
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return lines + splitter.flush()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut *data* at *places*."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


BYTES = st.lists(
    st.one_of(
        st.binary(max_size=5),
        st.text(max_size=5).map(str.encode),
        st.sampled_from([b"\n", b"\r\n", b"\r", b"\0", b"\xe2\x82", b"\xff"]),
    )
).map(b"".join)


class LineSplitterTests(SynchronousTestCase):
    """Tests of :class:`LineSplitter`."""

    @given(BYTES, st.lists(st.integers(0, 1 << 16)))
    def test_any_cut(self, data: bytes, places: list[int]) -> None:
        """The lines do not depend on the sizes of the reads."""
        self.assertEqual(split(*cut(data, places)), split(data))

    @given(st.lists(st.text(st.characters(exclude_characters="\n\r\0"))))
    def test_text(self, lines: list[str]) -> None:
        """A line is exactly its text."""
        data = "".join(f"{line}\n" for line in lines)
        self.assertEqual(
            split(data.encode(errors="replace")),
            [line.encode(errors="replace").decode() for line in lines],
        )

    def test_line_ends(self) -> None:
        """Line feed ends a line; carriage returns before and in it are kept."""
        self.assertEqual(split(b"a\r\nb\n\nc\rd\n"), ["a\r", "b", "", "c\rd"])

    def test_invalid(self) -> None:
        """Bytes that are no UTF-8, and NUL, become U+FFFD."""
        self.assertEqual(split(b"a\xffb\0c\xe2\n"), ["a\ufffdb\ufffdc\ufffd"])

    def test_unfinished(self) -> None:
        """A last line needs no end."""
        splitter = LineSplitter()
        self.assertEqual(splitter.feed(b"abc"), [])
        self.assertEqual(splitter.flush(), ["abc"])
        self.assertEqual(splitter.flush(), [])

    def test_begun(self) -> None:
        """The text so far omits a carriage return that may end the line."""
        splitter = LineSplitter()
        splitter.feed(b"one\ntwo \xff\r")
        self.assertTrue(splitter.unfinished)
        self.assertEqual(splitter.begun, "two \ufffd")
        self.assertEqual(splitter.feed(b"\n"), ["two \ufffd\r"])
        self.assertFalse(splitter.unfinished)

    @given(BYTES, BYTES)
    def test_begins(self, begin: bytes, rest: bytes) -> None:
        """A complete line begins with the text returned before its end."""
        end = whole_characters(begin)
        begin, rest = begin[:end], begin[end:] + rest
        splitter = LineSplitter()
        lines = splitter.feed(begin)
        begun = splitter.begun
        whole = [*split(begin + rest), ""]
        self.assertEqual(whole[: len(lines)], lines)
        self.assertTrue(whole[len(lines)].startswith(begun), (whole, begun))

    def test_begun_too_long(self) -> None:
        """The text so far of a line beyond the limit is cut at the limit."""
        splitter = LineSplitter()
        splitter.feed(b"x" * (LONGEST + 1))
        self.assertEqual(splitter.begun, "x" * LONGEST)
        self.assertEqual(splitter.feed(b"\n"), ["x" * LONGEST, "x"])

    def test_long(self) -> None:
        """A line over the limit is split into several, for any reads."""
        data = b"x" * (2 * LONGEST + 1) + b"\n"
        expected = ["x" * LONGEST, "x" * LONGEST, "x"]
        self.assertEqual(split(data), expected)
        self.assertEqual(split(*cut(data, list(range(0, len(data), 1000)))), expected)

    def test_exactly_the_limit(self) -> None:
        """A line with the limit's length is one line, with either line end."""
        line = b"x" * LONGEST
        for data in (line + b"\n", line + b"\r\n"):
            expected = [data[:-1].decode()]
            self.assertEqual(split(data), expected)
            self.assertEqual(split(data[:LONGEST], data[LONGEST:-1], b"\n"), expected)

    def test_cut_between_characters(self) -> None:
        """A long line is cut between two characters."""
        lines = split(b"x" + "é".encode() * LONGEST + b"\n")
        self.assertEqual("".join(lines), "x" + "é" * LONGEST)
        self.assertTrue(all(len(line.encode()) <= LONGEST for line in lines))
