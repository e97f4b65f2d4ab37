"""The folders of jobs: where each one's spool and workspace are."""

import fcntl
import os
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Literal

from attrs import frozen

from semaphore_twisted.jobs.disk import reserve
from semaphore_twisted.jobs.spool import result
from semaphore_twisted.jobs.steps import JobResult
from semaphore_twisted.model.ids import TaskId

_PREFIX = "task_"

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


@frozen(kw_only=True)
class Places:
    """Spools and workspaces, one of each for a task: ``task_ID``."""

    spools: Path
    workspaces: Path

    def spool(self, task_id: TaskId) -> str:
        """Return where the task's spool is, or would be."""
        return str(self.spools / f"{_PREFIX}{task_id}")

    def make(self, task_id: TaskId) -> str:
        """Make an empty spool and return its place.

        :raises OSError: if there is one already, or the disk does not take it
        """
        self.spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self.spools / f"{_PREFIX}{task_id}"
        place.mkdir(mode=0o700)
        return str(place)

    def state(self, task_id: TaskId) -> State:
        """Return how far the task's job got before the server ended."""
        spool = self.spools / f"{_PREFIX}{task_id}"
        if not spool.is_dir():
            return "absent"
        if (spool / "result").exists() or _held(spool / "lock"):
            return "begun"
        output = spool / "output"
        return "begun" if output.exists() and output.stat().st_size else "unborn"

    def ended(self, task_id: TaskId, offset: int) -> "Ended | None":
        """Return how the task's job ended, if it has; *offset* is how far it is read.

        ``None`` too where the result is damaged or cannot be read.
        """
        spool = self.spools / f"{_PREFIX}{task_id}"
        try:
            found = result((spool / "result").read_bytes())
            size = (spool / "output").stat().st_size
        except (OSError, ValueError):
            return None
        return Ended(found, max(0, size - offset))

    def remove(self, task_id: TaskId) -> None:
        """Remove what is left of the task; what cannot be removed stays."""
        shutil.rmtree(self.spools / f"{_PREFIX}{task_id}", ignore_errors=True)
        shutil.rmtree(self.workspaces / f"{_PREFIX}{task_id}", ignore_errors=True)

    def sweep(self, keep: Container[int]) -> None:
        """Remove what is left of tasks not in *keep*, but for live jobs."""
        for spool in self.spools.glob(f"{_PREFIX}*"):
            number = spool.name.removeprefix(_PREFIX)
            if not number.isdigit() or int(number) in keep:
                continue
            if not _held(spool / "lock"):
                self.remove(TaskId(int(number)))

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


def _held(lock: Path) -> bool:
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
