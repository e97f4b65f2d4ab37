"""Attributes of this process: ``prctl(2)``."""

import ctypes
import os

#: ``linux/prctl.h``
DUMPABLE, KEEP_CAPABILITIES, DROP_BOUNDING = 4, 8, 24
NO_NEW_PRIVILEGES, AMBIENT, AMBIENT_RAISE, AMBIENT_CLEAR_ALL = 38, 47, 2, 4

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, first: int, second: int = 0) -> None:
    """Call ``prctl`` with *option*.

    :raises OSError: if the kernel refuses it.
    """
    arguments = [ctypes.c_ulong(each) for each in (first, second, 0, 0)]
    if _libc.prctl(ctypes.c_int(option), *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")


def hide_memory() -> None:
    """Deny other processes of this user access to the memory of this one."""
    prctl(DUMPABLE, 0)
