"""Receives the output of jobs that are no tasks: only names and reasons are kept."""

from collections.abc import Callable, Sequence

from attrs import define
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from semaphore_twisted.interfaces import IJob, IJobReceiver
from semaphore_twisted.model import limits
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.results import JobEvent, StepBegun
from semaphore_twisted.tasks.check_report import CheckReport


@implementer(IJobReceiver)
@define(eq=False)
class CheckReceiver:
    """Fills *report* with the output of a job; *over* is called with its result."""

    report: CheckReport
    job_name: str
    over: Callable[[JobResult], None]
    job: IJob | None = None

    def lines(
        self,
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Take lines, and the steps between them; only names and reasons are kept."""
        del offset
        taken = 0
        for event in events:
            if isinstance(event.what, StepBegun):
                self._add(lines[taken : event.line - 1])
                taken = event.line - 1
                self.report.begin(event.what.name)
        self._add(lines[taken:])
        return succeed(None)

    def _add(self, lines: Sequence[tuple[float, str]]) -> None:
        for _, text in lines:
            self.report.add(text)

    def part(self, moment: float, text: str) -> Deferred[None]:
        """Ignore the beginning of a line."""
        del moment, text
        return succeed(None)

    def fact(self, name: str, value: str) -> None:
        """Keep the commit of a repository."""
        if name == "commit_hash":
            self.report.commit = value[: limits.NAME]

    def ended(self, result: JobResult) -> None:
        """Receive the result."""
        self.over(result)
