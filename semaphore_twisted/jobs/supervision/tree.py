"""Finds the processes of a job in ``/proc``."""

from __future__ import annotations

import contextlib
import os


def _numbers() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def descendants(root: int) -> list[int]:
    """Return the ids of all living processes below *root*.

    If *root* is a subreaper, its descendants cannot leave this tree.
    """
    children: dict[int, list[int]] = {}
    ended = set()
    for pid in _numbers():
        try:
            with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                fields = file.read(1024).rpartition(b")")[2].split()
        except OSError:
            continue
        if len(fields) < 18:
            continue
        children.setdefault(int(fields[1]), []).append(pid)
        # The main thread of a process may end before its other threads.
        if fields[0] in {b"Z", b"X"} and int(fields[17]) <= 1:
            ended.add(pid)
    pids = []
    rows = list(children.get(root, ()))
    while rows:
        pid = rows.pop()
        pids.append(pid)
        rows.extend(children.get(pid, ()))
    return [pid for pid in pids if pid not in ended]


def marked(entry: bytes) -> list[int]:
    """Return the processes that have *entry* (``NAME=value``) in their environment."""
    pids = []
    for pid in _numbers():
        try:
            with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
                environ = file.read(1 << 20)
        except OSError:
            continue
        if pid != os.getpid() and entry in environ.split(b"\0"):
            pids.append(pid)
    return pids


def send(pid: int, signal: int) -> None:
    """Send *signal* to *pid*; a process that has ended or is not ours is ignored."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal)
