"""Output without the escape sequences of terminals, such as colors.

A program may color a part of a secret, as ``grep --color`` does. Who reads the log, or
its plain form, sees the text without the sequences, so secrets are sought in that.
"""

from __future__ import annotations

import re
from bisect import bisect_right

#: Control sequences (ECMA-48), as ``operations.tasks.output`` removes them: CSI,
#: strings such as OSC, and short ones. None goes beyond its line.
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    rb"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    rb"|[ -/]*[0-~])"
)
#: The beginning of a sequence at the end.
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?\Z")


class Uncolored:
    """The *text* of data without escape sequences, and its places in the data."""

    def __init__(self, data: bytes) -> None:
        pieces: list[bytes] = []
        # Where sequences were in the text, and how many bytes are removed up to there.
        self._starts, self._removed = [0], [0]
        end = size = 0
        for found in _SEQUENCE.finditer(data):
            pieces.append(data[end : found.start()])
            size += found.start() - end
            end = found.end()
            self._starts.append(size)
            self._removed.append(end - size)
        pieces.append(data[end:])
        self.text = b"".join(pieces)

    def place(self, offset: int) -> int:
        """Return the offset in the data of the byte at *offset* of the text."""
        return offset + self._removed[bisect_right(self._starts, offset) - 1]

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Return the begin and end in the data of a span of the text, not empty."""
        return self.place(begin), self.place(end - 1) + 1


def whole_sequences(data: bytes) -> int:
    """Return the length of *data* without the beginning of a sequence at its end."""
    begun = _BEGUN.search(data)
    return begun.start() if begun else len(data)
