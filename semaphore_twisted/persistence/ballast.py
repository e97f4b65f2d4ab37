"""Space beside the database that is kept for what must be possible on a full disk.

It is a folder of files without content. They are removed one after another when the
disk does not take the end of a task or a login, and made again when there is room. Each
also holds an inode, which a store that is opened on a disk without free ones needs.
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
    """Return where the ballast of *database* is."""
    return database.with_name(f"{database.name}-ballast")


@define(eq=False)
class Ballast:
    """The files of one database's ballast."""

    _database: Path
    #: whether all files were there when they were last looked at
    whole: bool = field(default=False, init=False)

    def _files(self) -> list[Path]:
        folder = folder_of(self._database)
        return [folder / str(number) for number in range(BALLAST_FILES)]

    def restore(self) -> bool:
        """Make the files that are missing, as far as there is room.

        Tell whether all are there. What cannot be done is no error.
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
        """Remove one file; tell whether there was one."""
        self.whole = False
        for file in self._files():
            try:
                file.unlink()
            except OSError:
                continue
            return True
        return False

    def spare(self) -> bool:
        """Whether the disk has more than half of the reserve that jobs leave free."""
        try:
            disk = os.statvfs(self._database.parent)
        except OSError:
            return True
        size = disk.f_blocks * disk.f_frsize
        reserve = min(DISK_RESERVE, size // DISK_RESERVE_PART)
        return disk.f_bavail * disk.f_frsize >= reserve // 2

    def make_room(self) -> None:
        """Remove a file where the disk has less room, or no inode for a new file."""
        with contextlib.suppress(OSError):
            disk = os.statvfs(self._database.parent)
            part = min(BALLAST, disk.f_blocks * disk.f_frsize // BALLAST_PART)
            scarce = disk.f_bavail * disk.f_frsize < part // BALLAST_FILES
            if scarce or (disk.f_files and disk.f_favail < BALLAST_FILES // 2):
                for _ in range(BALLAST_FILES // 2):
                    self.release()


def _allocate(file: Path, size: int) -> None:
    """Let *file* take *size* bytes of the disk; nothing of it is left if it cannot.

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
