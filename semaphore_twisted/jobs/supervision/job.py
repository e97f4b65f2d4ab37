"""Runs one job from its first step to its result.

When the result file has its final name, all processes of the job have ended, files with
secrets in its workspace are removed, and all of its output is in the spool. The rest of
a large workspace is removed after that.
"""

from __future__ import annotations

import os
import signal
import time
import traceback

from semaphore_twisted.jobs.supervision import (
    child,
    cleanup,
    folder,
    linux,
    namespaces,
    tree,
)
from semaphore_twisted.jobs.supervision.approval import Approval, span
from semaphore_twisted.jobs.supervision.ending import Ending, drop, failed
from semaphore_twisted.jobs.supervision.event_loop import EventLoop, Stream
from semaphore_twisted.jobs.supervision.journal import Journal
from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.memory_files import MemoryFiles, Unsealed
from semaphore_twisted.jobs.supervision.plan_document import PlanDocument
from semaphore_twisted.jobs.supervision.removal import Removal
from semaphore_twisted.jobs.supervision.requirements import has_comments_only
from semaphore_twisted.jobs.supervision.specification import (
    ReadStep,
    Specification,
    expand,
)
from semaphore_twisted.jobs.supervision.step_locks import StepLocks
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
        self._locks = StepLocks(loop, journal)
        self._files = MemoryFiles()
        self._approval = Approval(loop, journal)
        #: The processes in the background, which stay until the job ends: the seconds
        #: that each gets after all others.
        self._background: dict[int, float] = {}
        #: Whether the plan has no changes, so that nothing is applied.
        self._unchanged = False
        self._namespaces: namespaces.Namespaces | None = None
        self._removal: Removal | None = None

    def order(self, order: str) -> None:
        """Accept an order of the server: ``stop``, ``kill`` or a decision."""
        self._approval.order(order)
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
            if step.applies and self._unchanged:
                continue
            if step.approval is not None:
                self._await_approval(step, step.approval)
                continue
            outcome = self._run(step)
            if outcome == "success":
                break
            self._unchanged = self._unchanged or outcome == "unchanged"
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
        mark, note = self._specification.mark, self._journal.note
        cleanup.sweep(self._loop, mark=mark, hurry=lambda: self._killing, note=note)

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
            raise failed(step, f"time limit of {step.time_limit or 0:g} s")

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
        self._locks.take(step, lambda: self._check(step, deadline))
        outcome = self._locked(step, deadline)
        self._locks.release()
        return outcome

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
                files=self._files.of_step(step, self._user if step.as_user else None),
            )
        except child.StartFailed as error:
            raise failed(step, str(error)) from None
        self._loop.track(started.pid)
        document = PlanDocument(step, self._workspace, self._masker, self._journal)
        streams = [Stream(self._masker, keep if step.quiet else log.write)]
        if step.plan:
            streams.insert(0, document.stream)
        elif step.capture:
            streams.insert(0, Stream(self._masker, capture))
        for output, stream in zip(started.outputs, streams, strict=True):
            self._loop.watch(output, stream)
        for descriptor, content in started.feeds.items():
            self._loop.feed(descriptor, content)
        try:
            if step.background and not self._until_ready(step, started, deadline):
                self._background[started.pid] = step.patience
                outcome = "next"
            else:
                self._until_end(step, started, deadline)
                outcome = self._outcome(step, started.pid, bytes(captured))
                self._conclude(step)
                if step.plan:
                    document.write()
        except Ending as ending:
            # Output that is still in the pipe is added to it.
            ending.kept, ending.log = kept, log.write
            kept.extend(captured)
            self._loop.redirect(started.outputs, keep)
            raise
        else:
            # Processes that the step left behind may continue writing.
            after = drop if step.quiet else log.write
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
                raise failed(step, f"not ready within {_READY_SECONDS:g} s")
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
        try:
            self._wait(lambda: started.pid in ended, step, deadline)
        except Ending:
            self._interrupt(step, started.pid)
            raise
        drained = time.monotonic() + _DRAIN_SECONDS
        while self._loop.open(started.outputs) and time.monotonic() < drained:
            self._check(step, deadline)
            self._loop.run_once(max(0.0, drained - time.monotonic()))
        self._loop.drain(started.outputs)

    def _interrupt(self, step: ReadStep, pid: int) -> None:
        """Ask a program with patience to end by itself, and wait for this.

        It can then store what it did, before the programs that it needs are ended.
        """
        if not step.patience or self._killing or pid in self._loop.ended:
            return
        seconds = step.patience
        self._journal.note(f"Waiting up to {span(seconds)} for {step.name} to end")
        tree.send(pid, signal.SIGINT)
        until = time.monotonic() + seconds
        while pid not in self._loop.ended and not self._killing:
            if (left := until - time.monotonic()) <= 0:
                return
            self._loop.run_once(min(left, 1.0))

    def _conclude(self, step: ReadStep) -> None:
        """Seal the file in memory that *step* has written.

        :raises Ending: if there is none.
        """
        if step.writes is None:
            return
        self._end_leftovers()
        try:
            self._files.seal(step.writes)
        except Unsealed as error:
            raise failed(step, str(error)) from None

    def _end_leftovers(self) -> None:
        """End the processes that steps left behind, but for those in the background."""
        keep = set(self._background)
        if self._namespaces is not None and self._namespaces.init is not None:
            keep.add(self._namespaces.init)
        left = cleanup.end_all(
            self._loop,
            grace=_LEFTOVER_GRACE,
            hurry=lambda: self._killing,
            keep=keep,
        )
        if left:
            raise Ending("error", f"{left} processes of the job cannot be ended")

    def _await_approval(self, step: ReadStep, seconds: float) -> None:
        """Wait for the approval of the next steps; the job has no process meanwhile.

        :raises Ending: if it is rejected, or not approved in time.
        """
        self._end_leftovers()
        began = time.monotonic()
        limit, self._deadline = self._deadline, None
        self._approval.wait(step, seconds, check=lambda: self._check(step))
        if limit is not None:
            self._deadline = limit + time.monotonic() - began

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
        raise failed(
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
        services, self._background = self._background, {}
        left = cleanup.end_job(
            self._loop,
            grace=grace,
            hurry=lambda: self._killing,
            namespaces=inner,
            services=services,
        )
        if left:
            self._journal.note(f"{left} processes cannot be ended")
        self._locks.release()

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
