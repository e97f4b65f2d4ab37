"""The disk of the spools: its reserve, and freeing the blocks of stored output."""

import ctypes
import os
from functools import cache
from pathlib import Path

from semaphore_twisted.jobs import spool
from semaphore_twisted.model.limits import DISK_RESERVE, DISK_RESERVE_PART

#: ``linux/falloc.h``
_KEEP_SIZE, _PUNCH_HOLE = 1, 2

#: Bytes per read in a search for data.
_BLOCK = 1 << 20


def reserve(folder: Path) -> int:
    """Return the number of bytes that jobs must leave free on the disk of *folder*.

    :raises OSError: if the file system cannot be read
    """
    disk = os.statvfs(folder)
    return min(DISK_RESERVE, disk.f_blocks * disk.f_frsize // DISK_RESERVE_PART)


def punch(descriptor: int, end: int) -> None:
    """Free the blocks of an open file before *end*; they read as zeros afterwards.

    :raises OSError: if the file system does not support it
    """
    if _libc().fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, 0, end) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def after_hole(descriptor: int, offset: int) -> int | None:
    """Return the offset of the first record after zeros at *offset*, if any."""
    try:
        place = os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError:
        return None  # zeros up to the end
    while block := os.pread(descriptor, _BLOCK, place):
        rest = block.lstrip(b"\0")
        if rest:
            return _record_near(descriptor, place + len(block) - len(rest), offset)
        place += len(block)
    return None


def _record_near(descriptor: int, place: int, offset: int) -> int | None:
    """Return the offset of the record whose first nonzero byte is at *place*."""
    for zeros in range(4):  # leading zero bytes of the length field
        begin = place - zeros
        size = spool.HEADER.size + spool.LONGEST
        if begin >= offset and spool.decode(os.pread(descriptor, size, begin))[0]:
            return begin
    return None


@cache
def _libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.fallocate.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    return library
