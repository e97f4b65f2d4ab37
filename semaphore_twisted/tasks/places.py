"""The folders of jobs: where each one's spool and workspace are."""

import fcntl
import os
import re
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Literal, Protocol

from attrs import frozen

from semaphore_twisted.jobs.disk import reserve
from semaphore_twisted.jobs.spool import result
from semaphore_twisted.jobs.steps import JobResult
from semaphore_twisted.model.ids import TaskId

#: Names that are ours; those of former versions have the number of the task.
_OURS = re.compile(r"job_[0-9a-f]{16}|task_[0-9]+")

#: ``absent``: no spool. ``unborn``: a spool whose job never began. ``begun``: a job
#: that runs, has ended, or vanished.
State = Literal["absent", "unborn", "begun"]

#: The least free space with which a task starts: this share, and never more than that.
LEAST_SHARE = 0.05
LEAST_BYTES = 1 << 30

#: The least number of files that the disk must take, where it has a limit.
LEAST_FILES = 256


@frozen
class Ended:
    """How a job ended, and how many bytes of its output were not read yet."""

    result: JobResult
    unread: int


class JobPlaces(Protocol):
    """What the service of tasks needs of :class:`Places`."""

    def find(self, uuid: str, task_id: TaskId) -> str:
        """Return the place of a task's job."""

    def spool(self, place: str) -> str:
        """Return where a job's spool is."""

    def make(self, place: str) -> str:
        """Make a job's spool."""

    def state(self, place: str) -> State:
        """Return how far a job got."""

    def remove(self, place: str) -> None:
        """Remove what is left of a job."""

    def ended(self, place: str, offset: int) -> Ended | None:
        """Return how a job ended, if it has."""

    def sweep(self, keep: frozenset[str]) -> list[str]:
        """Remove what is left of other jobs; return those that run."""

    def shortage(self) -> str | None:
        """Return why no task may start."""


def place_of(uuid: str) -> str:
    """Return what the folders of a task's job are called.

    The name is random, as the *uuid* of the task is. Numbers of tasks come again where
    an older database is restored, beside jobs that still run.
    """
    return f"job_{uuid.replace('-', '')[:16]}"


@frozen(kw_only=True)
class Places:
    """Spools and workspaces, one of each for a job, both called by its *place*."""

    spools: Path
    workspaces: Path

    def find(self, uuid: str, task_id: TaskId) -> str:
        """Return the place of a task's job, which a former version may have made."""
        place, former = place_of(uuid), f"task_{task_id}"
        if (self.spools / former).is_dir() and not (self.spools / place).is_dir():
            return former
        return place

    def spool(self, place: str) -> str:
        """Return where the job's spool is, or would be."""
        return str(self.spools / place)

    def make(self, place: str) -> str:
        """Make an empty spool and return its path.

        :raises OSError: if there is one already, or the disk does not take it
        """
        self.spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        spool = self.spools / place
        spool.mkdir(mode=0o700)
        return str(spool)

    def state(self, place: str) -> State:
        """Return how far the job got before the server ended."""
        spool = self.spools / place
        if not spool.is_dir():
            return "absent"
        if (spool / "result").exists() or held(spool / "lock"):
            return "begun"
        output = spool / "output"
        return "begun" if output.exists() and output.stat().st_size else "unborn"

    def ended(self, place: str, offset: int) -> Ended | None:
        """Return how the job ended, if it has; *offset* is how far it is read.

        ``None`` too where the result is damaged or cannot be read.
        """
        spool = self.spools / place
        try:
            found = result((spool / "result").read_bytes())
            size = (spool / "output").stat().st_size
        except (OSError, ValueError):
            return None
        return Ended(found, max(0, size - offset))

    def remove(self, place: str) -> None:
        """Remove what is left of the job; what cannot be removed stays."""
        shutil.rmtree(self.spools / place, ignore_errors=True)
        shutil.rmtree(self.workspaces / place, ignore_errors=True)

    def sweep(self, keep: Container[str]) -> list[str]:
        """Remove what is left of jobs not in *keep*; return those that still run."""
        running = []
        for spool in self.spools.glob("*_*"):
            if not _OURS.fullmatch(spool.name) or spool.name in keep:
                continue
            if held(spool / "lock"):
                running.append(spool.name)
            else:
                self.remove(spool.name)
        self._sweep_workspaces(keep)
        return sorted(running)

    def _sweep_workspaces(self, keep: Container[str]) -> None:
        """Remove workspaces whose jobs have ended, and the machine before the rest.

        Only those in the state directory: another server may have the same folder
        elsewhere.
        """
        if self.workspaces.parent != self.spools.parent:
            return
        for workspace in self.workspaces.glob("*_*"):
            known = workspace.name in keep or (self.spools / workspace.name).exists()
            if _OURS.fullmatch(workspace.name) and not known:
                shutil.rmtree(workspace, ignore_errors=True)

    def shortage(self) -> str | None:
        """Return why no task may start, where the disk is nearly full."""
        self.spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = os.statvfs(self.spools)
        free = disk.f_bavail * disk.f_frsize
        share = int(disk.f_blocks * disk.f_frsize * LEAST_SHARE)
        # a job that starts can write at least a quarter of the reserve
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


def held(lock: Path) -> bool:
    """Whether a supervisor lives: it holds its lock as long as it does."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def running(spools: Path) -> list[str]:
    """Return the places of jobs that run now."""
    if not spools.is_dir():
        return []
    return sorted(
        spool.name
        for spool in spools.iterdir()
        if _OURS.fullmatch(spool.name) and held(spool / "lock")
    )
