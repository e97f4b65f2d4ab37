"""Ends the processes that are left of a job."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import time

from semaphore_twisted.jobs.supervision import patience, tree
from semaphore_twisted.jobs.supervision.approval import span
from semaphore_twisted.jobs.supervision.event_loop import EventLoop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from semaphore_twisted.jobs.supervision.namespaces import Namespaces

#: Seconds after which the supervisor stops waiting for processes that survive SIGKILL.
_UNKILLABLE_SECONDS = 30.0
_SWEEP_SECONDS = 5.0
#: Seconds between two looks at such programs, and bytes of output that each look reads.
_LOOK_SECONDS = 0.2
_PART = 1 << 20


def end_all(
    loop: EventLoop,
    *,
    grace: float,
    hurry: Callable[[], bool],
    namespaces: Namespaces | None = None,
    keep: Container[int] = (),
) -> int:
    """End every process of the job but those in *keep*; return how many survive.

    Each gets SIGTERM, and SIGKILL after *grace* seconds or once *hurry* returns true.
    This repeats for new processes until there is none. The job's *namespaces* are ended
    last.
    """
    kill_at = time.monotonic() + grace
    told: set[int] = set()
    while True:
        loop.reap()
        pids = [pid for pid in tree.descendants(os.getpid()) if pid not in keep]
        now = time.monotonic()
        if namespaces is not None:
            pids = [pid for pid in pids if pid != namespaces.init]
            if not pids or now >= kill_at or hurry():
                namespaces.end(loop)
                namespaces = None
                continue
        if not pids or now > kill_at + _UNKILLABLE_SECONDS:
            return len(pids)
        if now >= kill_at or hurry():
            kill_at = min(kill_at, now)
            for pid in pids:
                tree.send(pid, signal.SIGKILL)
            loop.run_once(0.005)
            continue
        for pid in set(pids) - told:
            told.add(pid)
            tree.send(pid, signal.SIGTERM)
            tree.send(pid, signal.SIGCONT)
        loop.run_once(min(0.05, kill_at - now))


def end_job(
    loop: EventLoop,
    *,
    grace: float,
    hurry: Callable[[], bool],
    namespaces: Namespaces | None,
    services: dict[int, float],
) -> int:
    """End every process of the job; return how many survive.

    The *services* that have seconds of their own end after all others, which use them.
    """
    last = {pid: seconds for pid, seconds in services.items() if seconds}
    left = end_all(loop, grace=grace, hurry=hurry, namespaces=namespaces, keep=last)
    if last:
        left = end_all(loop, grace=max(last.values()), hurry=hurry)
    return left


def sweep(
    loop: EventLoop,
    *,
    mark: str,
    hurry: Callable[[], bool],
    note: Callable[[str], None],
) -> None:
    """End the processes with *mark*: their job's supervisor vanished.

    A program with patience has been interrupted by that. It is waited for, and the
    services that it may need are asked to end after it. The others are killed, and all
    are once *hurry* returns true.
    """
    seconds = patience.living(patience.PROGRAM)
    services = patience.living(patience.SERVICE)
    if seconds:
        longest = span(max(seconds.values()))
        note(
            "The job's supervisor has vanished, so its program was interrupted;"
            f" waiting up to {longest} for it to store what it has done"
        )
    elif services:
        note("The job's supervisor has vanished; its program has ended")
    _wait(loop, patience.PROGRAM, hurry)
    for pid in services:
        tree.send(pid, signal.SIGTERM)
    _wait(loop, patience.SERVICE, hurry)
    entry = f"JOB_MARK={mark}".encode()
    until = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < until:
        # those of another user may only be known by their records
        known = (patience.living(each) for each in (patience.PROGRAM, patience.SERVICE))
        pids = {*tree.marked(entry), *(pid for each in known for pid in each)}
        if not pids:
            break
        for pid in pids:
            tree.send(pid, signal.SIGKILL)
        loop.run_once(0.02)


def _wait(loop: EventLoop, role: str, hurry: Callable[[], bool]) -> None:
    """Wait for the end of the programs with *role*, and discard what they write.

    The secrets in it are not known any more, so it cannot be logged.
    """
    began = time.monotonic()
    outputs: dict[int, int] = {}
    try:
        while not hurry():
            passed = time.monotonic() - began
            living = patience.living(role)
            pids = [pid for pid, seconds in living.items() if passed < seconds]
            if not pids:
                return
            for pid in pids:
                path = f"/proc/{pid}/fd/1"
                with contextlib.suppress(OSError):
                    if pid not in outputs and stat.S_ISFIFO(os.stat(path).st_mode):
                        outputs[pid] = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            for output in outputs.values():
                with contextlib.suppress(OSError):
                    os.read(output, _PART)
            loop.run_once(_LOOK_SECONDS)
    finally:
        for output in outputs.values():
            os.close(output)
