"""A private network namespace for tests with real devices in this process."""

import ctypes
import os
from pathlib import Path
from typing import Any

#: ``linux/sched.h``
_CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def own_network(case: Any) -> None:
    """Move the main thread and its children into a new network namespace for a test."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def back() -> None:
        _checked(_libc.setns(before, _CLONE_NEWNET))
        os.close(before)

    _checked(_libc.unshare(_CLONE_NEWNET))
    case.addCleanup(back)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def own_socket_place(case: Any, interface: str, folder: Path) -> None:
    """Let wireguard-go find its socket in *folder* during the test."""
    shared = Path("/run/wireguard")
    shared.mkdir(mode=0o711, exist_ok=True)
    link = shared / f"{interface}.sock"
    link.unlink(missing_ok=True)
    link.symlink_to(folder / link.name)
    case.addCleanup(link.unlink, missing_ok=True)
