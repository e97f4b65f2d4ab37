"""Buffers a job's output, stores it in the database and publishes it.

Lines are collected for 20 ms (the first ones after a pause are written immediately), or
until there are 500 lines or 64 KiB. Only one flush runs at a time. Lines, the spool's
offset and facts are committed together; after that the lines are published and the
follower of the job's spool may continue.

The beginning of a line that has not ended is published without being stored, with the
number that the line will have.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from semaphore_twisted.interfaces import ComputeFunction, IDatabase, IJobReceiver
from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.limits import SPOOL_RELEASED
from semaphore_twisted.model.results import (
    ApprovalAsked,
    ApprovalPassed,
    JobEvent,
    PlanMade,
    PlanRead,
    RunProgress,
    SectionBegun,
)
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.operations.tasks import approvals, output, results
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.tasks.log_places import LogPlaces

#: Minimum seconds between two flushes of few lines.
INTERVAL = 0.02

#: A batch of this size is written immediately.
MANY_LINES = 500
MANY_CHARACTERS = 64 * 1024

#: Events that change the status of the task.
_MOVING = (ApprovalAsked, ApprovalPassed)


@define
class _Batch:
    lines: list[tuple[float, str]] = field(factory=list)
    characters: int = 0
    offset: int | None = None
    events: list[JobEvent] = field(factory=list)
    facts: dict[str, str] = field(factory=dict)
    waiting: list[Deferred[None]] = field(factory=list)

    @property
    def many(self) -> bool:
        return len(self.lines) >= MANY_LINES or self.characters >= MANY_CHARACTERS

    @property
    def empty(self) -> bool:
        return not (self.lines or self.events or self.facts or self.waiting)


@implementer(IJobReceiver)
class OutputLog:
    """The log of one task while its job is followed."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        task_id: TaskId,
        *,
        database: IDatabase,
        clock: IReactorTime,
        publish: Callable[[Sequence[OutputLine]], None],
        over: Callable[[JobResult], None],
        broken: Callable[[Failure], None],
        begun: Callable[[OutputLine], None] = lambda _: None,
        progressed: Callable[[RunProgress], None] = lambda _: None,
        release: Callable[[int], None] = lambda _: None,
        moved: Callable[[], None] = lambda: None,
        compute: ComputeFunction,
    ) -> None:
        """Call *publish* after each commit, and *over* with the job's result.

        *broken* is called once if the database does not accept the lines: the caller
        must attach to the job again, at the stored offset. *begun* is called with the
        beginning of a line that has not ended, and *progressed* when a play or a task
        has begun. *release* is called from time to time with an offset up to which the
        output is stored durably. *moved* is called when an event of the job has changed
        the status of the task. *compute* runs a long function in a worker thread.
        """
        self.task_id = task_id
        self._database = database
        self._clock = clock
        self._publish = publish
        self._over = over
        self._broken = broken
        self._begun = begun
        self._progressed = progressed
        self._places = LogPlaces()
        self._release_spool = release
        self._moved = moved
        self._compute = compute
        self._released = 0
        self._batch = _Batch()
        self._flushing = False
        self._failed = False
        self._last_flush = float("-inf")
        self._timer: IDelayedCall | None = None
        self._idle: list[Deferred[None]] = []

    def lines(
        self,
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Store *lines* and *events* with the *offset*; fire after the commit."""
        if self._failed:
            return fail(RuntimeError("this log of the task was closed"))
        stored: Deferred[None] = Deferred()
        batch = self._batch
        for event in self._places.found([text for _, text in lines], events):
            batch.events.append(replace(event, line=len(batch.lines) + event.line))
        batch.lines.extend(lines)
        batch.characters += sum(len(text) for _, text in lines)
        batch.offset = offset
        batch.waiting.append(stored)
        self._schedule()
        return stored

    def part(self, moment: float, text: str) -> Deferred[None]:
        """Publish the beginning of the line that follows the last one."""
        return Deferred.fromCoroutine(self._part(moment, text))

    async def _part(self, moment: float, text: str) -> None:
        try:
            length = await self._database.read(output.length, self.task_id)
        except Exception:  # noqa: BLE001 - the whole line comes in any case
            self._log.failure(
                "A line of task {task} was not sent to clients; they read it later",
                task=self.task_id,
            )
            return
        if not self._failed:
            self._begun(output.line(self.task_id, length + 1, moment, text))

    def fact(self, name: str, value: str) -> None:
        """Keep a fact; it is stored with the next lines, or at the end."""
        self._batch.facts[name] = value

    def ended(self, result: JobResult) -> None:
        """Receive the job's result, after its last line."""
        self._over(result)

    def flushed(self) -> Deferred[None]:
        """Fire when all received lines are stored.

        It also fires after a failure of the database; ``broken`` was called then.
        """
        if self._batch.empty and not self._flushing:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._idle.append(waiting)
        if not self._flushing:
            self._begin()
        return waiting

    def close(self) -> None:
        """Accept no more lines; the job is followed by another log, or no longer."""
        self._failed = True
        self._cancel_timer()

    @property
    def closed(self) -> bool:
        """Whether storing has failed, or the log was closed."""
        return self._failed

    def _schedule(self) -> None:
        if self._flushing or self._failed:
            return
        due = self._last_flush + INTERVAL - self._clock.seconds()
        if due <= 0 or self._batch.many:
            self._begin()
        elif self._timer is None:
            self._timer = self._clock.callLater(due, self._timed)

    def _timed(self) -> None:
        self._timer = None
        self._begin()

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _begin(self) -> None:
        self._cancel_timer()
        flushing = Deferred.fromCoroutine(self._flush())
        log_errors(
            flushing, log=self._log, sentence="The output of a task was not stored"
        )

    async def _flush(self) -> None:
        if self._flushing:
            return
        self._flushing = True
        batch, self._batch = self._batch, _Batch()
        self._last_flush = self._clock.seconds()
        end = batch.offset or 0
        much = end >= self._released + SPOOL_RELEASED
        try:
            await self._read_plans(batch)
            stored = await self._database.writing(durable=much, sparing=True)(
                output.append,
                self.task_id,
                batch.lines,
                offset=batch.offset,
                facts=batch.facts,
                events=batch.events,
            )
        except Exception:  # noqa: BLE001 - passed to the follower and logged
            failure = Failure()
            self._flushing = False
            self._fail(batch, failure)
            return
        if much:
            self._released = end
            self._release_spool(end)
        self._publish(stored)
        if any(isinstance(each.what, _MOVING) for each in batch.events):
            self._moved()
        await self._tell_progress(batch)
        self._flushing = False
        for waiting in batch.waiting:
            waiting.callback(None)
        if not self._batch.empty and self._idle:
            self._begin()
        elif not self._batch.empty:
            self._schedule()
        else:
            self._release()

    async def _read_plans(self, batch: _Batch) -> None:
        """Read the plans that the job has made, outside of the database's thread."""
        for number, event in enumerate(batch.events):
            if isinstance(event.what, PlanMade):
                summary = await self._compute(approvals.summarized, event.what.document)
                batch.events[number] = replace(event, what=PlanRead(summary))

    async def _tell_progress(self, batch: _Batch) -> None:
        """Publish the progress of the run if *batch* has changed it."""
        if not any(isinstance(each.what, SectionBegun) for each in batch.events):
            return
        try:
            progress = await self._database.read(results.progress, self.task_id)
        except Exception:  # noqa: BLE001 - clients read it later
            self._log.failure(
                "The progress of task {task} was not sent", task=self.task_id
            )
            return
        if progress is not None:
            self._progressed(progress)

    def _fail(self, batch: _Batch, failure: Failure) -> None:
        first = not self._failed
        self.close()
        refused = failure.check(Unavailable)
        if refused is None:
            self._log.failure(
                "The output of task {task} was not stored", failure, task=self.task_id
            )
        else:
            self._log.error(
                "The output of task {task} is not stored yet: {why}",
                task=self.task_id,
                why=failure.getErrorMessage(),
            )
        rest, self._batch = self._batch, _Batch()
        for waiting in (*batch.waiting, *rest.waiting):
            waiting.errback(failure)
        if first:
            self._broken(failure)
        self._release()

    def _release(self) -> None:
        idle, self._idle = self._idle, []
        for waiting in idle:
            waiting.callback(None)
