"""The state directory: its files, their permissions, and its lock.

Files are 0600 in directories of 0700, independent of the umask. A lock on the directory
excludes a second server; the kernel releases it when its holder ends.
"""

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from attrs import define, field, frozen

from semaphore_twisted.common import locks

#: One of these marks a state directory; without any it must be empty.
_OURS = {"config.json", "semaphore.db", "lock", "tls"}

#: Files that an empty volume may contain.
_IGNORED = {"lost+found", ".keep", ".gitkeep"}


class ForeignDirectory(Exception):
    """The directory contains other files than those of an installation."""

    def __init__(self, path: Path) -> None:
        """Name the directory."""
        super().__init__(
            f"{path}: the directory has other files; expected an empty directory"
        )


class StateInUse(Exception):
    """Another server uses the state directory, or the database."""

    def __init__(self, path: Path, pid: str) -> None:
        """Name the path and the process that uses it."""
        super().__init__(f"{path}: in use by pid {pid}")


@frozen
class StateDirectory:
    """The paths below one state directory; constructing it accesses nothing."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration that a first start creates."""
        return self.path / "config.json"

    @property
    def database(self) -> Path:
        """The database."""
        return self.path / "semaphore.db"

    @property
    def installed(self) -> Path:
        """A file that records that the database was created."""
        return self.path / "installed"

    @property
    def initial_password(self) -> Path:
        """The first account's generated password, until it is changed."""
        return self.path / "initial-admin-password"

    @property
    def known_hosts(self) -> Path:
        """The known SSH host keys of jobs."""
        return self.path / "known_hosts"

    @property
    def tls(self) -> Path:
        """Certificates, and the key of the server's certificate from the local CA."""
        return self.path / "tls"

    @property
    def spools(self) -> Path:
        """The output of supervisors, one directory for each task."""
        return self.path / "jobs"

    @property
    def workspaces(self) -> Path:
        """The private directories of jobs, one for each task."""
        return self.path / "workspaces"

    @property
    def repositories(self) -> Path:
        """Bare clones of repositories."""
        return self.path / "repositories"

    @property
    def demo(self) -> Path:
        """The repository of the project "Demo"."""
        return self.path / "demo"

    def prepare(self) -> None:
        """Create the directory and its subdirectories; make them private.

        :raises ForeignDirectory: if it has files, and none of an installation
        :raises OSError: if the system does not permit it
        """
        if self.path.is_dir():
            names = {each.name for each in self.path.iterdir()} - _IGNORED
            if names and not names & _OURS:
                raise ForeignDirectory(self.path)
        for folder in (
            self.path,
            self.tls,
            self.spools,
            self.workspaces,
            self.repositories,
        ):
            make_folder(folder)
        for file in (self.config, self.database, self.known_hosts):
            close(file)

    def lock(self) -> "Lock":
        """Exclude other servers while the returned lock is held.

        :raises StateInUse: if another process holds it
        """
        return Lock.take(self.path)


@define(eq=False)
class Lock:
    """An exclusive lock for as long as this process lives."""

    path: Path
    _descriptor: int = field(repr=False)
    _others: "list[Lock]" = field(factory=list, init=False, repr=False)

    @classmethod
    def take(cls, path: Path, file: Path | None = None) -> "Lock":
        """Lock *path* by ``path/lock`` or *file*; write this process's number into it.

        :raises StateInUse: if another process holds it
        """
        descriptor = os.open(
            file or path / "lock",
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
        )
        if os.geteuid() == 0:  # root's commands must not lock the server out
            owner = (file or path / "lock").parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise StateInUse(path, pid or "unknown") from None
        lock = cls(path, descriptor)
        lock.sign()
        return lock

    def sign(self) -> None:
        """Write the process number; again after a fork, which keeps the lock."""
        text = f"{os.getpid()}\n".encode()
        # overwriting needs no new block, so it works on a full disk
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, os.pwrite(self._descriptor, text, 0))
        for other in self._others:
            other.sign()

    def join(self, other: "Lock") -> None:
        """Sign and release *other* together with this lock."""
        self._others.append(other)

    def release(self) -> None:
        """Release the lock."""
        for other in self._others:
            other.release()
        os.close(self._descriptor)


def holder(path: Path) -> str | None:
    """Return the process number of the server that uses *path*, or ``None``."""
    return locks.holder(path / "lock")


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Create *path* and its parents; set the *mode* of *path* itself."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def close(path: Path) -> None:
    """Remove group and world permissions from the file *path*, if it exists."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
