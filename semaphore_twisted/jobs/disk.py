"""The disk of the spools: its reserve, and how stored output is given back to it."""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

from semaphore_twisted.model.limits import DISK_RESERVE, DISK_RESERVE_PART

#: ``linux/falloc.h``
_KEEP_SIZE, _PUNCH_HOLE = 1, 2


def reserve(folder: Path) -> int:
    """Return how many bytes of the disk of *folder* jobs must leave free.

    :raises OSError: if the disk cannot be asked
    """
    disk = os.statvfs(folder)
    return min(DISK_RESERVE, disk.f_blocks * disk.f_frsize // DISK_RESERVE_PART)


def punch(descriptor: int, end: int) -> None:
    """Free the blocks of an open file before *end*; they read as zeros afterwards.

    :raises OSError: if the file system cannot do it
    """
    if _libc().fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, 0, end) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.fallocate.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    return library
