"""What the server does to itself before it holds a secret."""

import ctypes
import os
import resource
from collections.abc import Iterable, MutableMapping

#: ``prctl(2)``
_PR_SET_DUMPABLE = 4


def harden() -> None:
    """Make files private, and memory unreadable for others of the same user.

    Without the dumpable flag ``/proc/PID/environ`` and ``/proc/PID/mem`` belong to
    root, no debugger of the same user attaches, and no core file is written.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def forget(environ: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Remove the variables *names*, so that no child inherits them."""
    for name in names:
        environ.pop(name, None)
