"""Temporary shortages of the machine that prevent the start of a job."""

import errno
import os
import resource
from pathlib import Path

from semaphore_twisted.model.errors import Unavailable

#: Shortages of descriptors, processes, memory and disk space.
ERRORS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EDQUOT,
    }
)

#: Exit status of a supervisor after such a shortage (EX_TEMPFAIL of sysexits.h).
TEMPORARY = 75

#: Descriptors reserved for requests: this many, or this fraction of a low limit.
_LEFT, _PART = 32, 4


class SupervisorFailed(Exception):
    """A supervisor could not be started; the text says why."""

    def __init__(self, sentence: str, *, temporary: bool = False) -> None:
        """Set the reason; *temporary* means that a later attempt may succeed."""
        super().__init__(sentence)
        self.temporary = temporary


def shortage(error: BaseException) -> str | None:
    """Return the shortage that caused *error* if it is temporary, else ``None``."""
    if isinstance(error, OSError) and error.errno in ERRORS:
        return error.strerror or str(error)
    if isinstance(error, Unavailable):
        return error.message
    if isinstance(error, SupervisorFailed) and error.temporary:
        return str(error)
    return None


def check_descriptors() -> None:
    """Check that this process has enough descriptors for another job.

    :raises OSError: if too few would be left for requests
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    if limit - used < min(_LEFT, limit // _PART):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
