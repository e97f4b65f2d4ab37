"""Maps SQLite's operating errors, such as a full disk, to errors of the model."""

import errno
import os
import sqlite3
from pathlib import Path

from semaphore_twisted.model.errors import Busy, NoRoom, Unavailable, Unwritable

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_FAULTY = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}

#: The low byte of an extended result code is the primary result code.
_CODE = 0xFF


def fault(error: sqlite3.Error, path: Path | str) -> Unavailable | None:
    """Return the model's error for *error*; ``None`` if it is a programming error.

    SQLite reports a full disk, but not an exceeded quota or a file system without free
    inodes, so the cause is determined by writing a file beside the database at *path*.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    code &= _CODE
    if code in _BUSY:
        return Busy()
    if code == sqlite3.SQLITE_FULL:
        return NoRoom()
    if code not in _FAULTY:
        return None
    found = _refusal(Path(path))
    if found is not None and found.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoRoom()
    reason = error if found is None else found.strerror
    return Unwritable(f"The database cannot be written: {reason}")


def _refusal(path: Path) -> OSError | None:
    """Return the error of writing a block beside *path*, or ``None``."""
    if str(path) == ":memory:":
        return None
    probe = path.with_name(f".{path.name}.probe")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(probe, flags, 0o600)
        try:
            os.write(descriptor, bytes(4096))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        return error
    return None
