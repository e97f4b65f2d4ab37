"""Reads files that an operator names, without blocking on pipes or devices."""

import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO

#: Maximum size in bytes; all public CA certificates together have a tenth of it.
LIMIT = 4 * 1024 * 1024

#: Seconds for a program whose output the shell passes as a pipe.
TIMEOUT = 60.0


def content_of(path: str | Path, limit: int = LIMIT, *, links: bool = True) -> bytes:
    """Return the content of the regular file at *path*.

    Without *links* it must not be a symbolic link, which another user may have created.

    :raises OSError: if it cannot be read, exceeds *limit*, or is not a regular file
    """
    with open(path, "rb", opener=_at_once if links else _no_link) as file:
        return _content(file, path, limit)


def read_file(
    path: str | Path, limit: int = LIMIT, *, timeout: float = TIMEOUT
) -> bytes:
    """Return the content of a regular file or of a pipe of the shell (``<(program)``).

    A named pipe is refused like a device or a directory, since it may have no writer.

    :raises OSError: if it cannot be read, exceeds *limit*, is of another type, or the
        pipe has not ended after *timeout* seconds
    """
    with open(path, "rb", opener=_at_once) as file:
        number = file.fileno()
        if stat.S_ISFIFO(os.fstat(number).st_mode) and _is_unnamed(number):
            return _bounded(_piped(number, path, limit, timeout), path, limit)
        return _content(file, path, limit)


def _content(file: BinaryIO, path: str | Path, limit: int) -> bytes:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return _bounded(file.read(limit + 1), path, limit)


def _is_unnamed(number: int) -> bool:
    return str(Path(f"/proc/self/fd/{number}").readlink()).startswith("pipe:")


def _piped(number: int, path: str | Path, limit: int, timeout: float) -> bytes:
    """Read the pipe *number* to its end, or one byte more than *limit*."""
    found = bytearray()
    waiting = select.poll()
    waiting.register(number, select.POLLIN)
    end = time.monotonic() + timeout
    while len(found) <= limit:
        left = max(0.0, end - time.monotonic())
        if not waiting.poll(left * 1000):
            sentence = f"The pipe has not ended after {timeout:.0f} s"
            raise OSError(errno.ETIMEDOUT, sentence, str(path))
        part = os.read(number, limit + 1 - len(found))
        if not part:
            break
        found += part
    return bytes(found)


def _bounded(found: bytes, path: str | Path, limit: int) -> bytes:
    if len(found) > limit:
        sentence = f"File too large, over {limit // 1024 or 1} KiB"
        raise OSError(errno.EFBIG, sentence, str(path))
    return found


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _no_link(path: str, flags: int) -> int:
    return _at_once(path, flags | os.O_NOFOLLOW)
