"""From bytes to lines."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.lines import LONGEST, LineSplitter


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
    """:class:`LineSplitter`."""

    @given(BYTES, st.lists(st.integers(0, 1 << 16)))
    def test_any_cut(self, data: bytes, places: list[int]) -> None:
        """The same lines come out however the bytes are cut."""
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

    def test_long(self) -> None:
        """A line over the limit is cut into several, however it arrives."""
        data = b"x" * (2 * LONGEST + 1) + b"\n"
        expected = ["x" * LONGEST, "x" * LONGEST, "x"]
        self.assertEqual(split(data), expected)
        self.assertEqual(split(*cut(data, list(range(0, len(data), 1000)))), expected)

    def test_exactly_the_limit(self) -> None:
        """A line of the limit's length is one line, with either end."""
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
