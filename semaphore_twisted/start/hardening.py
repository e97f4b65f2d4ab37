"""What the server does to itself before it holds a secret."""

import os
import resource
from collections.abc import Iterable, MutableMapping

from semaphore_twisted.common.prctl import hide_memory

#: Descriptors that the server may have open: each websocket holds one.
_FILES = 65_536


def harden() -> None:
    """Make files private, and memory unreadable for others of the same user.

    Without the dumpable flag ``/proc/PID/environ`` and ``/proc/PID/mem`` belong to
    root, no debugger of the same user attaches, and no core file is written.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hide_memory()


def allow_many_files() -> None:
    """Raise the soft limit of open files, which often is 1,024, towards the hard one.

    A thousand open pages would reach it. It is kept low for programs that use
    ``select(2)`` with very many files; the server does not, and jobs, which inherit it,
    hardly ever have so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def forget(environ: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Remove the variables *names*, so that no child inherits them."""
    for name in names:
        environ.pop(name, None)
