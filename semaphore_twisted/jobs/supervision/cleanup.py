"""Ends the processes that are left of a job."""

from __future__ import annotations

import os
import signal
import time

from semaphore_twisted.jobs.supervision import tree
from semaphore_twisted.jobs.supervision.event_loop import EventLoop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from semaphore_twisted.jobs.supervision.namespaces import Namespaces

#: Seconds after which the supervisor stops waiting for processes that survive SIGKILL.
_UNKILLABLE_SECONDS = 30.0
_SWEEP_SECONDS = 5.0


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


def sweep(loop: EventLoop, *, mark: str) -> None:
    """Kill the processes with *mark*: their job's supervisor vanished."""
    entry = f"JOB_MARK={mark}".encode()
    until = time.monotonic() + _SWEEP_SECONDS
    while (pids := tree.marked(entry)) and time.monotonic() < until:
        for pid in pids:
            tree.send(pid, signal.SIGKILL)
        loop.run_once(0.02)
