"""Removes a workspace; files with secrets go first, and the result waits for them.

The removal runs in a process of the job's user: links that jobs of that user placed in
the workspace cannot make it do more than that user may do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from semaphore_twisted.jobs.supervision import folder, linux, tree
from semaphore_twisted.jobs.supervision.child import ProcessUser
from semaphore_twisted.jobs.supervision.event_loop import EventLoop

_LONGEST_SECONDS = 300.0
#: Sent once the files with secrets are removed.
_FIRST = b"."
_LONGEST_REASON = 4000


class Removal:
    """One removal in a child process; callers may wait for its first part only."""

    def __init__(
        self,
        loop: EventLoop,
        workspace: str,
        user: ProcessUser | None,
        first: frozenset[str] = frozenset(),
    ) -> None:
        """Start; entries with a name in *first* are removed first."""
        self._loop = loop
        self._workspace = workspace
        self._until = time.monotonic() + _LONGEST_SECONDS
        self._said = b""
        self._told: int | None = None
        self._pid: int | None = None
        if os.path.islink(workspace) or not os.path.isdir(workspace):
            with contextlib.suppress(OSError):
                os.unlink(workspace)
            return
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            _empty(workspace, user=user, first=first, tell=tell)
        loop.track(pid)
        os.close(tell)
        os.set_blocking(told, False)
        self._told, self._pid = told, pid

    @property
    def done(self) -> bool:
        """Whether the removal has ended or was given up."""
        pid = self._pid
        return pid is None or pid in self._loop.ended or self._late

    @property
    def _late(self) -> bool:
        return time.monotonic() > self._until

    def wait(self, seconds: float) -> bool:
        """Wait up to *seconds*, but for the first part in any case; return ``done``."""
        until = time.monotonic() + seconds
        while not self.done and (time.monotonic() < until or not self._first_gone()):
            self._loop.run_once(0.05)
            self._loop.reap()
        return self.done

    def finish(self) -> str:
        """Wait for the end; return why files are left, or an empty text."""
        self.wait(_LONGEST_SECONDS)
        if self._pid is None or self._told is None:
            return ""
        if self._pid not in self._loop.ended:
            tree.send(self._pid, signal.SIGKILL)
        self._first_gone()
        os.close(self._told)
        left = self._said.removeprefix(_FIRST).decode("utf-8", "replace")
        try:
            os.rmdir(self._workspace)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return left or str(error.strerror)
        return ""

    def _first_gone(self) -> bool:
        """Read the child's messages; return whether the files with secrets are gone."""
        if self._told is not None:
            with contextlib.suppress(BlockingIOError):
                self._said += os.read(self._told, _LONGEST_REASON)
        return bool(self._said)


def _empty(
    workspace: str, *, user: ProcessUser | None, first: frozenset[str], tell: int
) -> None:
    """Empty the workspace in this process, and end the process."""
    left = ""
    try:
        linux.die_with_parent(signal.SIGKILL)
        if user is None:
            os.chmod(workspace, 0o700)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(workspace, flags)
        # An incomplete workspace still belongs to the supervisor's user.
        if user is not None and os.fstat(descriptor).st_uid == user.uid:
            user.become()
            linux.die_with_parent(signal.SIGKILL)
        left = folder.empty(descriptor, first, lambda: os.write(tell, _FIRST))
    except BaseException as error:  # noqa: BLE001 - nothing may leave this process
        left = str(error)
    finally:
        with contextlib.suppress(OSError):
            os.write(tell, left.encode("utf-8", "replace")[:_LONGEST_REASON])
        os._exit(0)
