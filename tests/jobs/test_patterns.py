"""The search for many secrets at once."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.patterns import PatternIndex

#: Few letters, so that strings overlap, contain and begin each other.
_TEXT = st.text("ab\n", max_size=9).map(str.encode)

#: Enough strings for the table of words, none of which is in a text of a and b.
_MANY = [f"filler {number}".encode() for number in range(100)]


class PatternIndexTests(SynchronousTestCase):
    """:class:`PatternIndex` compared with simpler implementations."""

    @given(st.lists(_TEXT, max_size=8), st.lists(_TEXT), st.booleans())
    @example([b"aaba", b"aabab"], [b"aaba"], False)
    def test_spans(self, patterns: list[bytes], data: list[bytes], many: bool) -> None:
        """The spans are those of a regular expression, the longest string first."""
        index = PatternIndex([*patterns, *(_MANY if many else [])])
        text = b"".join(data)
        longest = sorted(set(patterns) - {b""}, key=len, reverse=True)
        expected = (
            [each.span() for each in re.finditer(b"|".join(longest), text)]
            if longest
            else []
        )
        self.assertEqual(index.spans(text), expected)

    @given(st.lists(_TEXT, max_size=8), _TEXT)
    def test_begun(self, patterns: list[bytes], text: bytes) -> None:
        """The longest end that may begin a string is found."""
        lengths = [
            length
            for each in patterns
            for length in range(1, len(each))
            if text.endswith(each[:length])
        ]
        self.assertEqual(PatternIndex(patterns).begun(text), max(lengths, default=0))

    def test_every_place(self) -> None:
        """A string is found wherever it begins, at the data's end too."""
        index = PatternIndex([b"secret", *_MANY])
        for before in range(9):
            data = b"x" * before + b"secret"
            self.assertEqual(index.spans(data), [(before, before + 6)])


class ManyLinesTests(SynchronousTestCase):
    """Secrets of thousands of lines."""

    def test_lines(self) -> None:
        """Each end of a line that may be within such a secret is held back."""
        lines = [f"line {number} of the secret\n".encode() for number in range(6000)]
        secret = b"".join(lines).strip()
        masker = Masker([secret])
        for number in (1, 2, 2999, 5999):
            begun = b"text " + b"".join(lines[:number])
            self.assertEqual(masker.begun_by_lines(begun, len(begun)), 5)
        other = b"".join(lines[1:10])
        self.assertEqual(masker.begun_by_lines(other, len(other)), len(other))
        self.assertEqual(masker.mask(b"a" + secret + b"b"), b"a***b")
