"""The locks that steps of several jobs take on files, such as a mirror's."""

from __future__ import annotations

import fcntl
import os
import time

from semaphore_twisted.jobs.supervision.ending import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from semaphore_twisted.jobs.supervision.event_loop import EventLoop
    from semaphore_twisted.jobs.supervision.journal import Journal
    from semaphore_twisted.jobs.supervision.specification import ReadStep


class StepLocks:
    """The locks that a job holds."""

    def __init__(self, loop: EventLoop, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal
        self._held: list[int] = []

    def take(self, step: ReadStep, check: Callable[[], None]) -> None:
        """Wait for the lock of *step*, if it needs one, and take it.

        *check* is called while it waits, and raises the ending of the job.

        :raises Ending: if the file cannot be opened.
        """
        if step.lock is None:
            return
        began, told = time.monotonic(), False
        while (descriptor := _try_lock(step, step.lock)) is None:
            check()
            self._loop.run_once(0.05)
            if not told and time.monotonic() > began + 2:
                told = True
                self._journal.note(f"Waiting for another job before {step.name}")
        self._held.append(descriptor)

    def release(self) -> None:
        """Release the locks; after a failure, the step's processes must have ended."""
        while self._held:
            os.close(self._held.pop())


def _try_lock(step: ReadStep, path: str) -> int | None:
    """Take the lock at *path*; ``None`` if it is held, or the file was replaced."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise failed(step, f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
