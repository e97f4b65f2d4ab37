"""Terminal output of a task: log lines, and a progress line below them."""

import re
import sys
import time
from typing import TextIO

from attrs import define, field

#: Only SGR sequences (colors and weights, ECMA-48) may reach a terminal.
_COLOR = re.compile(r"(\x1b\[[0-9;:]*m)")
_CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_].*?\x1b\\"
    r"|\x1b\[[0-?]*[ -/]*[@-~]|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def harmless(text: str) -> str:
    """Return *text* without sequences that move the cursor or set the title."""
    return "".join(
        part if index % 2 else _CONTROL.sub("", part)
        for index, part in enumerate(_COLOR.split(text))
    )


@define(eq=False)
class Terminal:
    """Writes a task's lines to *out*, and its progress to a terminal on *err*."""

    out: TextIO = field(factory=lambda: sys.stdout)
    err: TextIO = field(factory=lambda: sys.stderr)
    _progress: str = ""
    _began: float = field(factory=time.monotonic)
    _lines: int = 0
    #: whether the line that was written last has not ended
    _open: bool = False

    def line(self, text: str) -> None:
        """Write one log line or its rest; unchanged unless *out* is a terminal."""
        self.part(f"{text}\n")
        self._lines += 1
        self._open = False

    def part(self, text: str) -> None:
        """Write the beginning of a line that has not ended, or more of it."""
        self._wipe()
        self.out.write(harmless(text) if self.out.isatty() else text)
        self._open = True

    def flush(self) -> None:
        """Flush the lines written so far."""
        self.out.flush()

    def note(self, sentence: str) -> None:
        """Write a message about the task to standard error."""
        self._wipe()
        if self._open:
            self.line("")
            self.flush()
        self.err.write(sentence + "\n")
        self.err.flush()

    def progress(self, status: str) -> None:
        """Show the progress on a terminal; later output replaces it.

        While a log line has not ended, the progress is not shown: it would mix with it.
        """
        if self._open or not self.err.isatty():
            return
        self._wipe()
        seconds = int(time.monotonic() - self._began)
        passed = (
            f"{seconds // 60}m {seconds % 60:02}s" if seconds >= 60 else f"{seconds}s"
        )
        self._progress = f"{status} · {passed} · {self._lines} lines"
        self.out.flush()
        self.err.write(self._progress)
        self.err.flush()

    def _wipe(self) -> None:
        if self._progress:
            self.err.write("\r" + " " * len(self._progress) + "\r")
            self.err.flush()
            self._progress = ""
