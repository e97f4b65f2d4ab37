"""The real job runner keeps the contract of its port."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from semaphore_twisted.jobs.process import SupervisedRunner
from semaphore_twisted.model.jobs import JobSpecification, Step
from tests.contracts.runner import RunnerContract

_PROGRAM = "import sys,time\nfor t in sys.argv[2:]: print(t)\nsys.stdout.flush()\n"
_HOLD = "time.sleep(60 if sys.argv[1] == 'hold' else 0)\n"


class SupervisedRunnerTests(RunnerContract, TestCase):
    """``SupervisedRunner`` is a job runner."""

    timeout = 60

    def setUp(self) -> None:
        """Make a folder for spools."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def runner(self) -> SupervisedRunner:
        """Return the runner that the server has."""
        return SupervisedRunner(reactor=reactor)  # type: ignore[arg-type]

    def specification(self, *lines: str, hold: bool = False) -> JobSpecification:
        """Return a job that runs Python."""
        spool = self.folder / "spool"
        spool.mkdir(mode=0o700)
        mode = "hold" if hold else "end"
        step = Step(
            name="say", argv=(sys.executable, "-c", _PROGRAM + _HOLD, mode, *lines)
        )
        return JobSpecification(
            mark=f"contract-{self.id()}",
            spool=str(spool),
            workspace=str(self.folder / "workspace"),
            steps=(step,),
        )

    def drive(self, work: Coroutine[Any, Any, None]) -> Deferred[None]:
        """Let trial wait for the test."""
        return Deferred.fromCoroutine(work)

    def settled(self) -> Deferred[None]:
        """Wait a little: data that has not arrived then is held back."""
        return deferLater(reactor, 0.3, lambda: None)
