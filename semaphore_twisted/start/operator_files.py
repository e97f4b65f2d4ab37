"""Files that an operator names, which may be anything: none is waited for."""

import errno
import os
import stat
from pathlib import Path

#: Bytes of the largest one: certificates of every authority there is are a tenth of it.
LIMIT = 4 * 1024 * 1024


def content_of(path: str | Path) -> bytes:
    """Return what the regular file at *path* holds.

    :raises OSError: if it cannot be read, is larger than :data:`LIMIT`, or no file.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        found = file.read(LIMIT + 1)
    return _bounded(found, path)


def piped(path: str) -> bytes:
    """Return what a file or a named pipe gives, which a shell may have made.

    :raises OSError: if it cannot be read, or gives more than :data:`LIMIT`.
    """
    with Path(path).open("rb") as file:
        return _bounded(file.read(LIMIT + 1), path)


def _bounded(found: bytes, path: str | Path) -> bytes:
    if len(found) > LIMIT:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return found


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
