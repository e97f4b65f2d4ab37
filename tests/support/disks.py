"""Small disks that a test can fill, in a mount namespace of its own."""

import ctypes
import errno
import os
import subprocess
from pathlib import Path
from typing import Any

#: ``linux/sched.h``
_CLONE_NEWNS = 0x00020000

_libc = ctypes.CDLL(None, use_errno=True)


def own_mounts(case: Any) -> None:
    """Move the main thread, and its children, into a new mount namespace for the test.

    Threads that the test starts must end before its cleanup.
    """
    if os.geteuid() != 0:
        case.skipTest("only root may mount a small file system")
    before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def back() -> None:
        try:
            _checked(_libc.setns(before, _CLONE_NEWNS))
            os.fchdir(folder)
        finally:
            os.close(before)
            os.close(folder)

    try:
        _checked(_libc.unshare(_CLONE_NEWNS))
    except OSError as error:
        os.close(before)
        os.close(folder)
        case.skipTest(f"this machine lets root make no mount namespace: {error}")
    case.addCleanup(back)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def small_disk(case: Any, folder: Path, *, size: str, options: str = "") -> None:
    """Mount a file system of *size* at *folder*, after :func:`own_mounts`."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"size={size},mode=700{options and ','}{options}"
    mount = ["mount", "-t", "tmpfs", "-o", wanted, "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    case.addCleanup(lambda: subprocess.run(["umount", "-l", folder], check=True))


def free(folder: Path) -> int:
    """Return the number of free bytes on the disk of *folder*."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def fill(file: Path) -> None:
    """Let *file* use all free space of the disk, also while another process writes."""
    with file.open("ab") as stream:
        size = os.fstat(stream.fileno()).st_size
        for piece in (1 << 20, 1 << 16, 1 << 12):
            try:
                while True:
                    os.posix_fallocate(stream.fileno(), size, piece)
                    size += piece
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
