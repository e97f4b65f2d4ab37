"""The directories of jobs: spools and workspaces."""

import os
import re
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Literal, Protocol

from attrs import frozen

from semaphore_twisted.common import locks
from semaphore_twisted.jobs.disk import reserve
from semaphore_twisted.jobs.spool import result
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.jobs import JobResult

#: Names of directories made by this server; old versions used the task's number.
_OURS = re.compile(r"job_[0-9a-f]{16}|task_[0-9]+")

#: ``absent``: there is no spool. ``unborn``: there is a spool, but its job never
#: started. ``begun``: the job runs, has ended, or vanished.
State = Literal["absent", "unborn", "begun"]

#: Free disk space required to start a task: this share of the disk, but not more than
#: this number of bytes.
LEAST_SHARE = 0.05
LEAST_BYTES = 1 << 30

#: Free inodes required to start a task, if the file system limits them.
LEAST_FILES = 256


@frozen
class Ended:
    """The result of an ended job, and the number of its unread bytes of output."""

    result: JobResult
    unread: int


class JobPaths(Protocol):
    """The methods of :class:`JobDirectories` that the task service uses."""

    def find(self, uuid: str, task_id: TaskId) -> str:
        """Return the directory name of a task's job."""

    def spool(self, job_name: str) -> str:
        """Return the path of a job's spool."""

    def make(self, job_name: str) -> str:
        """Create a job's spool."""

    def state(self, job_name: str) -> State:
        """Return how far a job got."""

    def remove(self, job_name: str) -> None:
        """Remove the directories of a job."""

    def ended(self, job_name: str, offset: int) -> Ended | None:
        """Return the result of a job, if it has ended."""

    def sweep(self, keep: frozenset[str]) -> list[str]:
        """Remove the directories of all other jobs; return those that still run."""

    def shortage(self) -> str | None:
        """Return the reason why no task may start, or ``None``."""


def job_name_of(uuid: str) -> str:
    """Return the directory name of a task's job.

    The name is random, since the *uuid* is. Task numbers are reused after an older
    database is restored, while jobs of the newer one may still run.
    """
    return f"job_{uuid.replace('-', '')[:16]}"


@frozen(kw_only=True)
class JobDirectories:
    """Spools and workspaces of jobs: one directory each, called *job_name*."""

    spools: Path
    workspaces: Path

    def find(self, uuid: str, task_id: TaskId) -> str:
        """Return the directory name of a task's job, which may be an old version's."""
        job_name, former = job_name_of(uuid), f"task_{task_id}"
        if (self.spools / former).is_dir() and not (self.spools / job_name).is_dir():
            return former
        return job_name

    def spool(self, job_name: str) -> str:
        """Return the path of the job's spool, which need not exist."""
        return str(self.spools / job_name)

    def make(self, job_name: str) -> str:
        """Create an empty spool and return its path.

        :raises OSError: if it exists already, or the disk is full
        """
        self.spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        spool = self.spools / job_name
        spool.mkdir(mode=0o700)
        return str(spool)

    def state(self, job_name: str) -> State:
        """Return how far the job got before the server stopped."""
        spool = self.spools / job_name
        if not spool.is_dir():
            return "absent"
        if (spool / "result").exists() or is_locked(spool / "lock"):
            return "begun"
        output = spool / "output"
        return "begun" if output.exists() and output.stat().st_size else "unborn"

    def ended(self, job_name: str, offset: int) -> Ended | None:
        """Return the result of an ended job; *offset* is the end of the read output.

        Return ``None`` if the job has not ended, or its result is damaged or
        unreadable.
        """
        spool = self.spools / job_name
        try:
            found = result((spool / "result").read_bytes())
            size = (spool / "output").stat().st_size
        except (OSError, ValueError):
            return None
        return Ended(found, max(0, size - offset))

    def remove(self, job_name: str) -> None:
        """Remove the directories of the job; ignore failures."""
        shutil.rmtree(self.spools / job_name, ignore_errors=True)
        shutil.rmtree(self.workspaces / job_name, ignore_errors=True)

    def sweep(self, keep: Container[str]) -> list[str]:
        """Remove the directories of jobs not in *keep*; return jobs that still run."""
        running = []
        for spool in self.spools.glob("*_*"):
            if not _OURS.fullmatch(spool.name) or spool.name in keep:
                continue
            if is_locked(spool / "lock"):
                running.append(spool.name)
            else:
                self.remove(spool.name)
        self._sweep_workspaces(keep)
        return sorted(running)

    def _sweep_workspaces(self, keep: Container[str]) -> None:
        """Remove workspaces without a spool, which remain after a crash of the machine.

        Only workspaces in the state directory are removed: a directory elsewhere may be
        shared with another server.
        """
        if self.workspaces.parent != self.spools.parent:
            return
        for workspace in self.workspaces.glob("*_*"):
            known = workspace.name in keep or (self.spools / workspace.name).exists()
            if _OURS.fullmatch(workspace.name) and not known:
                shutil.rmtree(workspace, ignore_errors=True)

    def shortage(self) -> str | None:
        """Return the reason why no task may start if the disk is nearly full."""
        self.spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = os.statvfs(self.spools)
        free = disk.f_bavail * disk.f_frsize
        share = int(disk.f_blocks * disk.f_frsize * LEAST_SHARE)
        # a job that starts can then write at least a quarter of the reserve
        least = max(min(LEAST_BYTES, share), reserve(self.spools) * 5 // 4)
        if free < least:
            return (
                f"only {free >> 20} MiB are free on the disk of {self.spools};"
                f" tasks start with {least >> 20} MiB"
            )
        if disk.f_files and disk.f_favail < LEAST_FILES:
            return (
                f"the disk of {self.spools} takes only {disk.f_favail} more files;"
                f" tasks start with {LEAST_FILES}"
            )
        return None


def is_locked(lock: Path) -> bool:
    """Return whether a supervisor runs: it holds its lock until it exits."""
    try:
        return locks.is_held(lock)
    except OSError:
        return False


def running(spools: Path) -> list[str]:
    """Return the directory names of the jobs that run at the moment."""
    if not spools.is_dir():
        return []
    return sorted(
        spool.name
        for spool in spools.iterdir()
        if _OURS.fullmatch(spool.name) and is_locked(spool / "lock")
    )
