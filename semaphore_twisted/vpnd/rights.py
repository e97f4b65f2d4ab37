"""The one right that a program keeps: the companion's, to administer the network.

Started as root it gives everything else up, for itself and for every program that it
starts: no other capability can come back, not by a set-user-id program either
(capabilities(7)). Nobody else may look into its memory.
"""

import ctypes
import os
import pwd
import resource
from contextlib import suppress
from pathlib import Path

#: ``linux/capability.h``
CAP_NET_BIND_SERVICE, CAP_NET_ADMIN = 10, 12
_VERSION_3 = 0x20080522
_LAST_CAP = Path("/proc/sys/kernel/cap_last_cap")

#: ``linux/prctl.h``
_PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP = 4, 8, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _AMBIENT_RAISE = 38, 47, 2

_libc = ctypes.CDLL(None, use_errno=True)


class CannotDrop(Exception):
    """The rights cannot be given up; the sentence says which."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def harden() -> None:
    """Make files private, and memory unreadable for others."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop(account: pwd.struct_passwd, keep: int = CAP_NET_ADMIN) -> None:
    """Become *account* with the capability *keep* alone; only root can.

    It has to be done before any thread is started: rights are a thread's own.

    :raises CannotDrop: with what is in the way; nothing must be done then.
    """
    try:
        for capability in range(int(_LAST_CAP.read_text()) + 1):
            if capability != keep:
                _prctl(_PR_CAPBSET_DROP, capability)
        if account.pw_uid != 0:
            _prctl(_PR_SET_KEEPCAPS, 1)
            os.initgroups(account.pw_name, account.pw_gid)
            os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
            os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
        try:
            _set_capabilities(1 << keep)
            _prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, keep)
        except PermissionError:  # root of a container may lack it
            _set_capabilities(0)
        harden()  # to become somebody else makes memory readable again
    except OSError as error:
        raise CannotDrop(f"the rights of root cannot be given up: {error}") from None
    with suppress(PermissionError):
        os.setuid(0)
        if account.pw_uid != 0:
            raise CannotDrop("the rights of root came back")


def _prctl(option: int, first: int, second: int = 0) -> None:
    arguments = [ctypes.c_ulong(each) for each in (first, second, 0, 0)]
    if _libc.prctl(option, *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")


def _set_capabilities(bits: int) -> None:
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)(_Data(bits, bits, bits), _Data(0, 0, 0))
    if _libc.capset(ctypes.byref(header), data) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")
