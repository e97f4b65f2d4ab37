"""Masks a job's known secrets, independent of how reads split its output.

Output that may be the beginning of a secret is held back until more arrives.
"""

from __future__ import annotations

from semaphore_twisted.jobs.supervision.patterns import PatternIndex
from semaphore_twisted.jobs.supervision.text import whole_characters
from semaphore_twisted.jobs.supervision.uncolored import Uncolored, whole_sequences

MASK = b"***"
_ESCAPE = b"\x1b"
#: The longest line; a longer one is written in pieces.
LONGEST_LINE = 64 * 1024


class Masker:
    """Finds the secrets of a job in its output."""

    def __init__(self, masks: list[bytes]) -> None:
        whole = {mask.strip(b"\r\n") for mask in masks} - {b""}
        self._index = PatternIndex(list(whole))
        #: Length of the longest secret in bytes.
        self.longest = self._index.longest
        # Secrets of several lines: their first lines (which may follow other text), and
        # each further line with the secrets that have it, and its end offset in them.
        self._first = tuple(
            mask[: mask.index(b"\n") + 1] for mask in whole if b"\n" in mask
        )
        self._later: dict[bytes, list[tuple[memoryview, int]]] = {}
        for mask in whole:
            place = mask.find(b"\n") + 1
            while place and (after := mask.find(b"\n", place) + 1):
                line = mask[place:after]
                self._later.setdefault(line, []).append((memoryview(mask), after))
                place = after

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Return the begin and end of each secret in *data*, in order.

        A secret with escape sequences in it counts too.
        """
        found = self._index.spans(data)
        if _ESCAPE not in data:
            return found
        plain = Uncolored(data)
        colored = [plain.span(*each) for each in self._index.spans(plain.text)]
        return _merged([*found, *colored])

    def mask(self, data: bytes) -> bytes:
        """Return *data* with its secrets masked."""
        return without(data, self.spans(data))

    def begun_by_lines(self, data: bytes, end: int) -> int:
        """Return where an unfinished secret may begin in whole lines ``data[:end]``."""
        if not self._first or end == 0:
            return end
        longest = 0
        if data.endswith(self._first, 0, end):
            longest = max(
                len(each) for each in self._first if data.endswith(each, 0, end)
            )
        view = memoryview(data)
        line = data[data.rfind(b"\n", 0, end - 1) + 1 : end]
        for mask, length in self._later.get(line, ()):
            if longest < length <= end and view[end - length : end] == mask[:length]:
                longest = length
        return end - longest

    def begun(self, data: bytes) -> int:
        """Return the length of the end of *data* that may begin a secret."""
        begun = self._index.begun(data)
        if _ESCAPE not in data:
            return begun
        end = whole_sequences(data)
        plain = Uncolored(data[:end])
        if length := self._index.begun(plain.text):
            end = plain.place(len(plain.text) - length)
        return max(begun, len(data) - end)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return *spans* in order, with those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def without(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """Return *data* with :data:`MASK` in place of *spans*."""
    if not spans:
        return data
    pieces: list[bytes] = []
    shown = 0
    for begin, end in spans:
        pieces += (data[shown:begin], MASK)
        shown = end
    pieces.append(data[shown:])
    return b"".join(pieces)


class MaskedStream:
    """One output stream of a job: takes raw reads, returns masked lines.

    Part of a line is returned if the line is too long or overdue; the rest follows.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""

    @property
    def holding(self) -> bool:
        """Whether data is held back."""
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """Add *data* and return the data that can be shown."""
        held = self._held = self._held + data
        end = self._masker.begun_by_lines(held, held.rfind(b"\n") + 1)
        end = held.rfind(b"\n", 0, end) + 1
        if end == 0:
            if len(held) <= LONGEST_LINE + self._masker.longest:
                return b""
            end = len(held) - max(self._masker.longest - 1, 0)
            end = whole_characters(held[:end])
        return self._release(end)

    def overdue(self) -> bytes:
        """Return the data that can be shown of an unfinished line."""
        end = len(self._held) - self._masker.begun(self._held)
        return self._release(whole_characters(self._held[:end]))

    def close(self) -> bytes:
        """Return the rest: no more data will come."""
        return self._release(len(self._held))

    def _release(self, end: int) -> bytes:
        """Return the first *end* bytes, or more if a secret crosses that position."""
        held = self._held
        spans = []
        for span in self._masker.spans(held):
            if span[0] >= end:
                break
            end = max(end, span[1])
            spans.append(span)
        self._held = held[end:]
        return without(held[:end], spans)
