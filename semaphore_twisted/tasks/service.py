"""Executes tasks, from a queued row to a final status, across restarts of the server.

A task is claimed in one transaction (``starting``). Its inputs are collected and its
secrets decrypted to make a job order; the order becomes a specification, and a runner
starts the job. The job completes independently of the server; this service follows it,
stores its output, and ends the task when all lines are stored.

After a restart each unfinished task is checked. If its job started, the service
attaches to it again, at the stored offset of its log; if the job never started, the
task is queued again; if the job vanished, the task ends with the error "interrupted". A
running job that is not in the database, because an older one was restored, is killed.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import (
    ComputeFunction,
    IDatabase,
    IJobRunner,
    ITaskControl,
)
from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.jobs.shortages import shortage
from semaphore_twisted.model.errors import DomainError, NoRoom, Unavailable
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.jobs import JobResult, JobSpecification
from semaphore_twisted.model.tasks import NO_JOB, Task, TaskEnd, TaskEvent, TaskStatus
from semaphore_twisted.operations.tasks import approvals, task_lifecycle
from semaphore_twisted.runtime.coalescer import Coalescer
from semaphore_twisted.tasks import preparation
from semaphore_twisted.tasks.background import Background
from semaphore_twisted.tasks.job_directories import Ended, JobPaths
from semaphore_twisted.tasks.observers import Observers
from semaphore_twisted.tasks.output import OutputLog
from semaphore_twisted.tasks.queue import TaskOptions, startable
from semaphore_twisted.tasks.retry_delay import RetryDelay
from semaphore_twisted.tasks.run import (
    Run,
    end_of,
    event_of,
    interruption,
    new_run,
    was_interrupted,
)
from semaphore_twisted.tasks.unknown_jobs import UnknownJobs

#: Seconds until the disk is checked again after it was too full.
RECHECK_SECONDS = 30.0

#: Maximum seconds before attaching again to a job whose lines were not stored.
ATTACH_PAUSE = 5.0

#: Consecutive refusals because of a full disk after which an ended job's remaining
#: output is discarded.
REFUSALS = 3


@implementer(ITaskControl)
class TaskService:
    """Claims, starts, follows, stops and ends tasks."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        database: IDatabase,
        runner: IJobRunner,
        keyring: Keyring,
        prepare: Callable[[JobOrder], JobSpecification | Awaitable[JobSpecification]],
        directories: JobPaths,
        compute: ComputeFunction,
        observers: Observers,
        options: TaskOptions,
        clock: IReactorTime,
    ) -> None:
        """Keep the collaborators; *prepare* is ``jobs.invocation.specification``.

        *prepare* already has its options. *compute* runs a function that walks
        directories in a worker thread.
        """
        self._database = database
        self._runner = runner
        self._keyring = keyring
        self._prepare = prepare
        self._directories = directories
        self._compute = compute
        self._observers = observers
        self._options = options
        self._clock = clock
        self._runs: dict[TaskId, Run] = {}
        self._background = Background(database=database, clock=clock)
        self._unknown = UnknownJobs(
            runner=runner, directories=directories, compute=compute
        )
        self._retry_delay = RetryDelay(clock)
        self._running = False
        self._claims = Coalescer(
            self._claim,
            log=self._log,
            sentence="Starting queued tasks failed",
        )
        self._timer: IDelayedCall | None = None

    def __len__(self) -> int:
        """Return the number of tasks between claim and end."""
        return len(self._runs)

    # Start and stop of the service

    def startService(self) -> Deferred[None]:
        """Recover the unfinished tasks, then start queued tasks."""
        self._running = True
        return Deferred.fromCoroutine(self._recover())

    def stopService(self) -> Deferred[None]:
        """Leave running jobs to their supervisors; store the output received so far."""
        self._running = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return Deferred.fromCoroutine(self._leave())

    async def _recover(self) -> None:
        unfinished = await self._database.read(task_lifecycle.unfinished)
        for each in unfinished:
            await self._recover_one(each)
        keep = {self._directories.find(each.uuid, each.task.id) for each in unfinished}
        for job_name in await self._compute(self._directories.sweep, frozenset(keep)):
            self._unknown.end(job_name)
        self.wake()

    async def _recover_one(self, unfinished: task_lifecycle.UnfinishedTask) -> None:
        task = unfinished.task
        job_name = self._directories.find(unfinished.uuid, task.id)
        state = self._directories.state(job_name)
        if state != "begun" and task.status in {
            TaskStatus.STARTING,
            TaskStatus.STOPPING,
        }:
            await self._compute(self._directories.remove, job_name)
            again = await self._database.write(task_lifecycle.requeue, task.id)
            self._tell(again)
            return
        run = self._runs[task.id] = new_run(task, job_name)
        if state == "absent":
            await self._finish(run, TaskEvent.FAILED, log_lines=interruption())
            return
        run.stop = task.status is TaskStatus.STOPPING
        run.decision = await self._database.read(approvals.order_of, task.id)
        self._attach(run, unfinished.offset)
        if task.status is TaskStatus.STARTING:
            self._tell(await self._database.write(task_lifecycle.started, task.id))

    async def _leave(self) -> None:
        claimed = self._claims.stop()
        self._unknown.leave()
        for run in self._runs.values():
            if run.job is not None:
                run.job.abandon()
        await claimed
        await self._background.end()
        for run in list(self._runs.values()):
            if run.log is not None:
                await run.log.flushed()
                run.log.close()
        self._runs.clear()

    # ITaskControl

    def wake(self) -> None:
        """Start queued tasks that may start; called after each change of the queue."""
        if self._running:
            self._claims.call()

    def changed(self, task: Task) -> None:
        """Tell the observers of a change of *task*, and its job of a decision."""
        self._tell(task)
        if task.status in {TaskStatus.CONFIRMED, TaskStatus.REJECTED}:
            self._background.do(
                self._decided(task.id),
                f"The decision about task {task.id} was not passed on",
            )
        self.wake()

    async def _decided(self, task_id: TaskId) -> None:
        order = await self._database.read(approvals.order_of, task_id)
        if (run := self._runs.get(task_id)) is not None:
            run.decision = order
            run.forward()

    def stop(self, task_id: TaskId, *, force: bool) -> Deferred[None]:
        """Stop a task, immediately with *force*; repeated calls are permitted.

        :raises semaphore_twisted.model.tasks.IllegalMove: if the task has already ended
        """
        return Deferred.fromCoroutine(self._stop(task_id, force=force))

    def flush(self, task_id: TaskId) -> Deferred[None]:
        """Fire when all received lines of the task are stored."""
        return Deferred.fromCoroutine(self._flush(task_id))

    async def _flush(self, task_id: TaskId) -> None:
        run = self._runs.get(task_id)
        if run is not None and run.log is not None:
            await run.log.flushed()

    async def _stop(self, task_id: TaskId, *, force: bool) -> None:
        stopping = self._database.writing(urgent=True)
        task = await stopping(task_lifecycle.stopping, task_id)
        if task is None:
            return
        self._tell(task)
        run = self._runs.get(task_id)
        if run is not None:
            run.stop = True
            run.kill = run.kill or force
            run.forward()
        elif not task.status.final:
            # The job is not followed: its server or its supervisor is gone.
            uuid = await self._database.read(task_lifecycle.identity, task_id)
            run = new_run(task, self._directories.find(uuid, task_id))
            await self._finish(run, TaskEvent.STOPPED)
        self.wake()

    # The queue

    async def _claim(self) -> None:
        try:
            if (seconds := self._retry_delay.left) > 0:
                self._later(seconds)
                return
            if (reason := self._directories.shortage()) is not None:
                self._log.error("No task can start: {reason}", reason=reason)
                self._later(RECHECK_SECONDS)
                return
            choose = partial(startable, limit=self._options.max_parallel_tasks)
            for claimed in await self._database.write(task_lifecycle.claim, choose):
                self._begin(claimed)
        except Unavailable as error:
            self._log.error("No task can start: {reason}", reason=error.message)
            self._later(RECHECK_SECONDS)
        except Exception:
            self._later(1.0)
            raise

    def _later(self, seconds: float) -> None:
        """Check the queue again after *seconds*."""

        def recheck() -> None:
            self._timer = None
            self.wake()

        if self._timer is None and self._running:
            self._timer = self._clock.callLater(seconds, recheck)

    def _begin(self, claimed: task_lifecycle.Claimed) -> None:
        task = claimed.task
        job_name = self._directories.find(claimed.uuid, task.id)
        run = self._runs[task.id] = new_run(task, job_name)
        self._tell(task)
        self._observers.output_appended(task.project_id, task.id, claimed.lines)
        self._background.do(self._start(run), f"Task {task.id} could not be started")

    # One task

    async def _start(self, run: Run) -> None:
        try:
            specification = await self._specification(run)
            if specification is None:
                return
            if run.stop:
                await self._finish(run, TaskEvent.STOPPED)
                return
            self._directories.make(run.job_name)
            run.log = self._new_log(run)
            run.job = await self._runner.start(specification, run.log)
        except Exception as error:  # noqa: BLE001 - reported to the user and logged
            if (lacking := shortage(error)) is not None:
                await self._put_back(run, lacking)
                return
            self._log.failure("The job of task {task} did not start", task=run.task_id)
            why = error.strerror if isinstance(error, OSError) else error
            await self._fail(run, f"the job could not be started: {why}")
            return
        if not self._running:
            run.job.abandon()
            return
        self._retry_delay.started(run.task_id)
        run.forward()
        begun = self._background.persist(task_lifecycle.started, run.task_id, run.keys)
        self._tell(await begun)

    async def _put_back(self, run: Run, why: str) -> None:
        """Queue a task again for which the machine lacks a resource at the moment."""
        self._log.warn("Task {task} is queued again: {why}", task=run.task_id, why=why)
        new = self._retry_delay.failed(run.task_id, why)
        log_lines = (
            [(time.time(), f"The job could not start yet: {why}")] if new else []
        )
        if run.log is not None:
            run.log.close()
        self._runs.pop(run.task_id, None)
        await self._compute(self._directories.remove, run.job_name)
        task, lines = await self._background.persist(
            task_lifecycle.put_back, run.task_id, log_lines
        )
        self._observers.output_appended(run.project_id, run.task_id, lines)
        self._tell(task)
        self.wake()

    async def _specification(self, run: Run) -> JobSpecification | None:
        """Return the specification of the job, or end the task and return ``None``."""
        try:
            order = await self._database.read(
                preparation.order, self._keyring, run.task_id
            )
            if order.task.status is not TaskStatus.STARTING:
                await self._finish(run, TaskEvent.STOPPED)
                return None
            run.keys = order.keys
            made = self._prepare(order)
            return made if isinstance(made, JobSpecification) else await made
        except (OSError, Unavailable) as error:
            if shortage(error) is not None:
                raise
            reason = str(error)
            self._log.failure("Task {task} could not be prepared", task=run.task_id)
        except DomainError as error:
            reason = error.message
            self._log.warn(
                "Task {t} was not started: {reason}", t=run.task_id, reason=reason
            )
        except Exception:  # noqa: BLE001 - logged
            reason = "an internal error; the server's log has the details"
            self._log.failure("Task {task} could not be prepared", task=run.task_id)
        await self._fail(run, reason)
        return None

    def _new_log(self, run: Run) -> OutputLog:
        return OutputLog(
            run.task_id,
            database=self._database,
            clock=self._clock,
            publish=partial(
                self._observers.output_appended, run.project_id, run.task_id
            ),
            over=partial(self._over, run),
            broken=partial(self._broken, run),
            begun=partial(self._observers.output_begun, run.project_id),
            progressed=partial(
                self._observers.progress_changed, run.project_id, run.task_id
            ),
            release=run.release,
            compute=self._compute,
            moved=lambda: self._background.do(
                self._tell_moved(run.task_id), f"Task {run.task_id} was not read"
            ),
        )

    async def _tell_moved(self, task_id: TaskId) -> None:
        """Tell that a job waits for an approval, or continues."""
        self._tell(await self._database.read(task_lifecycle.found, task_id))
        self.wake()

    def _attach(self, run: Run, offset: int) -> None:
        run.log = self._new_log(run)
        spool = self._directories.spool(run.job_name)
        run.job = self._runner.attach(spool, offset, run.log)
        run.forward()

    def _broken(self, run: Run, failure: Failure) -> None:
        """Attach again to a job whose lines were not stored."""
        run.refused = run.refused + 1 if failure.check(NoRoom) else 0
        job, run.job = run.job, None
        if job is not None:
            job.abandon()
        self._background.do(
            self._attach_again(run),
            f"Attaching to the job of task {run.task_id} failed",
        )

    async def _attach_again(self, run: Run) -> None:
        pause, run.pause = run.pause, min(run.pause * 2, ATTACH_PAUSE)
        await self._background.pause(pause)
        if not self._running or run.task_id not in self._runs:
            return
        offset = await self._background.persist(task_lifecycle.offset, run.task_id)
        if offset != run.refused_at:  # some lines were stored since
            run.refused, run.refused_at = min(run.refused, 1), offset
        if run.refused >= REFUSALS:
            ended = self._directories.ended(run.job_name, offset)
            if ended is not None:
                await self._end_without_log(run, ended)
                return
        if self._running:
            self._attach(run, offset)

    async def _end_without_log(self, run: Run, ended: Ended) -> None:
        """End a task whose last lines were refused because the disk is full."""
        lost = ended.unread + ended.result.dropped
        text = f"About {lost} bytes of output were dropped: the disk is full"
        await self._finish_as(run, ended.result, log_lines=[(time.time(), text)])

    def _over(self, run: Run, result: JobResult) -> None:
        self._background.do(
            self._end(run, result), f"Task {run.task_id} could not be ended"
        )

    async def _end(self, run: Run, result: JobResult) -> None:
        log = run.log
        if log is not None:
            await log.flushed()
            if log.closed:
                return  # called again after attaching to the job again
        log_lines: list[tuple[float, str]] = []
        if was_interrupted(result):
            log_lines = interruption()
        elif result.status == "success" and result.reason:
            log_lines = [(result.ended, result.reason)]  # not in the log yet
        await self._finish_as(run, result, log_lines=log_lines)

    async def _finish_as(
        self, run: Run, result: JobResult, *, log_lines: Sequence[tuple[float, str]]
    ) -> None:
        await self._finish(
            run,
            event_of(result),
            log_lines=log_lines,
            end=end_of(result),
        )

    async def _fail(self, run: Run, reason: str) -> None:
        now = time.time()
        log_lines = [
            (now, f"Failed to run task: {line}") for line in reason.splitlines()
        ]
        end = TaskEnd(reason=reason)
        await self._finish(run, TaskEvent.FAILED, log_lines=log_lines, end=end)

    async def _finish(
        self,
        run: Run,
        happening: TaskEvent,
        *,
        log_lines: Sequence[tuple[float, str]] = (),
        end: TaskEnd = NO_JOB,
    ) -> None:
        """End a task, publish this, and remove the directories of its job."""
        if run.ending:
            return
        run.ending = True
        try:
            finished = await self._background.persist(
                task_lifecycle.finish,
                self._keyring,
                run.task_id,
                happening,
                log_lines=log_lines,
                end=end,
            )
        finally:
            if run.log is not None:
                run.log.close()
            self._runs.pop(run.task_id, None)
        if finished is not None:
            self._observers.output_appended(run.project_id, run.task_id, finished.lines)
            self._tell(finished.task)
            for task in finished.queued:
                self._tell(task)
        self._retry_delay.ended()
        self.wake()
        await self._compute(self._directories.remove, run.job_name)
        keep = self._options.max_tasks_per_template
        while self._running:
            if not await self._database.write(
                task_lifecycle.trim, run.template_id, keep
            ):
                break

    # Helpers

    def _tell(self, task: Task | None) -> None:
        if task is not None:
            self._observers.task_changed(task)
