"""Masks a job's known secrets, wherever the pipe cuts its output.

What may be the beginning of a secret is held back until more has come.
"""

from __future__ import annotations

import re

from semaphore_twisted.jobs.supervision.text import whole_characters

MASK = b"***"
#: A line that grows beyond this is written in pieces.
LONGEST_LINE = 64 * 1024


class Masker:
    """The secrets of a job."""

    def __init__(self, masks: list[bytes]) -> None:
        whole = {mask.strip(b"\r\n") for mask in masks} - {b""}
        self._masks = sorted(whole, key=len, reverse=True)
        self._patterns: dict[tuple[bytes, ...], re.Pattern[bytes]] = {}
        #: Bytes that a secret has at most.
        self.longest = len(self._masks[0]) if self._masks else 0
        # What whole lines end with when a secret of several lines may have begun.
        self._begun = tuple(
            mask[: place.end()]
            for mask in self._masks
            for place in re.finditer(rb"\n", mask)
        )

    def pattern(self, data: bytes) -> re.Pattern[bytes] | None:
        """Return what finds the secrets that are in *data*; ``None`` without any.

        Looking for each secret by itself is some fifty times quicker than one regular
        expression for all, and nearly always none is there.
        """
        found = tuple(mask for mask in self._masks if mask in data)
        if not found:
            return None
        pattern = self._patterns.get(found)
        if pattern is None:
            if len(self._patterns) > 100:
                self._patterns.clear()
            pattern = re.compile(b"|".join(map(re.escape, found)))
            self._patterns[found] = pattern
        return pattern

    def mask(self, data: bytes) -> bytes:
        """Return *data* without its secrets."""
        pattern = self.pattern(data)
        return data if pattern is None else pattern.sub(MASK, data)

    def begun_by_lines(self, data: bytes, end: int) -> int:
        """Return where in ``data[:end]``, whole lines, a longer secret may begin."""
        if not self._begun or not data.endswith(self._begun, 0, end):
            return end
        return end - max(
            len(begun) for begun in self._begun if data.endswith(begun, 0, end)
        )

    def begun(self, data: bytes) -> int:
        """Return the length of what may be the beginning of a secret."""
        longest = 0
        for mask in self._masks:
            for length in range(min(len(mask) - 1, len(data)), longest, -1):
                if data.endswith(mask[:length]):
                    longest = length
                    break
        return longest


class MaskedStream:
    """One stream of a job: takes what was read, gives whole lines without secrets.

    What it gives ends where a line ends; a line that is shown although its end has not
    come (it is too long, or nothing came for a while) ends there as well.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""
        self._open = False

    @property
    def holding(self) -> bool:
        """Whether something waits for more."""
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """Take *data* and return what may be shown."""
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
        """Return what may be shown of a line whose end does not come."""
        end = len(self._held) - self._masker.begun(self._held)
        return self._release(whole_characters(self._held[:end]))

    def close(self) -> bytes:
        """Return the rest: nothing more will come."""
        return self._release(len(self._held))

    def _release(self, end: int) -> bytes:
        """Return the first *end* bytes, or more where a secret crosses that place."""
        held = self._held
        pattern = self._masker.pattern(held)
        if pattern is not None:
            for match in pattern.finditer(held):
                if match.start() >= end:
                    break
                end = max(end, match.end())
        shown, self._held = held[:end], held[end:]
        if not shown:
            return b""
        unfinished = not shown.endswith(b"\n")
        if pattern is not None:
            shown = pattern.sub(MASK, shown)
        if self._open:
            # The line that was shown before its end ends here.
            shown = shown.removeprefix(b"\r\n" if shown[:1] == b"\r" else b"\n")
        self._open = unfinished
        return shown
