"""A job's view of the file system, set up in the job's own mount namespace.

The job has its own ``/tmp``, ``/var/tmp``, ``/dev/shm``, ``/dev/pts``, ``/dev/mqueue``
and ``/proc``. Directories of the server and of other jobs are empty, except for the
job's own workspace. A user id without an account gets one here, since ssh refuses a
user without a name.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat

from semaphore_twisted.jobs.supervision import linux
from semaphore_twisted.jobs.supervision.child import ProcessUser, name_of
from semaphore_twisted.jobs.supervision.specification import NamespaceSettings

#: Directories that every user may write to; a job has its own.
_SHARED = ("/tmp", "/var/tmp", "/run/lock")  # noqa: S108 - these are replaced
#: The directory of the workspace that replaces them.
_PRIVATE = "tmp"
_SMALL = "mode=0755,size=256k,nr_inodes=256"
_HARMLESS = linux.NO_SUID | linux.NO_DEVICES
#: Flags of a file system (``statvfs(3)``) and the mount flags to keep; 0 is the same.
_KEPT = {
    **dict.fromkeys((1, 2, 4, 8, 1024, 2048), 0),
    4096: 1 << 21,
}


class MountSetup:
    """Makes the mounts; paths that stay visible are opened before they are covered."""

    def __init__(
        self, isolation: NamespaceSettings, workspace: str, user: ProcessUser | None
    ) -> None:
        self._isolation = isolation
        self._workspace = workspace
        self._user = user

    def make(self) -> None:
        """Make all mounts.

        :raises OSError: if a mount fails; the job must not start then.
        """
        # Mounts of the machine still propagate here, but ours do not propagate back.
        linux.mount("none", "/", flags=linux.RECURSIVE | linux.SLAVE)
        workspace = _open(self._workspace)
        shown = {
            path: _open(path)
            for path in (*self._isolation.shown, *self._isolation.fixed)
            if os.path.exists(path)
        }
        self._account()
        self._devices()
        private = self._private()
        for path in sorted(map(os.path.realpath, self._isolation.hidden), key=len):
            if path not in private and os.path.isdir(path):
                linux.mount("none", path, "tmpfs", _HARMLESS, _SMALL)
        for path in dict.fromkeys((os.path.realpath(self._workspace), self._workspace)):
            self._bind(workspace, path)
        self._cover_files()
        for path, opened in shown.items():
            self._bind(opened, path)
        for path in self._isolation.fixed:
            if path in shown:
                self._fix(shown[path], path)
        for opened in (workspace, *shown.values()):
            os.close(opened)
        linux.mount("proc", "/proc", "proc", _HARMLESS | linux.NO_PROGRAMS)

    def _private(self) -> set[str]:
        """Replace the directories that all users share by the job's own."""
        made = set()
        source = f"{self._workspace}/{_PRIVATE}"
        opened = _open(source)
        for path in dict.fromkeys(map(os.path.realpath, _SHARED)):
            if os.path.isdir(path):
                linux.mount(_by_number(opened), path, flags=linux.BIND)
                made.add(path)
        os.close(opened)
        return made

    def _devices(self) -> None:
        """Give the job its own shared memory, message queues and terminals."""
        flags = linux.NO_SUID | linux.NO_PROGRAMS
        if os.path.isdir("/dev/shm"):  # noqa: S108 - it is replaced
            linux.mount("none", "/dev/shm", "tmpfs", _HARMLESS, "mode=1777")  # noqa: S108
        if os.path.isdir("/dev/mqueue") and "ipc" in self._isolation.kinds:
            linux.mount("none", "/dev/mqueue", "mqueue", flags | linux.NO_DEVICES)
        if os.path.isdir("/dev/pts"):
            data = "newinstance,ptmxmode=0666,mode=0620"
            linux.mount("none", "/dev/pts", "devpts", flags, data)

    def _account(self) -> None:
        """Add an account for a user id that has none."""
        uid, gid = os.geteuid(), os.getegid()
        if self._user is not None:
            uid, gid = self._user.uid, self._user.gid
        with contextlib.suppress(KeyError):
            pwd.getpwuid(uid)
            return
        name = name_of(self._user)
        home = f"{self._workspace}/home"
        self._extend("/etc/passwd", f"{name}:x:{uid}:{gid}:Job:{home}:/bin/sh")
        with contextlib.suppress(KeyError):
            grp.getgrgid(gid)
            return
        self._extend("/etc/group", f"{name}:x:{gid}:")

    def _extend(self, path: str, line: str) -> None:
        """Show *path* with one more line; the file itself is not changed."""
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return
        if content and not content.endswith(b"\n"):
            content += b"\n"
        self._replace(path, content + line.encode() + b"\n", 0o644)

    def _cover_files(self) -> None:
        """Show files of the server as empty ones that cannot be opened."""
        for path in self._isolation.covered:
            if os.path.isfile(path):
                self._replace(path, b"", 0)

    def _replace(self, path: str, content: bytes, mode: int) -> None:
        """Mount a file with *content* at *path*."""
        place = f"{self._workspace}/.replaced"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = os.open(place, flags, 0o600)
        try:
            with open(opened, "wb", closefd=False) as file:
                file.write(content)
            os.fchmod(opened, mode)
            linux.mount(place, path, flags=linux.BIND)
        finally:
            os.close(opened)
            os.unlink(place)

    def _bind(self, opened: int, path: str) -> None:
        """Mount the file *opened* at *path*, unless it is visible there."""
        status = os.fstat(opened)
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), status):
                return
        self._folders(os.path.dirname(path))
        if stat.S_ISDIR(status.st_mode):
            self._folders(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        flags = linux.BIND | linux.RECURSIVE
        linux.mount(_by_number(opened), path, flags=flags)

    def _folders(self, path: str) -> None:
        """Create the directory *path*; the job's user becomes the owner."""
        missing = []
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for each in reversed(missing):
            os.mkdir(each, 0o755)
            if self._user is not None:
                os.chown(each, self._user.uid, self._user.gid)

    def _fix(self, opened: int, path: str) -> None:
        """Make *path* read-only."""
        flags = linux.BIND | linux.REMOUNT | linux.READ_ONLY
        linux.mount(_by_number(opened), path, flags=linux.BIND | linux.RECURSIVE)
        present = os.statvfs(path).f_flag
        for bit, other in _KEPT.items():
            if present & bit:
                flags |= other or bit
        linux.mount("none", path, flags=flags)


def _open(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _by_number(opened: int) -> str:
    return f"/proc/self/fd/{opened}"
