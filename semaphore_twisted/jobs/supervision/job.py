"""Runs one job from its first step to its result.

When the result file has its final name, all processes of the job have ended, files with
secrets in its workspace are removed, and all of its output is in the spool. The rest of
a large workspace is removed after that.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
import traceback

from semaphore_twisted.jobs.supervision import child, cleanup, folder, linux, namespaces
from semaphore_twisted.jobs.supervision.event_loop import EventLoop, Stream
from semaphore_twisted.jobs.supervision.journal import Journal
from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.removal import Removal
from semaphore_twisted.jobs.supervision.requirements import has_comments_only
from semaphore_twisted.jobs.supervision.specification import (
    ReadStep,
    Specification,
    expand,
)
from semaphore_twisted.jobs.supervision.step_log import StepLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 64 * 1024
_CAPTURED = 4 * 1024
_READY_SECONDS = 10.0
_FINALLY_SECONDS = 60.0
#: Seconds to wait until processes that a program left behind close its output.
_DRAIN_SECONDS = 0.3
#: Seconds between SIGTERM and SIGKILL for processes left after the job's end.
_LEFTOVER_GRACE = 1.0
#: Seconds that the result waits for the removal of files without secrets.
_REMOVAL_SECONDS = 2.0


def _drop(data: bytes) -> None:
    """Discard output."""


class Ending(Exception):
    """The end of the job, with its status and reason."""

    def __init__(
        self,
        status: str,
        reason: str = "",
        *,
        step: str = "",
        exit_status: int | None = None,
        signal: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.step = step
        self.exit_status = exit_status
        self.signal = signal
        #: Withheld output with its log, and lines, to log before the reason.
        self.kept = bytearray()
        self.log: Callable[[bytes], None] = _drop
        self.lines: list[str] = []
        #: The last line of the log.
        self.last = reason


class Job:
    """Runs a job to its end; the current directory is the spool."""

    def __init__(
        self,
        specification: Specification,
        *,
        journal: Journal,
        masker: Masker,
        loop: EventLoop,
    ) -> None:
        self._specification = specification
        self._journal = journal
        self._masker = masker
        self._loop = loop
        self._workspace = specification.workspace
        self._user: child.ProcessUser | None = None
        self._started = time.time()
        limit = specification.time_limit
        self._deadline = time.monotonic() + limit if limit else None
        self._stopping = False
        self._killing = False
        self._finishing = False
        self._made = False
        self._locks: list[int] = []
        self._namespaces: namespaces.Namespaces | None = None
        self._removal: Removal | None = None

    def order(self, order: str) -> None:
        """Accept an order of the server: ``stop`` or ``kill``."""
        if order == "kill":
            self._killing = True
        if order in {"stop", "kill"}:
            self._stopping = True

    def run(self) -> None:
        """Run all steps, clean up and write the result."""
        try:
            ending = self._steps()
        except Ending as raised:
            ending = raised
        except Exception as error:  # noqa: BLE001 - any error becomes the result
            ending = Ending("error", f"The supervisor failed: {error}")
            ending.lines = traceback.format_exc().splitlines()
        try:
            self._finish(ending)
        except Exception:  # noqa: BLE001 - the result must be written in any case
            self._journal.note(traceback.format_exc())
            if ending.status == "success":
                ending.status = "error"
                ending.reason = "The supervisor failed while it cleaned up"
        self._write_result(ending)
        if self._removal is not None:
            self._removal.finish()

    def _steps(self) -> Ending:
        """Run the steps; return the ending, or raise it."""
        if self._specification.interrupted is not None:
            self._started = self._specification.interrupted
            self._sweep()
            return Ending("error", "interrupted")
        self._prepare()
        for step in self._specification.steps:
            self._check(step)
            if self._run(step) == "success":
                break
        return Ending("success")

    # Preparation.

    def _prepare(self) -> None:
        self._user = child.user_of(self._specification)
        try:
            if os.path.lexists(self._workspace):
                self._remove_workspace()
            self._made = True
            folder.make(self._workspace, self._specification.files, self._user)
        except (OSError, ValueError) as error:
            raise Ending("error", f"The workspace cannot be made: {error}") from error
        isolation = self._specification.isolation
        if isolation is None:
            return
        try:
            made = namespaces.create(
                isolation, workspace=self._workspace, user=self._user
            )
        except namespaces.CannotIsolate as error:
            sentence = f"The job cannot be separated from others: {error}"
            raise Ending("error", sentence) from error
        if made.init is not None:
            self._loop.track(made.init)
        self._namespaces = made

    def _sweep(self) -> None:
        """End the processes of a job whose supervisor vanished."""
        self._user = child.user_of(self._specification)
        self._made = os.path.lexists(self._workspace)
        cleanup.sweep(self._loop, mark=self._specification.mark)

    # Running a step.

    def _check(self, step: ReadStep, deadline: float | None = None) -> None:
        """Raise the ending if the job is to be stopped or has reached a limit."""
        now = time.monotonic()
        if self._finishing:
            if self._killing or (deadline is not None and now >= deadline):
                raise Ending("error", "time limit", step=step.name)
            return
        if self._stopping:
            raise Ending("stopped", "Stopped by request", step=step.name)
        if self._deadline is not None and now >= self._deadline:
            sentence = f"time limit of {self._specification.time_limit:g} s"
            raise Ending("error", sentence, step=step.name)
        if deadline is not None and now >= deadline:
            raise self._failed(step, f"time limit of {step.time_limit or 0:g} s")

    def _failed(
        self,
        step: ReadStep,
        detail: str,
        *,
        exit_status: int | None = None,
        signal: int | None = None,
    ) -> Ending:
        """Return the ending for a step that failed."""
        reason = last = f"Running {step.name} failed: {detail}"
        if step.failure is not None:
            reason = f"{step.failure} (step {step.name}: {detail})"
        ending = Ending(
            "error", reason, step=step.name, exit_status=exit_status, signal=signal
        )
        ending.lines = [step.failure] if step.failure is not None else []
        ending.last = last
        return ending

    def _wait(
        self, done: Callable[[], bool], step: ReadStep, deadline: float | None
    ) -> None:
        """Handle events until *done*; raise the ending at a stop or a limit."""
        while not done():
            self._check(step, deadline)
            moments = [deadline, None if self._finishing else self._deadline]
            now = time.monotonic()
            waits = [moment - now for moment in moments if moment is not None]
            self._loop.run_once(min([*waits, 3600.0]))

    def _run(self, step: ReadStep) -> str:
        """Run *step* and return its outcome.

        :raises Ending: if the step ends the job.
        """
        if step.requires is not None:
            # A link that leads out of the workspace counts as absent.
            required = os.path.realpath(expand(step.requires, self._workspace, {}))
            inside = required.startswith(f"{os.path.realpath(self._workspace)}/")
            there = inside and os.path.isfile(required)
            if not there or (step.empty and has_comments_only(required)):
                for line in step.empty if there else step.absent:
                    self._journal.note(line)
                return "next"
        self._journal.step(step.name)
        for line in step.announce:
            self._journal.note(line)
        deadline = None
        if step.time_limit is not None:
            deadline = time.monotonic() + step.time_limit
        locked = self._lock(step, deadline)
        if locked is not None:
            self._locks.append(locked)
        outcome = self._locked(step, deadline)
        self._unlock()
        return outcome

    def _lock(self, step: ReadStep, deadline: float | None) -> int | None:
        """Wait for the step's lock and take it."""
        if step.lock is None:
            return None
        began, told = time.monotonic(), False
        while (descriptor := self._try_lock(step, step.lock)) is None:
            self._check(step, deadline)
            self._loop.run_once(0.05)
            if not told and time.monotonic() > began + 2:
                told = True
                self._journal.note(f"Waiting for another job before {step.name}")
        return descriptor

    def _try_lock(self, step: ReadStep, path: str) -> int | None:
        """Take the lock at *path*; ``None`` if it is held, or the file was replaced."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._failed(step, f"{path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _unlock(self) -> None:
        """Release the locks; after a failure, the step's processes must have ended."""
        while self._locks:
            os.close(self._locks.pop())

    def _locked(self, step: ReadStep, deadline: float | None) -> str:
        """Run the program of *step*."""
        log = StepLog(
            step,
            mark=self._specification.mark,
            masker=self._masker,
            journal=self._journal,
        )
        kept = bytearray()
        captured = bytearray()

        def keep(data: bytes) -> None:
            kept.extend(data)
            if len(kept) > 2 * _KEPT:
                del kept[:-_KEPT]

        def capture(data: bytes) -> None:
            captured.extend(data[: max(0, _CAPTURED - len(captured))])

        try:
            started = child.start(
                step,
                workspace=self._workspace,
                mark=self._specification.mark,
                user=self._user,
                namespaces=self._namespaces,
            )
        except child.StartFailed as failed:
            raise self._failed(step, str(failed)) from None
        self._loop.track(started.pid)
        sinks: list[Callable[[bytes], None]] = [keep if step.quiet else log.write]
        if step.capture:
            sinks.insert(0, capture)
        for output, sink in zip(started.outputs, sinks, strict=True):
            self._loop.watch(output, Stream(self._masker, sink))
        for descriptor, content in started.feeds.items():
            self._loop.feed(descriptor, content)
        try:
            if step.background and not self._until_ready(step, started, deadline):
                outcome = "next"
            else:
                self._until_end(step, started, deadline)
                outcome = self._outcome(step, started.pid, bytes(captured))
        except Ending as ending:
            # Output that is still in the pipe is added to it.
            ending.kept, ending.log = kept, log.write
            kept.extend(captured)
            self._loop.redirect(started.outputs, keep)
            raise
        else:
            # Processes that the step left behind may continue writing.
            after = _drop if step.quiet else log.write
            self._loop.redirect(started.outputs, after)
            return outcome
        finally:
            log.conclude()

    def _until_ready(
        self, step: ReadStep, started: child.Child, deadline: float | None
    ) -> bool:
        """Wait until a background step is ready; return whether it ended instead."""
        if step.ready is None:
            return False
        path = expand(step.ready, self._workspace, {})
        limit = time.monotonic() + _READY_SECONDS
        pause = 0.001
        while not linux.listens(path):
            if started.pid in self._loop.ended:
                return True
            self._check(step, deadline)
            if time.monotonic() > limit:
                raise self._failed(step, f"not ready within {_READY_SECONDS:g} s")
            self._loop.run_once(pause)
            pause = min(pause * 2, 0.05)
        return False

    def _until_end(
        self, step: ReadStep, started: child.Child, deadline: float | None
    ) -> None:
        """Wait until the program has ended and its output is read.

        A process that it left behind may keep the output open: the job does not wait
        for it, but still logs its lines.
        """
        ended = self._loop.ended
        self._wait(lambda: started.pid in ended, step, deadline)
        drained = time.monotonic() + _DRAIN_SECONDS
        while self._loop.open(started.outputs) and time.monotonic() < drained:
            self._check(step, deadline)
            self._loop.run_once(max(0.0, drained - time.monotonic()))
        self._loop.drain(started.outputs)

    def _outcome(self, step: ReadStep, pid: int, captured: bytes) -> str:
        """Return the outcome for the exit status of *step*."""
        code = os.waitstatus_to_exitcode(self._loop.ended.pop(pid))
        outcome = step.exits.get(str(code))
        if outcome is None:
            outcome = "error" if code else "next"
        if outcome != "error":
            for name, line in zip(step.capture, captured.split(b"\n"), strict=False):
                self._journal.fact(name, line.rstrip(b"\r"))
            return outcome
        detail, number = f"exit status {code}", None
        if code < 0:
            number = -code
            detail = f"killed by signal {number} ({signal.Signals(number).name})"
        if step.background:
            detail = f"ended too early, {detail}"
        raise self._failed(
            step,
            detail,
            exit_status=None if code < 0 else code,
            signal=number,
        )

    # Ending the job.

    def _finish(self, ending: Ending) -> None:
        """End all processes, log the ending, and clean up everything but the spool."""
        self._finishing = True
        limited = ending.status == "success" or ending.exit_status is not None
        grace = self._specification.grace
        self._end_all(min(grace, _LEFTOVER_GRACE) if limited else grace)
        self._loop.close_streams()
        ending.log(bytes(ending.kept))
        for line in ending.lines:
            self._journal.note(line)
        if ending.last:
            self._journal.note(ending.last)
        self._killing = False
        for step in self._specification.finally_steps:
            self._run_finally(step)
        if self._made:
            self._remove_workspace(seconds=_REMOVAL_SECONDS)

    def _run_finally(self, step: ReadStep) -> None:
        """Run a cleanup step; a failure is only logged."""
        if step.time_limit is None:
            step.time_limit = _FINALLY_SECONDS
        try:
            self._run(step)
        except Ending as ending:
            self._end_all(0)
            self._loop.close_streams()
            ending.log(bytes(ending.kept))
            self._journal.note(f"Cleaning up: {ending.last}")
        else:
            self._end_all(min(self._specification.grace, _LEFTOVER_GRACE))
            self._loop.close_streams()

    def _end_all(self, grace: float) -> None:
        """End every process of the job: SIGTERM, then SIGKILL after *grace* seconds."""
        inner, self._namespaces = self._namespaces, None
        left = cleanup.end_all(
            self._loop,
            grace=grace,
            hurry=lambda: self._killing,
            namespaces=inner,
        )
        if left:
            self._journal.note(f"{left} processes cannot be ended")
        self._unlock()

    def _remove_workspace(self, seconds: float | None = None) -> None:
        """Remove the workspace; after *seconds*, wait only for files with secrets."""
        secret = frozenset(
            path.split("/")[0]
            for path, content, _ in self._specification.files
            if content
        )
        removal = Removal(self._loop, self._workspace, self._user, secret)
        if seconds is not None and not removal.wait(seconds):
            self._removal = removal
        elif reason := removal.finish():
            self._journal.note(
                f"The workspace {self._workspace} cannot be removed: {reason}"
            )

    def _write_result(self, ending: Ending) -> None:
        """Write the result; while the disk is full, try again.

        Dropped output does not change the status. If the log has no room for the line
        that reports it, the result contains that line.
        """
        self._journal.tell_dropped()
        reasons = filter(None, (ending.reason, self._journal.dropped))
        ending.reason = "; ".join(reasons)
        until = time.monotonic() + 600
        while True:
            try:
                self._journal.finish(
                    status=ending.status,
                    reason=ending.reason,
                    step=ending.step,
                    exit_status=ending.exit_status,
                    signal=ending.signal,
                    started=self._started,
                    ended=time.time(),
                    dropped=self._journal.lost,
                )
            except OSError:
                if time.monotonic() > until:
                    raise
                self._loop.run_once(1.0)
            else:
                return
