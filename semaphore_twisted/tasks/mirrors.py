"""Removes the server's local copies (mirrors) of repositories."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Container
from pathlib import Path
from typing import ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from semaphore_twisted.interfaces import ComputeFunction, IDatabase
from semaphore_twisted.jobs.checkout import MIRROR, mirror_name
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.operations.projects import repositories
from semaphore_twisted.runtime.coalescer import Coalescer

_LOCK = ".lock"


@define(eq=False)
class Mirrors:
    """Removes mirrors of deleted repositories and of former URLs.

    *compute* runs a function that walks directories in a worker thread.
    """

    _folder: Path
    _database: IDatabase
    _compute: ComputeFunction
    _sweeps: Coalescer = field(init=False)
    _running: bool = field(default=False, init=False)
    _log: ClassVar[Logger] = Logger()

    def __attrs_post_init__(self) -> None:
        """Create the coalescer that runs one sweep at a time."""
        self._sweeps = Coalescer(
            self._sweep,
            log=self._log,
            sentence="Copies of repositories could not be removed",
        )

    def startService(self) -> None:
        """Remove the mirrors that became unused before the start."""
        self._running = True
        self.sweep()

    def stopService(self) -> "Deferred[None]":
        """Wait until the running removal has ended."""
        return self._sweeps.stop()

    def sweep(self) -> None:
        """Remove unused mirrors; called after a repository was changed or deleted."""
        if self._running:
            self._sweeps.call()

    def clear(self, project_id: ProjectId | None) -> "Deferred[None]":
        """Remove the mirrors of a project, or all; a mirror that a job uses is kept.

        A job that has fetched and not yet cloned makes the mirror again, as it does
        with a damaged one.
        """
        return Deferred.fromCoroutine(self._clear(project_id))

    async def _clear(self, project_id: ProjectId | None) -> None:
        used = await self._database.read(repositories.addresses)
        keep = frozenset(
            mirror_name(each.id, each.git_url)
            for each in used
            if project_id is not None and each.project_id != project_id
        )
        await self._compute(sweep, self._folder, keep)

    async def _sweep(self) -> None:
        used = await self._database.read(repositories.addresses)
        keep = frozenset(mirror_name(each.id, each.git_url) for each in used)
        await self._compute(sweep, self._folder, keep)


def sweep(folder: Path, keep: Container[str]) -> None:
    """Remove the mirrors in *folder* that are not in *keep*, and their lock files.

    A mirror that a job uses at the moment is kept.
    """
    folders: dict[str, list[Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = MIRROR.match(path.name)
        if match is not None and match[0] not in keep:
            folders.setdefault(match[0], []).append(path)
    for name, paths in folders.items():
        lock = folder / f"{name}{_LOCK}"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in paths:
                if path != lock:
                    shutil.rmtree(path, ignore_errors=True)
            # Deleted while locked; a supervisor that waits for the lock creates a new
            # file.
            with contextlib.suppress(FileNotFoundError):
                lock.unlink()
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
