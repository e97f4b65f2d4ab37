"""Drops root's privileges, except for one capability (the companion's: CAP_NET_ADMIN).

A program started as root gives up all other capabilities, for itself and for all its
child processes. They cannot be regained, not even by a set-user-id program
(capabilities(7)). Other users cannot read the process's memory.
"""

import ctypes
import os
import pwd
import resource
from contextlib import suppress
from pathlib import Path

from semaphore_twisted.common import prctl

#: ``linux/capability.h``
CAP_NET_BIND_SERVICE, CAP_NET_ADMIN = 10, 12
_VERSION_3 = 0x20080522
_LAST_CAP = Path("/proc/sys/kernel/cap_last_cap")

_libc = ctypes.CDLL(None, use_errno=True)


class CannotDrop(Exception):
    """The privileges cannot be dropped; the sentence gives the reason."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def harden() -> None:
    """Create private files only, and protect the memory from other processes."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl.hide_memory()
    prctl.prctl(prctl.NO_NEW_PRIVILEGES, 1)


def drop(account: pwd.struct_passwd, keep: int = CAP_NET_ADMIN) -> None:
    """Become *account* with the capability *keep* alone; needs root.

    Call this before any thread is started: capabilities belong to a thread.

    :raises CannotDrop: if that fails; the program must end then.
    """
    try:
        for capability in range(int(_LAST_CAP.read_text()) + 1):
            if capability != keep:
                prctl.prctl(prctl.DROP_BOUNDING, capability)
        if account.pw_uid != 0:
            prctl.prctl(prctl.KEEP_CAPABILITIES, 1)
            os.initgroups(account.pw_name, account.pw_gid)
            os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
            os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
        try:
            _set_capabilities(1 << keep)
            prctl.prctl(prctl.AMBIENT, prctl.AMBIENT_RAISE, keep)
        except PermissionError:  # root of a container may lack the capability
            _set_capabilities(0)
        harden()  # changing the user makes the memory readable again
    except OSError as error:
        raise CannotDrop(f"root's privileges cannot be dropped: {error}") from None
    with suppress(PermissionError):
        os.setuid(0)
        if account.pw_uid != 0:
            raise CannotDrop("root's privileges can be regained")


def _set_capabilities(bits: int) -> None:
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)(_Data(bits, bits, bits), _Data(0, 0, 0))
    if _libc.capset(ctypes.byref(header), data) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")
