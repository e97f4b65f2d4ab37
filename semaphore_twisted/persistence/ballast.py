"""Disk space reserved beside the database for urgent writes on a full disk.

The reserve ("ballast") is a directory of empty preallocated files. When the disk has no
space for an urgent write, such as the end of a task or a login, the files are deleted
one by one; they are created again when there is space. Each file also reserves an
inode, which opening a database on a disk without free inodes needs.
"""

import contextlib
import os
from pathlib import Path

from attrs import define, field

from semaphore_twisted.model.limits import (
    BALLAST,
    BALLAST_FILES,
    BALLAST_PART,
    DISK_RESERVE,
    DISK_RESERVE_PART,
)


def folder_of(database: Path) -> Path:
    """Return the ballast directory of *database*."""
    return database.with_name(f"{database.name}-ballast")


@define(eq=False)
class Ballast:
    """The ballast files of one database."""

    _database: Path
    #: whether all files existed at the last check
    whole: bool = field(default=False, init=False)

    def _files(self) -> list[Path]:
        folder = folder_of(self._database)
        return [folder / str(number) for number in range(BALLAST_FILES)]

    def restore(self) -> bool:
        """Create missing files, as far as the disk has space; ignore failures.

        Return whether all files exist.
        """
        self.whole = False
        folder = folder_of(self._database)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            disk = os.statvfs(folder)
            total = min(BALLAST, disk.f_blocks * disk.f_frsize // BALLAST_PART)
            for file in self._files():
                _allocate(file, max(4096, total // BALLAST_FILES))
        except OSError:
            return False
        self.whole = True
        return True

    def release(self) -> bool:
        """Delete one file; return whether there was one."""
        self.whole = False
        for file in self._files():
            try:
                file.unlink()
            except OSError:
                continue
            return True
        return False

    def spare(self) -> bool:
        """Return whether half of the reserve that jobs leave free is available."""
        try:
            disk = os.statvfs(self._database.parent)
        except OSError:
            return True
        size = disk.f_blocks * disk.f_frsize
        reserve = min(DISK_RESERVE, size // DISK_RESERVE_PART)
        return disk.f_bavail * disk.f_frsize >= reserve // 2

    def make_room(self) -> None:
        """Delete half of the files if space or inodes are scarce."""
        with contextlib.suppress(OSError):
            disk = os.statvfs(self._database.parent)
            part = min(BALLAST, disk.f_blocks * disk.f_frsize // BALLAST_PART)
            scarce = disk.f_bavail * disk.f_frsize < part // BALLAST_FILES
            if scarce or (disk.f_files and disk.f_favail < BALLAST_FILES // 2):
                for _ in range(BALLAST_FILES // 2):
                    self.release()


def _allocate(file: Path, size: int) -> None:
    """Allocate *size* bytes of disk space for *file*; delete it on failure.

    :raises OSError:
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(file, flags, 0o600)
    try:
        if os.fstat(descriptor).st_size < size:
            os.posix_fallocate(descriptor, 0, size)
    except OSError:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
