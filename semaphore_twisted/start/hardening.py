"""Restricts the process before it holds a secret."""

import os
import resource
from collections.abc import Iterable, MutableMapping

from semaphore_twisted.common.prctl import hide_memory

#: Maximum number of open files: each websocket uses one.
_FILES = 65_536


def harden() -> None:
    """Make new files private, and memory unreadable for processes of the same user.

    Without the dumpable flag ``/proc/PID/environ`` and ``/proc/PID/mem`` belong to
    root, no debugger of the same user can attach, and no core file is written.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hide_memory()


def allow_many_files() -> None:
    """Raise the soft limit of open files, often 1,024, towards the hard limit.

    A thousand open pages would reach it. The usual limit is low for the sake of
    programs that use ``select(2)``; the server does not, and jobs, which inherit the
    limit, rarely open so many files.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def forget(environ: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Remove the variables *names*, so that no child inherits them."""
    for name in names:
        environ.pop(name, None)
