"""Reads the state of a lock file without taking its lock (``flock(2)``)."""

import fcntl
import os
from pathlib import Path


def holder(path: Path | str, *, directory: int | None = None) -> str | None:
    """Return the text in the lock file *path* if a process holds its lock, else none.

    With *directory*, the path is relative to that open directory. A file that does not
    exist is not locked.

    :raises OSError: if the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # an error other than a held lock must not count as a free one
        return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    return None


def is_held(path: Path | str, *, directory: int | None = None) -> bool:
    """Return whether a process holds the lock of *path*, as :func:`holder` reads it."""
    return holder(path, directory=directory) is not None
