"""Reads the newest commit of a branch, by a job that is no task.

The job fetches and checks out exactly as that of a task does, with the same key and the
same rules; so the commit is the one that a task would run. A job that runs while the
server stops is ended.
"""

import secrets
from collections.abc import Callable
from datetime import datetime

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import ComputeFunction, IDatabase, IJobRunner
from semaphore_twisted.jobs.checks import specification
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.jobs.shortages import shortage
from semaphore_twisted.model.checks import CheckKind, CheckTarget
from semaphore_twisted.model.errors import Invalid, Unavailable
from semaphore_twisted.model.ids import KeyId
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.keys import KeyUse
from semaphore_twisted.operations.schedules.runs import Branch
from semaphore_twisted.operations.tasks import task_lifecycle
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.tasks import preparation
from semaphore_twisted.tasks.check_receiver import CheckReceiver
from semaphore_twisted.tasks.check_report import CheckReport
from semaphore_twisted.tasks.job_directories import JobPaths, job_name_of

_LOG = Logger()


@define(eq=False, kw_only=True)
class BranchHeads:
    """Reads branches; the caller limits how many at once."""

    _database: IDatabase
    _runner: IJobRunner
    _keyring: Keyring
    #: the options of jobs; read for each job
    _options: Callable[[], JobOptions]
    _directories: JobPaths
    _compute: ComputeFunction
    _now: Callable[[], datetime]
    _running: set[CheckReceiver] = field(factory=set, init=False)
    _stopped: bool = field(default=False, init=False)

    def stopService(self) -> None:
        """End the jobs that run; the next start removes their directories."""
        self._stopped = True
        running, self._running = self._running, set()
        for each in running:
            if each.job is not None:
                each.job.kill()
                each.job.abandon()

    def head(self, branch: Branch) -> Deferred[str]:
        """Return the newest commit of *branch*.

        :raises Invalid: if the branch cannot be read; the sentence says why
        :raises Unavailable: if the machine lacks something at the moment
        """
        return Deferred.fromCoroutine(self._head(branch))

    async def _head(self, branch: Branch) -> str:
        if (reason := self._directories.shortage()) is not None:
            raise Unavailable(f"the branch was not read: {reason}")
        token = secrets.token_hex(16)
        over: Deferred[JobResult] = Deferred()
        reading = CheckReceiver(
            CheckReport(CheckKind.REPOSITORY, token, self._now()),
            job_name_of(secrets.token_hex(8)),
            over.callback,
        )
        self._running.add(reading)
        try:
            keys = await self._begin(reading, branch)
            result = await over
        except OSError as error:
            raise Unavailable(f"the branch was not read: {shortage(error)}") from error
        finally:
            self._running.discard(reading)
            log_errors(
                self._compute(self._directories.remove, reading.job_name),
                log=_LOG,
                sentence="The directories of a job could not be removed",
            )
        if keys:
            await self._database.write(task_lifecycle.note_use, keys, KeyUse.CHECK)
        found = reading.report.report(result)
        if result.status != "success" or not reading.report.commit:
            raise Invalid(found.reason or "the branch has no commit")
        return reading.report.commit

    async def _begin(self, reading: CheckReceiver, branch: Branch) -> frozenset[KeyId]:
        """Start the job, and return the keys that it receives."""
        target = CheckTarget(
            CheckKind.REPOSITORY, branch.project_id, branch.repository_id
        )
        order = await self._database.read(
            preparation.check_order,
            self._keyring,
            target,
            reading.job_name,
            None,
            branch=branch.branch,
        )
        made = specification(
            order, self._options(), token=reading.report.token, commit_only=True
        )
        _ = self._directories.make(reading.job_name)
        reading.job = await self._runner.start(made, reading)
        if self._stopped:
            reading.job.kill()
        return order.keys
