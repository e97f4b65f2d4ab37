"""What the supervisor writes into the spool: ``output`` and ``result``.

A full disk stops neither the job nor the supervisor: what does not fit is counted and
named as soon as there is room. The room for the result is taken at the start.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.records import Kind, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_RESULT_SIZE = 8192
_REASON_SIZE = 1000
_RESERVE = "result.new"


class Journal:
    """Appends records; the current directory is the spool."""

    def __init__(
        self, *, masker: Masker, limit: int, written: Callable[[], None]
    ) -> None:
        self._masker = masker
        self._written = written
        self._left = limit
        self._limit = limit
        self._dropping = False
        #: Bytes that did not fit on the disk, and why; of the whole job.
        self.lost = 0
        self.lost_reason = ""
        self._untold = 0
        self._output = os.open("output", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = self._recover()
        self._result = os.open(
            _RESERVE, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        with contextlib.suppress(OSError):
            os.write(self._result, b" " * _RESULT_SIZE)

    def _recover(self) -> int:
        """Cut off what a crash tore, and return the size."""
        size = 0
        while data := os.pread(self._output, 8 << 20, size):
            taken = decode(data)[1]
            if not taken:
                break
            size += taken
        os.ftruncate(self._output, size)
        os.lseek(self._output, size, os.SEEK_SET)
        return size

    def output(self, data: bytes) -> None:
        """Write masked *data* of the job, as far as the limit allows."""
        if not data or self._dropping:
            return
        if len(data) > self._left:
            self._dropping = True
            self._append(Kind.OUTPUT, data[: data.rfind(b"\n", 0, self._left) + 1])
            self.note(f"Output is over {self._limit} bytes; the rest is dropped")
            return
        self._left -= len(data)
        self._append(Kind.OUTPUT, data)

    def note(self, text: str) -> None:
        """Write lines of the supervisor's own; secrets are masked."""
        data = text.encode("utf-8", "replace")
        self._append(Kind.NOTE, self._masker.mask(data) + b"\n")

    def fact(self, name: str, value: bytes) -> None:
        """Write a fact; *value* is masked already."""
        said = {"name": name, "value": value.decode("utf-8", "replace")}
        self._append(Kind.FACT, json.dumps(said).encode())

    def step(self, name: str) -> None:
        """Write that a step begins."""
        self._append(Kind.STEP, json.dumps({"name": name}).encode())

    def _append(self, kind: int, body: bytes) -> None:
        """Write a record wholly or not at all."""
        if not body:
            return
        if self._untold:
            note = f"{self._untold} bytes of output were lost: {self.lost_reason}\n"
            if not self._write(encode(Kind.NOTE, time.time(), note.encode())):
                self._lose(len(body))
                return
            self._untold = 0
        if self._write(encode(kind, time.time(), body)):
            self._written()
        else:
            self._lose(len(body))

    def _lose(self, length: int) -> None:
        self._untold += length
        self.lost += length

    def _write(self, record: bytes) -> bool:
        """Write *record*; if that fails, leave the file as it was."""
        rest = memoryview(record)
        try:
            while rest:
                rest = rest[os.write(self._output, rest) :]
        except OSError as error:
            self.lost_reason = f"{error.strerror} (disk of the spool)"
            with contextlib.suppress(OSError):
                os.ftruncate(self._output, self._size)
                os.lseek(self._output, self._size, os.SEEK_SET)
            return False
        self._size += len(record)
        return True

    def finish(self, **result: object) -> None:
        """Write the result; once it has its name it is on the disk, as is the output.

        :raises OSError: if there is no room for it.
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
