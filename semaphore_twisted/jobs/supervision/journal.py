"""Writes ``output`` and ``result`` into the spool.

A full disk stops neither the job nor the supervisor. Output of the job is dropped while
the disk has less free space than the reserve, so that the server can still store the
output in the spool. The dropped bytes are counted, and one line reports them. The
supervisor's own records may use the reserve. The space for the result is allocated at
the start.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from semaphore_twisted.jobs.supervision.masker import LONGEST_LINE, Masker
from semaphore_twisted.jobs.supervision.records import RecordKind, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_RESULT_SIZE = 8192
_REASON_SIZE = 1000
_RESERVE = "result.new"


class Journal:
    """Appends records; the current directory is the spool."""

    def __init__(
        self,
        *,
        masker: Masker,
        limit: int,
        written: Callable[[], None],
        reserve: int = 0,
        offset: int = 0,
    ) -> None:
        """Append after the complete records of ``output``, from *offset* on."""
        self._masker = masker
        self._reserve = reserve
        self._written = written
        self._left = limit
        self._limit = limit
        self._dropping = False
        #: The stream whose line has not ended, and the bytes of this line so far.
        self._open: object = None
        self._length = 0
        #: The stream whose line was ended before its line feed came.
        self._broken: object = None
        #: Bytes dropped for lack of space that no line has reported yet.
        self._untold = 0
        #: All bytes dropped for lack of space.
        self.lost = 0
        self._why = ""
        self._short = False
        self._output = os.open("output", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = self._recover(offset)
        self._result = os.open(
            _RESERVE, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        with contextlib.suppress(OSError):
            os.write(self._result, b" " * _RESULT_SIZE)

    def _recover(self, offset: int) -> int:
        """Truncate an incomplete record after a crash, and return the size."""
        size = min(offset, os.fstat(self._output).st_size)
        while data := os.pread(self._output, 8 << 20, size):
            taken = decode(data)[1]
            if not taken:
                break
            size += taken
        os.ftruncate(self._output, size)
        os.lseek(self._output, size, os.SEEK_SET)
        return size

    def output(self, data: bytes, source: object = None) -> None:
        """Write masked *data* of the job, up to the limit.

        *source* is the stream of *data*; empty *data* is the end of this stream. A last
        line without a line feed stays open, and more data of the same stream continues
        it. Another record in between ends it, and so does the limit of a line. Without
        a *source* a line ends with *data*.
        """
        continues = source is self._open
        if (data and not continues) or (continues and not data):
            self._end_line()
        if source is not None and source is self._broken:
            # The line was ended already: its own line feed adds no empty line.
            data = data.removeprefix(b"\r\n" if data[:1] == b"\r" else b"\n")
            self._broken = None
        if not data or self._dropping:
            return
        if len(data) > self._left:
            self._dropping = True
            data = data[: data.rfind(b"\n", 0, self._left) + 1]
        self._left -= len(data)
        if self._has_room():
            self._append_lines(data, source)
        else:
            self._lose(len(data))
        if self._dropping:
            self.note(f"Output is over {self._limit} bytes; the rest is dropped")

    def _append_lines(self, data: bytes, source: object) -> None:
        """Write the whole lines of *data*, and the part of a line at its end."""
        end = data.rfind(b"\n") + 1
        length = len(data) - end
        if end == 0 and self._open is not None:
            length += self._length
        too_long = length > LONGEST_LINE
        if source is None or too_long:
            end = len(data)
        if end:
            self._append(RecordKind.OUTPUT, data[:end])
            self._open = None
        if end < len(data):
            self._append(RecordKind.PART, data[end:])
            self._open, self._length = source, length
        if too_long:
            self._broken = source
        elif self._broken is source:
            # A report of dropped bytes ended the line before *data*, not this one.
            self._broken = None

    def _end_line(self) -> None:
        """End the open line, if there is one."""
        if self._open is not None:
            self._append(RecordKind.OUTPUT, b"\n")
            self._interrupt()

    def _interrupt(self) -> None:
        """Note that a record has ended the open line, if there is one."""
        if self._open is not None:
            self._broken, self._open = self._open, None

    def _has_room(self) -> bool:
        """Whether the disk has more free space than the reserve.

        After a shortage, a quarter more is required, so that the log does not alternate
        between dropping and writing.
        """
        try:
            disk = os.fstatvfs(self._output)
        except OSError:
            return True
        free = disk.f_bavail * disk.f_frsize
        least = self._reserve + (self._reserve // 4 if self._short else 0)
        self._short = free < least
        if self._short:
            self._why = f"less than {_size(self._reserve)} of its disk were free"
        return not self._short

    def note(self, text: str) -> None:
        """Write a note of the supervisor; secrets are masked."""
        data = text.encode("utf-8", "replace")
        self._append(RecordKind.NOTE, self._masker.mask(data) + b"\n")

    def fact(self, name: str, value: bytes) -> None:
        """Write a fact; *value* must be masked already."""
        said = {"name": name, "value": value.decode("utf-8", "replace")}
        self._append(RecordKind.FACT, json.dumps(said).encode())

    def step(self, name: str) -> None:
        """Write that a step begins."""
        self._append(RecordKind.STEP, json.dumps({"name": name}).encode())

    def report(self, report: dict[str, object]) -> None:
        """Write a report of the results plugin; its texts must be masked already.

        It is left out while the disk has no space for output.
        """
        if self._has_room():
            self._append(RecordKind.REPORT, json.dumps(report).encode())

    def plan(self, document: bytes) -> None:
        """Write the plan in JSON; its texts must be masked already.

        It is left out while the disk has no space for output.
        """
        if self._has_room():
            self._append(RecordKind.PLAN, document)
        else:
            self._lose(len(document))

    def approval(self, **facts: object) -> bool:
        """Write that the job waits for an approval, or that it has it.

        Return whether the disk had room for it.
        """
        return self._append(RecordKind.APPROVAL, json.dumps(facts).encode())

    def _append(self, kind: int, body: bytes) -> bool:
        """Write a complete record, or drop it and return ``False``."""
        if not body:
            return True
        if self._untold and not self._short:
            self._tell()
        if kind not in (RecordKind.OUTPUT, RecordKind.PART):
            self._interrupt()
        if self._write(encode(kind, time.time(), body)):
            self._written()
            return True
        self._lose(len(body))
        return False

    def _lose(self, length: int) -> None:
        self._untold += length
        self.lost += length

    def _tell(self) -> None:
        """Write how much was dropped; if that does not fit, a later call reports it."""
        note = f"{self.dropped}\n".encode()
        if self._write(encode(RecordKind.NOTE, time.time(), note)):
            self._interrupt()
            self._untold = 0
            self._written()

    @property
    def dropped(self) -> str:
        """A sentence about dropped output that no line has reported, else empty."""
        if not self._untold:
            return ""
        return f"{self._untold} bytes of output were dropped: {self._why}"

    def tell_dropped(self) -> None:
        """Write at the end how much was dropped, even without free space."""
        if self._untold:
            self._tell()

    def _write(self, record: bytes) -> bool:
        """Write *record*; if that fails, restore the file and return ``False``."""
        rest = memoryview(record)
        try:
            while rest:
                rest = rest[os.write(self._output, rest) :]
        except OSError as error:
            self._why = f"{error.strerror} (disk of the spool)"
            with contextlib.suppress(OSError):
                os.ftruncate(self._output, self._size)
                os.lseek(self._output, self._size, os.SEEK_SET)
            return False
        self._size += len(record)
        return True

    def finish(self, **result: object) -> None:
        """Write the result; when it has its name, output and result are on the disk.

        :raises OSError: if the disk has no room for it.
        """
        reason = self._masker.mask(str(result["reason"]).encode("utf-8", "replace"))
        result["reason"] = reason.decode("utf-8", "replace")[:_REASON_SIZE]
        data = json.dumps(result, ensure_ascii=False).encode()
        with contextlib.suppress(OSError):
            os.fsync(self._output)
        os.pwrite(self._result, data, 0)
        os.ftruncate(self._result, len(data))
        os.fsync(self._result)
        os.rename(_RESERVE, "result")
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _size(count: int) -> str:
    """Return *count* bytes in a readable unit."""
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
