"""Ends jobs that run and that the database does not know."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.deferreds import forget
from semaphore_twisted.interfaces import IJob, IJobReceiver, IJobRunner
from semaphore_twisted.jobs.steps import JobResult
from semaphore_twisted.tasks.places import JobPlaces


@implementer(IJobReceiver)
@frozen
class _Discarded:
    """Takes the output of a job, and keeps nothing of it."""

    _over: Callable[[], None]

    def lines(self, lines: Sequence[tuple[float, str]], offset: int) -> Deferred[None]:
        """Take lines."""
        del lines, offset
        return succeed(None)

    def fact(self, name: str, value: str) -> None:
        """Take a fact."""

    def step(self, name: str) -> None:
        """Take a step."""

    def ended(self, result: JobResult) -> None:
        """Take the end."""
        del result
        self._over()


@define(eq=False, kw_only=True)
class UnknownJobs:
    """Jobs between the order to end and their end."""

    _log: ClassVar[Logger] = Logger()

    _runner: IJobRunner
    _places: JobPlaces
    _compute: Callable[..., Deferred[Any]]
    _jobs: dict[str, IJob] = field(factory=dict, init=False)

    def end(self, place: str) -> None:
        """Order the job of *place* to end at once, and remove what is left of it."""
        self._log.warn(
            "A job runs that the database does not know: it is ended ({place})",
            place=place,
        )

        def over() -> None:
            self._jobs.pop(place, None)
            forget(
                self._compute(self._places.remove, place),
                log=self._log,
                sentence="What is left of a job was not removed",
            )

        job = self._runner.attach(self._places.spool(place), 0, _Discarded(over))
        self._jobs[place] = job
        job.kill()

    def leave(self) -> None:
        """Follow them no more; their supervisors bring them to their end."""
        for job in self._jobs.values():
            job.abandon()
        self._jobs.clear()
