"""The double of the job runner keeps the contract."""

from collections.abc import Coroutine, Iterator
from itertools import count
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.jobs import JobSpecification, Step
from tests.contracts.runner import RunnerContract
from tests.support.jobs import MemoryRunner


class MemoryRunnerTests(RunnerContract, SynchronousTestCase):
    """``MemoryRunner`` is a job runner."""

    _numbers: ClassVar[Iterator[int]] = count()

    def setUp(self) -> None:
        """Make one runner for the test."""
        self._runner = MemoryRunner()

    def runner(self) -> MemoryRunner:
        """Return the double."""
        return self._runner

    def specification(self, *lines: str, hold: bool = False) -> JobSpecification:
        """Return a job of the double's own programs."""
        steps = [Step(name="say", argv=("say", *lines))]
        if hold:
            steps.append(Step(name="hold", argv=("hold",)))
        return JobSpecification(
            mark="m",
            spool=f"spool {next(self._numbers)}",
            workspace="w",
            steps=tuple(steps),
        )

    def drive(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the test here and now."""
        self.successResultOf(Deferred.fromCoroutine(work))

    def settled(self) -> Deferred[None]:
        """Fire at once: nothing is ever on its way."""
        return succeed(None)
