"""The programs with patience of a job, for the cleanup after a vanished supervisor.

They are recorded in the spool, which the job cannot reach. The environment of a process
of another user can only be read with the right to trace it, which a server usually does
not have.
"""

from __future__ import annotations

import contextlib
import os

#: The file: for each program a line with its role, process id, start and seconds.
_PATH = "patient"
#: The roles: a program of a step, and a service that it may need.
PROGRAM, SERVICE = "program", "service"


def record(role: str, pid: int, seconds: float) -> None:
    """Record that the program *pid* may have *seconds* to end.

    On a full disk it is not recorded: the job goes on without this.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        file = os.open(_PATH, flags, 0o600)
        try:
            os.write(file, f"{role} {pid} {_start(pid)} {seconds:.0f}\n".encode())
        finally:
            os.close(file)


def living(role: str) -> dict[int, int]:
    """Return the recorded programs of *role* that have not ended, and their seconds."""
    found = {}
    with contextlib.suppress(OSError), open(_PATH, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 4 and words[0] == role:
                pid, start, seconds = map(int, words[1:])
                with contextlib.suppress(OSError):
                    if _start(pid) == start:
                        found[pid] = seconds
    return found


def _start(pid: int) -> int:
    """Return when *pid* started, which tells it from a later process of the same id.

    :raises OSError: if it has ended
    """
    with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
        fields = file.read(1024).rpartition(b")")[2].split()
    if fields[0] in {b"Z", b"X"}:
        raise ProcessLookupError
    return int(fields[19])
