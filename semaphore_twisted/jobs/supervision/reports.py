"""Takes the reports of Ansible's results plugin out of the output of a step.

The plugin writes its records between the lines (``plugins/semaphore_results.py``), so
their order tells to which lines they belong. Each program of the job can write such
records: they are limited in size and number, their texts are masked like the output,
and the server accepts only the shapes that it knows.
"""

from __future__ import annotations

import binascii
import json

from semaphore_twisted.jobs.supervision.text import whole_characters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from semaphore_twisted.jobs.supervision.masker import Masker

#: Bytes of a record, and of all records of a job; their number.
LONGEST_REPORT = 4096
MOST_BYTES = 16 << 20
MOST_REPORTS = 100_000
_DEEPEST = 4
_SHORTENED = "…"


class Reports:
    """The reports of one step."""

    def __init__(
        self, mark: str, masker: Masker, write: Callable[[dict[str, object]], None]
    ) -> None:
        """Pass each report to *write*; *mark* is the token of the records."""
        self._begin = b"\x1e" + mark.encode() + b" "
        self._masker = masker
        self._write = write
        self._records = MOST_REPORTS
        self._bytes = MOST_BYTES
        self._dropped = 0

    def pass_on(self, data: bytes, output: Callable[[bytes], None]) -> None:
        """Take the reports out of *data*, and pass the rest to *output*, in order.

        *data* has whole records, since the plugin writes a record at once.
        """
        begin, done = data.find(self._begin), 0
        while begin >= 0:
            if begin > done:
                output(data[done:begin])
            end = data.find(b"\n", begin) + 1 or len(data)
            self._take(data[begin + len(self._begin) : end])
            begin, done = data.find(self._begin, end), end
        if done < len(data) or not data:
            output(data[done:])

    def finish(self) -> None:
        """Report how many records were dropped."""
        if self._dropped:
            self._write({"type": "dropped", "count": self._dropped})
            self._dropped = 0

    def _take(self, record: bytes) -> None:
        self._records -= 1
        self._bytes -= len(record)
        if self._records < 0 or self._bytes < 0 or len(record) > LONGEST_REPORT:
            self._dropped += 1
            return
        try:
            # a2b_base64 raises a ValueError, and so does a text that is not UTF-8
            data = binascii.a2b_base64(record.strip().swapcase(), strict_mode=True)
            report = json.loads(data)
            masked = {name: self._masked(value) for name, value in report.items()}
        except (ValueError, AttributeError, RecursionError):
            self._dropped += 1
        else:
            self._write(masked)

    def _masked(self, value: object, depth: int = 0) -> object:
        """Return *value* with its texts masked, each in one line."""
        if isinstance(value, str):
            return self._line(value)
        if isinstance(value, list) and depth < _DEEPEST:
            return [self._masked(each, depth + 1) for each in value]
        if isinstance(value, list | dict):
            raise ValueError("too deep")  # noqa: TRY004 - not an error of the program
        return value

    def _line(self, text: str) -> str:
        """Return *text* masked, then as one line without control characters."""
        whole = text.removesuffix(_SHORTENED)
        data = whole.encode("utf-8", "replace")
        if whole != text:  # it may end inside of a secret
            end = len(data) - self._masker.begun(data)
            data = data[: whole_characters(data[:end])]
        shown = self._masker.mask(data).decode("utf-8", "replace")
        printed = "".join(each if each.isprintable() else " " for each in shown)
        return " ".join(printed.split()) + text[len(whole) :]
