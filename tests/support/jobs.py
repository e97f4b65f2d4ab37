"""A job runner without processes: its jobs are in memory and outlive the service."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from semaphore_twisted.interfaces import IJob, IJobReceiver, IJobRunner
from semaphore_twisted.model.jobs import JobResult, JobSpecification
from semaphore_twisted.model.results import JobEvent


@implementer(IJobReceiver)
@define(eq=False)
class RecordingReceiver:
    """Records all calls; with ``held = True`` lines count as stored after `store`.

    Events before the first line are not held.
    """

    texts: list[str] = field(factory=list)
    parts: list[str] = field(factory=list)
    offset: int = 0
    facts: dict[str, str] = field(factory=dict)
    events: list[JobEvent] = field(factory=list)
    result: JobResult | None = None
    held: bool = False
    done: Deferred[JobResult] = field(factory=Deferred)
    #: fires at the first lines
    begun: Deferred[None] = field(factory=Deferred)
    _waiting: list[Deferred[None]] = field(factory=list)

    def lines(
        self,
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Record *lines*."""
        self.texts += [text for _, text in lines]
        self.events += events
        self.offset = offset
        if self.texts and not self.begun.called:
            self.begun.callback(None)
        if not self.held or not self.texts:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def part(self, moment: float, text: str) -> Deferred[None]:
        """Note the beginning of a line."""
        self.parts.append(text)
        return succeed(None)

    def store(self) -> None:
        """Mark the delivered lines as stored."""
        self.held = False
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def fact(self, name: str, value: str) -> None:
        """Record a fact."""
        self.facts[name] = value

    def ended(self, result: JobResult) -> None:
        """Record the result."""
        self.result = result
        self.done.callback(result)


@implementer(IJob)
@define(eq=False)
class MemoryJob:
    """A job whose supervisor is controlled by the test.

    Its spool is a list of records; an offset is a number of them. It ends as
    ``stopped`` when it is asked to stop, unless it is *stubborn*.
    """

    specification: JobSpecification
    receiver: Any = None
    offset: int = 0
    stopped: int = 0
    killed: int = 0
    released: int = 0
    stubborn: bool = False
    result: JobResult | None = None
    records: list[tuple[str, Any]] = field(factory=list)
    decisions: list[str] = field(factory=list)
    _delivering: bool = False

    def say(self, *texts: str, at: float = 1.0) -> None:
        """Print lines."""
        self.records += [("line", (at, text)) for text in texts]
        self._deliver()

    def tell(self, name: str, value: str) -> None:
        """Record a fact."""
        self.records.append(("fact", (name, value)))
        self._deliver()

    def report(self, what: Any) -> None:
        """Report an event."""
        self.records.append(("event", JobEvent(1, 1.0, what)))
        self._deliver()

    def end(self, status: Any = "success", reason: str = "") -> None:
        """Write the result; only the first one counts."""
        if self.result is None:
            self.result = JobResult(
                status=status, reason=reason, started=1.0, ended=2.0
            )
            self._deliver()

    def vanish(self) -> None:
        """End without a result, as if the supervisor were killed."""
        self.end("error", "interrupted")

    def stop(self) -> None:
        """Record the call, and end unless *stubborn*."""
        self.stopped += 1
        if not self.stubborn:
            self.end("stopped", "stopped")

    def kill(self) -> None:
        """Record the call, and end."""
        self.killed += 1
        self.end("stopped", "stopped")

    def decide(self, order: str) -> None:
        """Record *order*."""
        self.decisions.append(order)

    def release(self, offset: int) -> None:
        """Record the call."""
        self.released = offset

    def abandon(self) -> None:
        """Stop delivering."""
        self.receiver = None

    def follow(self, receiver: Any, offset: int) -> None:
        """Deliver the records after *offset* to *receiver*."""
        self.receiver, self.offset, self._delivering = receiver, offset, False
        self._deliver()

    def _deliver(self) -> None:
        if self.receiver is None or self._delivering:
            return
        fresh = self.records[self.offset :]
        for kind, value in fresh:
            if kind == "fact":
                self.receiver.fact(*value)
        lines = [value for kind, value in fresh if kind == "line"]
        events = [value for kind, value in fresh if kind == "event"]
        self.offset = len(self.records)
        if lines or events:
            self._delivering = True
            stored = self.receiver.lines(lines, self.offset, events)
            _ = stored.addCallbacks(self._stored, self._refused, (self.receiver,))
        elif self.result is not None:
            receiver, self.receiver = self.receiver, None
            receiver.ended(self.result)

    def _stored(self, _: None, receiver: Any) -> None:
        if receiver is self.receiver:
            self._delivering = False
            self._deliver()

    def _refused(self, _: object) -> None:
        self.receiver = None


@implementer(IJobRunner)
@define(eq=False)
class MemoryRunner:
    """Keeps jobs by their spools.

    A step ``say TEXT…`` prints its arguments, and ``hold`` runs until it is stopped;
    the test controls the job of a specification without steps.
    """

    jobs: dict[str, MemoryJob] = field(factory=dict)
    started: list[MemoryJob] = field(factory=list)
    #: the error of the next start, if any
    refusal: Exception | None = None
    #: starts wait for this
    gate: Deferred[None] | None = None

    def start(
        self, specification: JobSpecification, receiver: IJobReceiver
    ) -> Deferred[IJob]:
        """Start a job."""
        if self.refusal is not None:
            return fail(self.refusal)
        job = self.jobs[specification.spool] = MemoryJob(specification)
        self.started.append(job)
        job.receiver = receiver
        held = not specification.steps
        for step in specification.steps:
            if step.argv[0] == "say":
                job.say(*step.argv[1:])
            held = held or step.argv[0] == "hold"
        if not held:
            job.end()
        if self.gate is None:
            return succeed(job)
        waiting: Deferred[IJob] = Deferred()
        _ = self.gate.addCallback(lambda _: waiting.callback(job))
        return waiting

    def attach(self, spool: str, offset: int, receiver: Any) -> MemoryJob:
        """Follow a job again; an unknown one has vanished."""
        job = self.jobs.get(spool)
        if job is None:
            empty = JobSpecification(mark="", spool=spool, workspace="", steps=())
            job = self.jobs[spool] = MemoryJob(empty)
            job.vanish()
        job.follow(receiver, offset)
        return job
