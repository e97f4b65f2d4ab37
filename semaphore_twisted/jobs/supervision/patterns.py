"""Searches for many byte strings at once, at a cost independent of their number.

Each position of the data is looked up by its next four bytes in one hash table, so a
key of hundreds of lines costs as much as one of ten. Where a string begins with these
bytes, the strings are compared, the longest first.
"""

from __future__ import annotations

import bisect
import sys

#: Bytes by which a position is looked up: the size of the memory view's format "I".
_WORD = 4
#: Up to this many strings, separate searches are faster than the table.
_FEW = 64


class PatternIndex:
    """A fixed set of byte strings; an empty string is ignored."""

    def __init__(self, patterns: list[bytes]) -> None:
        self._sorted = sorted(set(patterns) - {b""})
        self._groups: dict[int, tuple[list[int], set[bytes]]] = {}
        self._short = [each for each in self._sorted if len(each) < _WORD]
        #: Length of the longest string; 0 without any.
        self.longest = max(map(len, self._sorted), default=0)
        groups: dict[int, set[bytes]] = {}
        for each in self._sorted:
            if len(each) >= _WORD:
                word = int.from_bytes(each[:_WORD], sys.byteorder)
                groups.setdefault(word, set()).add(each)
        for word, members in groups.items():
            lengths = sorted({len(each) for each in members}, reverse=True)
            self._groups[word] = (lengths, members)
        self._words = frozenset(self._groups)

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Return the matches in *data* from left to right, the longest at each place.

        Spans are ``(begin, end)``, in order, and do not overlap.
        """
        if len(self._sorted) <= _FEW and not any(each in data for each in self._sorted):
            return []
        spans: list[tuple[int, int]] = []
        free = 0
        for begin in self._positions(data):
            if begin >= free:
                free = self._end(data, begin)
                if free > begin:
                    spans.append((begin, free))
                else:
                    free = begin
        return spans

    def begun(self, data: bytes) -> int:
        """Return the length of the longest end of *data* that begins a string.

        Only strings longer than that end count.
        """
        tail = data[max(len(data) - self.longest + 1, 0) :]
        # The last three positions have less than four bytes, so check each of them.
        last = range(max(len(tail) - _WORD + 1, 0), len(tail))
        for place in (*self._words_in(tail), *last):
            end = tail[place:]
            after = bisect.bisect_right(self._sorted, end)
            if after < len(self._sorted) and self._sorted[after].startswith(end):
                return len(end)
        return 0

    def _positions(self, data: bytes) -> list[int]:
        """Return the positions where a string may begin, in order."""
        positions = self._words_in(data)
        if self._short:
            places = set(positions)
            for each in self._short:
                place = data.find(each)
                while place >= 0:
                    places.add(place)
                    place = data.find(each, place + 1)
            positions = sorted(places)
        return positions

    def _words_in(self, data: bytes) -> list[int]:
        """Return the positions whose next four bytes begin a string, in order."""
        words, view = self._words, memoryview(data)
        found: list[int] = []
        for shift in range(_WORD):
            whole = (len(data) - shift) // _WORD * _WORD
            if whole > 0 and words:
                here = view[shift : shift + whole].cast("I").tolist()
                if not words.isdisjoint(here):
                    found += [
                        shift + number * _WORD
                        for number, word in enumerate(here)
                        if word in words
                    ]
        found.sort()
        return found

    def _end(self, data: bytes, begin: int) -> int:
        """Return the end of the longest string at *begin*, else *begin*."""
        word = int.from_bytes(data[begin : begin + _WORD], sys.byteorder)
        lengths, members = self._groups.get(word, ((), ()))
        for length in lengths:
            piece = data[begin : begin + length]  # shorter at the end of the data
            if piece in members:
                return begin + len(piece)
        for each in reversed(self._short):
            if data.startswith(each, begin):
                return begin + len(each)
        return begin
