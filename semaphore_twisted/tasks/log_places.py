"""Finds the lines of a log to which the reports of a run belong.

A report of Ansible's plugin comes after the lines that Ansible printed for the same
event, so the wanted line is one of the last lines before the report. Without a known
line the place of the report itself is taken: other stdout plugins print other lines.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from semaphore_twisted.model.limits import RESULT_ERRORS
from semaphore_twisted.model.results import (
    HandlerBegun,
    HostFailed,
    JobEvent,
    PlayBegun,
    TaskBegun,
)

#: Lines before a report among which its line is sought, and characters of a line.
_LINES = 200
_CHARACTERS = 600
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_PLAY = re.compile(r"PLAY(?: \[|$| \*)")
_TASK = re.compile(r"(?:TASK|RUNNING HANDLER|HANDLER|CLEANUP TASK) \[")


class LogPlaces:
    """The last lines of a log, and where the events between them belong.

    A job can print any lines and report any number of errors: colors are removed once
    from each line, an event costs at most a comparison with each line, and errors that
    are not kept are not sought.
    """

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=_LINES)
        self._errors = 0

    def found(
        self, lines: Sequence[str], events: Sequence[JobEvent]
    ) -> Iterator[JobEvent]:
        """Yield *events* with the numbers of their lines; *lines* are between them.

        The number of a line of an earlier call is 0 or less.
        """
        taken = 0
        for event in events:
            before = event.line - 1
            self._take(lines[taken:before])
            taken = before
            back = self._back(event)
            yield event if back is None else replace(event, line=event.line - back)
        self._take(lines[taken:])

    def _take(self, lines: Sequence[str]) -> None:
        self._last.extend(_plain(each[:_CHARACTERS]) for each in lines[-_LINES:])

    def _back(self, event: JobEvent) -> int | None:
        """Return how many lines before its place *event* belongs, ``None`` for none."""
        match event.what:
            case PlayBegun():
                back = self._last_with(_PLAY, "")
            case TaskBegun(name=name) | HandlerBegun(name=name):
                back = self._last_with(_TASK, name.removesuffix("…"))
            case HostFailed(host=host):
                self._errors += 1
                return self._error(host) if self._errors <= RESULT_ERRORS else None
            case _:
                return None
        self._last.clear()
        return back

    def _last_with(self, header: re.Pattern[str], name: str) -> int | None:
        """Return the distance of the last line with *header* and then *name*."""
        for back, text in enumerate(reversed(self._last), 1):
            begun = header.match(text)
            if begun and " ".join(text[begun.end() :].split()).startswith(name):
                return back
        return None

    def _error(self, host: str) -> int | None:
        """Return the distance of the first new line with an error of *host*.

        Without one, it is that of the last line, which this event has printed.
        """
        begins = tuple(
            f"{word}: [{host}{end}"
            for word in ("fatal", "failed")
            for end in ("]", " ->")
        )
        lines = self._last
        places = [at for at, line in enumerate(lines) if line.startswith(begins)]
        if not places:
            return 1 if lines else None
        back = len(lines) - places[0]
        for at in places:  # they are not those of the next error
            lines[at] = ""
        return back


def _plain(line: str) -> str:
    """Return *line* without colors."""
    return _COLORS.sub("", line) if "\x1b" in line else line
