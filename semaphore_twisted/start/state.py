"""The state directory: what is where, who may read it, and who has it now.

Everything is 0600 in folders of 0700, whatever the umask. A lock on the directory keeps
a second server out; the kernel drops it with its holder, however that ends.
"""

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from attrs import define, field, frozen

#: One of these makes a folder a state directory; without any it must be empty.
_OURS = {"config.json", "semaphore.db", "lock", "tls"}

#: What an empty volume may hold.
_IGNORED = {"lost+found", ".keep", ".gitkeep"}


class NotOurs(Exception):
    """The directory holds somebody else's files."""

    def __init__(self, path: Path) -> None:
        """Name the directory."""
        super().__init__(f"{path}: other files found, an empty folder wanted")


class InUse(Exception):
    """Another server has the state directory, or the database."""

    def __init__(self, path: Path, pid: str) -> None:
        """Name the directory and the holder."""
        super().__init__(f"{path}: in use by pid {pid}")


@frozen
class StateDirectory:
    """The places below one directory; constructing it touches nothing."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration that a first start makes."""
        return self.path / "config.json"

    @property
    def database(self) -> Path:
        """The store."""
        return self.path / "semaphore.db"

    @property
    def installed(self) -> Path:
        """A mark that the database was made once."""
        return self.path / "installed"

    @property
    def initial_password(self) -> Path:
        """The first account's password, until it is changed."""
        return self.path / "initial-admin-password"

    @property
    def known_hosts(self) -> Path:
        """The keys of hosts that jobs have met."""
        return self.path / "known_hosts"

    @property
    def tls(self) -> Path:
        """Certificates and the key of the local authority's leaf."""
        return self.path / "tls"

    @property
    def spools(self) -> Path:
        """What supervisors write, one folder for each task."""
        return self.path / "jobs"

    @property
    def workspaces(self) -> Path:
        """Private folders of jobs, one for each task."""
        return self.path / "workspaces"

    @property
    def repositories(self) -> Path:
        """Bare clones."""
        return self.path / "repositories"

    @property
    def demo(self) -> Path:
        """The repository of the project "Demo"."""
        return self.path / "demo"

    def prepare(self) -> None:
        """Make the directory and its folders; take rights of others away.

        :raises NotOurs: if the directory has files, and none that is ours.
        :raises OSError: if the system does not allow it.
        """
        if self.path.is_dir():
            names = {each.name for each in self.path.iterdir()} - _IGNORED
            if names and not names & _OURS:
                raise NotOurs(self.path)
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
        """Keep other servers out while the returned lock is held.

        :raises InUse: if another process holds it.
        """
        return Lock.take(self.path)


@define(eq=False)
class Lock:
    """The exclusive use of something, for as long as this process lives."""

    path: Path
    _descriptor: int = field(repr=False)
    _others: "list[Lock]" = field(factory=list, init=False, repr=False)

    @classmethod
    def take(cls, path: Path, file: Path | None = None) -> "Lock":
        """Lock *path* by ``path/lock`` or *file*; write this process's number into it.

        :raises InUse: if another process holds it.
        """
        descriptor = os.open(
            file or path / "lock",
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
        )
        if os.geteuid() == 0:  # a command of root's must not shut the server out
            owner = (file or path / "lock").parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise InUse(path, pid or "unknown") from None
        lock = cls(path, descriptor)
        lock.sign()
        return lock

    def sign(self) -> None:
        """Write the process's number; again after a fork, which keeps the lock."""
        text = f"{os.getpid()}\n".encode()
        # over the former number: a full disk takes that, and no new block
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, os.pwrite(self._descriptor, text, 0))
        for other in self._others:
            other.sign()

    def join(self, other: "Lock") -> None:
        """Sign and release *other* with this one."""
        self._others.append(other)

    def release(self) -> None:
        """Let others in."""
        for other in self._others:
            other.release()
        os.close(self._descriptor)


def holder(path: Path) -> str | None:
    """Return the number of the server that has *path*, or ``None``."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    else:
        return None
    finally:
        os.close(descriptor)


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make *path* and its parents; *path* itself gets *mode*, if it is ours."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def close(path: Path) -> None:
    """Take the rights of everybody but the owner from the file *path*, if it is."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)


def write(
    path: Path,
    content: bytes,
    mode: int = 0o600,
    *,
    owner: tuple[int, int] | None = None,
) -> None:
    """Put *content* at *path* in one step: readers see the old or the new file.

    It is on the disk when the call returns; *mode* holds whatever the umask. *owner*
    is the user and group that it is for, ours if not given.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
