"""What the machine may lack for a moment when a job is to start."""

import errno
import os
import resource
from pathlib import Path

from semaphore_twisted.model.errors import Unavailable

#: Descriptors, processes, memory, room on the disk.
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

#: Exit status of a supervisor that lacked one of them (EX_TEMPFAIL of sysexits.h).
TEMPORARY = 75

#: Descriptors that jobs leave to requests: so many, and this part of a low limit.
_LEFT, _PART = 32, 4


class SupervisorFailed(Exception):
    """A supervisor could not be started; the text says why."""

    def __init__(self, sentence: str, *, temporary: bool = False) -> None:
        """Say why; *temporary* if the same may work a little later."""
        super().__init__(sentence)
        self.temporary = temporary


def shortage(error: BaseException) -> str | None:
    """Return what was lacking, where *error* is a matter of time, or ``None``."""
    if isinstance(error, OSError) and error.errno in ERRORS:
        return error.strerror or str(error)
    if isinstance(error, Unavailable):
        return error.message
    if isinstance(error, SupervisorFailed) and error.temporary:
        return str(error)
    return None


def check_descriptors() -> None:
    """Accept another job, which takes some descriptors of this process.

    :raises OSError: if requests would have too few left
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    if limit - used < min(_LEFT, limit // _PART):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
