"""The server's copies of repositories: those that nothing uses any more are removed."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from semaphore_twisted.deferreds import forget
from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.jobs.checkout import MIRROR, mirror_name
from semaphore_twisted.operations import repositories

_LOCK = ".lock"


@define(eq=False)
class Mirrors:
    """Removes copies of deleted repositories, and of addresses that were changed.

    *compute* runs a function that walks through folders in a worker thread.
    """

    _folder: Path
    _database: IDatabase
    _compute: Callable[..., Deferred[Any]]
    _looking: "Deferred[None] | None" = field(default=None, init=False)
    _again: bool = field(default=False, init=False)
    _running: bool = field(default=False, init=False)
    _log: ClassVar[Logger] = Logger()

    def startService(self) -> None:
        """Look at what the last run has left."""
        self._running = True
        self.look()

    def stopService(self) -> "Deferred[None]":
        """Wait for what is being removed."""
        self._running = self._again = False
        return self._looking or succeed(None)

    def look(self) -> None:
        """Remove what no repository needs: one was changed or deleted."""
        if not self._running:
            return
        if self._looking is not None:
            self._again = True
            return
        self._again = False
        self._looking = Deferred.fromCoroutine(self._sweep())
        forget(
            self._looking.addBoth(self._looked),
            log=self._log,
            sentence="Copies of repositories could not be removed",
        )

    async def _sweep(self) -> None:
        used = await self._database.read(repositories.addresses)
        keep = frozenset(mirror_name(each.id, each.git_url) for each in used)
        await self._compute(sweep, self._folder, keep)

    def _looked(self, result: Any) -> Any:
        self._looking = None
        if self._again:
            self.look()
        return result


def sweep(folder: Path, keep: Container[str]) -> None:
    """Remove the mirrors in *folder* that are not in *keep*, and their locks.

    One that a job uses at the moment stays.
    """
    found: dict[str, list[Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = MIRROR.match(path.name)
        if match is not None and match[0] not in keep:
            found.setdefault(match[0], []).append(path)
    for name, paths in found.items():
        lock = folder / f"{name}{_LOCK}"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in paths:
                if path != lock:
                    shutil.rmtree(path, ignore_errors=True)
            # Held while it goes; a supervisor that waits for it makes another one.
            with contextlib.suppress(FileNotFoundError):
                lock.unlink()
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
