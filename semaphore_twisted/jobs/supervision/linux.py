"""Linux system calls that the standard library does not offer."""

import ctypes
import os
import resource
import sys

#: Kinds of namespaces (``linux/sched.h``).
NEW_MOUNT, NEW_UTS, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_USER, NEW_PID = 0x10000000, 0x20000000
#: Flags of mounts (``linux/mount.h``).
READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, SLAVE = 32, 4096, 16384, 1 << 19

#: ``keyctl(2)`` by the name of the machine.
_KEYCTL = {
    "x86_64": 250,
    "aarch64": 219,
    "riscv64": 219,
    "ppc64le": 271,
    "s390x": 280,
}
_JOIN_KEYRING = 1

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
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
    """Become the parent of each descendant whose parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> None:
    """Protect this process's memory from other processes of its user; no core dumps."""
    _prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent(signal: int) -> None:
    """Receive *signal* when the parent ends; with 0 none any more."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def renounce_privileges() -> None:
    """Prevent executed programs from gaining privileges (``no_new_privs``)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_ambient_capabilities() -> None:
    """Do not pass capabilities on to executed programs; this process keeps its own.

    A server without root switches users by ambient capabilities, which survive the
    switch from one unprivileged user to another.
    """
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def unshare(flags: int) -> None:
    """Move into new namespaces of the kinds in *flags* (``unshare(2)``)."""
    _done(_libc.unshare(ctypes.c_int(flags)), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Enter the namespace opened as *namespace*, which is of *kind* (``setns(2)``)."""
    _done(_libc.setns(ctypes.c_int(namespace), ctypes.c_int(kind)), "setns")


def mount(
    source: str, target: str, kind: str = "", flags: int = 0, data: str = ""
) -> None:
    """Mount *source* on *target* (``mount(2)``)."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _done(result, f"mount {kind or 'of'} {target}")


def listens(path: str) -> bool:
    """Whether a program listens on the socket *path* (``/proc/net/unix``, ``proc(5)``).

    The file of a socket exists before its program listens; a connection in between is
    refused.
    """
    accepting = 1 << 16
    suffix = b" " + os.fsencode(path)
    with open("/proc/net/unix", "rb") as table:
        for line in table:
            if (
                line.rstrip(b"\n").endswith(suffix)
                and int(line.split()[3], 16) & accepting
            ):
                return True
    return False


def keyctl_number() -> int | None:
    """Return the number of ``keyctl(2)``, for which the C library has no function."""
    return _KEYCTL.get(os.uname().machine) if sys.maxsize > 1 << 32 else None


def forget_keys() -> None:
    """Leave the session keyring shared by the programs of a service; join a new one.

    If the system refuses this, as in some containers, there are no keys either.
    """
    number = keyctl_number()
    if number is not None:
        _libc.syscall(ctypes.c_long(number), ctypes.c_long(_JOIN_KEYRING), None)


def set_name(name: str) -> None:
    """Set the name in ``/proc/PID/comm`` to *name*."""
    buffer = ctypes.create_string_buffer(name.encode())
    _done(_libc.prctl(_PR_SET_NAME, buffer, 0, 0, 0), "prctl PR_SET_NAME")


def show_memory() -> None:
    """Make this process's own user the owner of its files below ``/proc``."""
    _prctl(_PR_SET_DUMPABLE, 1)


def _done(result: int, call: str) -> None:
    """Raise the error of a failed call."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
