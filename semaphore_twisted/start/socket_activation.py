"""Sockets that systemd passes to the server (``sd_listen_fds``).

A socket's name (``FileDescriptorName=``) states its purpose: ``redirect`` and
``enroll`` belong to those listeners, any other name to the site.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from semaphore_twisted.start.listening import CannotListen, Sockets

#: The first passed descriptor.
FIRST = 3

#: Variables for this process, which its children must not inherit.
VARIABLES = frozenset({"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})

#: The environment as it was when the process started.
_ENVIRON = Path("/proc/self/environ")


@frozen
class _Passed:
    """A passed descriptor and its name."""

    number: int
    name: str


def variables(environ: Mapping[str, str], path: Path = _ENVIRON) -> dict[str, str]:
    """Return the ``LISTEN_…`` variables, which Twisted removes when it is imported.

    They are read from *path*, or from *environ* if there is no such file. Call this
    before the process clears its dumpable flag, which makes *path* unreadable.
    """
    try:
        lines = path.read_bytes().split(b"\0")
    except OSError:
        return {name: environ[name] for name in VARIABLES if name in environ}
    pairs = (each.decode("utf-8", "replace").partition("=") for each in lines)
    return {name: value for name, _, value in pairs if name in VARIABLES}


def inherited(environ: Mapping[str, str], *, pid: int, first: int = FIRST) -> Sockets:
    """Return the sockets passed to the process *pid*; usually there are none.

    :raises CannotListen: if one is not a listening socket
    """
    found: dict[str, list[socket.socket]] = {"redirect": [], "enroll": []}
    main: list[socket.socket] = []
    for each in _passed(environ, pid=pid, first=first):
        found.get(each.name, main).append(_socket(each))
    return Sockets(main=main, redirect=found["redirect"], enrolling=found["enroll"])


def _passed(environ: Mapping[str, str], *, pid: int, first: int) -> list[_Passed]:
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdigit():
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += [""] * int(count)
    return [_Passed(first + each, names[each]) for each in range(int(count))]


def _socket(passed: _Passed) -> socket.socket:
    called = f"LISTEN_FDS: descriptor {passed.number}" + (
        f" ({passed.name})" if passed.name else ""
    )
    try:
        made = socket.socket(fileno=passed.number)
        made.set_inheritable(False)
    except OSError as error:
        raise CannotListen(f"{called} is not a socket: {error.strerror}") from error
    listens = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if made.type != socket.SOCK_STREAM or not listens:
        raise CannotListen(
            f"{called} is not a socket that listens for streams (ListenStream= in the "
            "unit, without Accept=yes)"
        )
    made.settimeout(0)
    return made
