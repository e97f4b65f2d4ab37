"""What is left of a job, and how it goes: processes and the workspace."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from semaphore_twisted.jobs.supervision import folder, linux, tree
from semaphore_twisted.jobs.supervision.child import User
from semaphore_twisted.jobs.supervision.wait import Waiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from semaphore_twisted.jobs.supervision.namespaces import Namespaces

#: Seconds after which processes that survive SIGKILL are given up.
_UNKILLABLE_SECONDS = 30.0
_SWEEP_SECONDS = 5.0
_REMOVE_SECONDS = 300.0


def end_all(
    waiter: Waiter,
    *,
    grace: float,
    hurry: Callable[[], bool],
    namespaces: Namespaces | None = None,
) -> int:
    """End every process of the job; return how many cannot be ended.

    The last that end are those of its *namespaces*, all at once.

    Each gets SIGTERM, and SIGKILL after *grace* seconds or once *hurry* says so. It
    is looked again for new ones until there is none.
    """
    kill_at = time.monotonic() + grace
    told: set[int] = set()
    while True:
        waiter.reap()
        pids = tree.descendants(os.getpid())
        now = time.monotonic()
        if namespaces is not None:
            pids = [pid for pid in pids if pid != namespaces.init]
            if not pids or now >= kill_at or hurry():
                namespaces.end(waiter)
                namespaces = None
                continue
        if not pids or now > kill_at + _UNKILLABLE_SECONDS:
            return len(pids)
        if now >= kill_at or hurry():
            kill_at = min(kill_at, now)
            for pid in pids:
                tree.send(pid, signal.SIGKILL)
            waiter.turn(0.005)
            continue
        for pid in set(pids) - told:
            told.add(pid)
            tree.send(pid, signal.SIGTERM)
            tree.send(pid, signal.SIGCONT)
        waiter.turn(min(0.05, kill_at - now))


def sweep(waiter: Waiter, *, mark: str) -> None:
    """End the processes of a job whose supervisor vanished; *mark* tells them."""
    entry = f"JOB_MARK={mark}".encode()
    until = time.monotonic() + _SWEEP_SECONDS
    while (pids := tree.marked(entry)) and time.monotonic() < until:
        for pid in pids:
            tree.send(pid, signal.SIGKILL)
        waiter.turn(0.02)


def remove(waiter: Waiter, *, workspace: str, user: User | None) -> str:
    """Remove the workspace; return why that is not possible, or an empty text.

    A process of the job's *user* does it: whatever links other jobs of the same user
    put into its way, it can do no more than they.
    """
    if os.path.islink(workspace) or not os.path.isdir(workspace):
        with contextlib.suppress(OSError):
            os.unlink(workspace)
        return ""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        _empty(workspace, user=user, tell=tell)
    waiter.expect(pid)
    os.close(tell)
    until = time.monotonic() + _REMOVE_SECONDS
    while pid not in waiter.ended and time.monotonic() < until:
        waiter.turn(1.0)
        waiter.reap()
    if pid not in waiter.ended:
        tree.send(pid, signal.SIGKILL)
    os.set_blocking(told, False)
    with open(told, "rb", buffering=0) as file:
        left = (file.read(4000) or b"").decode("utf-8", "replace")
    try:
        os.rmdir(workspace)
    except OSError as error:
        return left or str(error.strerror)
    return ""


def _empty(workspace: str, *, user: User | None, tell: int) -> None:
    """Empty the workspace in a process of its own, and end it."""
    left = ""
    try:
        linux.die_with_parent(signal.SIGKILL)
        if user is None:
            os.chmod(workspace, 0o700)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(workspace, flags)
        # One that was not finished is the supervisor's own still.
        if user is not None and os.fstat(descriptor).st_uid == user.uid:
            user.become()
            linux.die_with_parent(signal.SIGKILL)
        left = folder.empty(descriptor)
    except BaseException as error:  # noqa: BLE001 - nothing may leave this process
        left = str(error)
    finally:
        with contextlib.suppress(OSError):
            os.write(tell, left.encode("utf-8", "replace")[:4000])
        os._exit(0)
