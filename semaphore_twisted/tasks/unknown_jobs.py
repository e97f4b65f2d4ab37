"""Kills running jobs that are not in the database."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.interfaces import ComputeFunction, IJob, IJobReceiver, IJobRunner
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.results import JobEvent
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.tasks.job_directories import JobPaths


@implementer(IJobReceiver)
@frozen
class _Discarded:
    """Receives the output of a job and discards it."""

    _over: Callable[[], None]

    def lines(
        self,
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Discard lines."""
        del lines, offset, events
        return succeed(None)

    def part(self, moment: float, text: str) -> Deferred[None]:
        """Take the beginning of a line."""
        del moment, text
        return succeed(None)

    def fact(self, name: str, value: str) -> None:
        """Discard a fact."""

    def ended(self, result: JobResult) -> None:
        """Receive the result: the job has ended."""
        del result
        self._over()


@define(eq=False, kw_only=True)
class UnknownJobs:
    """Jobs that were ordered to end and have not ended yet."""

    _log: ClassVar[Logger] = Logger()

    _runner: IJobRunner
    _directories: JobPaths
    _compute: ComputeFunction
    _jobs: dict[str, IJob] = field(factory=dict, init=False)

    def end(self, job_name: str) -> None:
        """Kill the job of *job_name*, and remove its directories when it has ended."""
        self._log.warn(
            "Killing the running job {job_name}: it is not in the database",
            job_name=job_name,
        )

        def over() -> None:
            self._jobs.pop(job_name, None)
            log_errors(
                self._compute(self._directories.remove, job_name),
                log=self._log,
                sentence="The directories of a job could not be removed",
            )

        job = self._runner.attach(
            self._directories.spool(job_name), 0, _Discarded(over)
        )
        self._jobs[job_name] = job
        job.kill()

    def leave(self) -> None:
        """Stop following the jobs; their supervisors still end them."""
        for job in self._jobs.values():
            job.abandon()
        self._jobs.clear()
