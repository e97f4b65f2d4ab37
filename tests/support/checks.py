"""Checks without processes: a test controls their jobs."""

from typing import Any

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from typing_extensions import override

from semaphore_twisted.interfaces import IJob, IJobReceiver
from semaphore_twisted.model.jobs import JobSpecification
from semaphore_twisted.tasks.checks import CheckService
from tests.support.http import at_once, memory_keyring
from tests.support.jobs import MemoryJob, MemoryRunner
from tests.support.memory import MemoryDatabase
from tests.support.orders import options


@define(eq=False)
class HeldRunner(MemoryRunner):
    """Starts jobs that run until the test ends them."""

    made: list[JobSpecification] = field(factory=list)

    @override
    def start(
        self, specification: JobSpecification, receiver: IJobReceiver
    ) -> Deferred[IJob]:
        """Start a job without its steps."""
        self.made.append(specification)
        return super().start(replace(specification, steps=()), receiver)

    @property
    def job(self) -> MemoryJob:
        """The job that was started last."""
        return self.started[-1]

    @property
    def token(self) -> str:
        """The token of the check that was started last."""
        return self.made[-1].steps[-1].environ["SEMAPHORE_CHECK"]


@define(eq=False)
class MemoryDirectories:
    """Directories of jobs that are names."""

    made: list[str] = field(factory=list)
    full: str | None = None

    def make(self, job_name: str) -> str:
        """Note a spool."""
        self.made.append(job_name)
        return job_name

    def remove(self, job_name: str) -> None:
        """Forget a spool."""
        if job_name in self.made:
            self.made.remove(job_name)

    def shortage(self) -> str | None:
        """Return what the test says."""
        return self.full


def check_service(
    database: MemoryDatabase, runner: HeldRunner, directories: Any
) -> CheckService:
    """Return a service whose jobs the test controls."""
    return CheckService(
        database=database,
        runner=runner,
        keyring=memory_keyring(),
        options=lambda: options("/srv/semaphore"),
        directories=directories,
        compute=at_once,
        now=lambda: database.conn.now,
    )
