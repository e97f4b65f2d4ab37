"""What the standard library does not offer of Linux."""

import ctypes
import resource

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    arguments = (ctypes.c_ulong(number) for number in (value, 0, 0, 0))
    if _libc.prctl(ctypes.c_int(option), *arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option} failed")


def adopt_orphans() -> None:
    """Become the parent of each descendant that loses its own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> None:
    """Let no other process of this user read this one's memory, nor a core of it."""
    _prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent(signal: int) -> None:
    """Get *signal* when the parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def renounce_privileges() -> None:
    """Let no program that is executed from here on give more rights than there are."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_ambient_capabilities() -> None:
    """Pass no capability on to a program; what this process may do stays.

    A server without root switches users by ambient capabilities, which outlive the
    switch from one ordinary user to another.
    """
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
