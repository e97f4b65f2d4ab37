"""Checks inventories and repositories by jobs that are no tasks.

A check runs like the job of a task: under a supervisor, with the same separation. It is
in no queue and no list of tasks. Its progress is in memory, and its result is stored
when it ends. A check that runs while the server stops is ended; its result is lost.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import (
    ComputeFunction,
    ICheckControl,
    IDatabase,
    IJobRunner,
)
from semaphore_twisted.jobs.checks import specification
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.jobs.shortages import shortage
from semaphore_twisted.model import limits
from semaphore_twisted.model.checks import CheckResult, CheckTarget
from semaphore_twisted.model.errors import Conflict, Unavailable
from semaphore_twisted.model.ids import RepositoryId
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.operations.projects import checks as operations
from semaphore_twisted.runtime.deferreds import log_errors, shielded
from semaphore_twisted.tasks import preparation
from semaphore_twisted.tasks.check_receiver import CheckReceiver
from semaphore_twisted.tasks.check_report import CheckReport
from semaphore_twisted.tasks.job_directories import JobPaths, job_name_of


@define(eq=False)
class _RunningCheck(CheckReceiver):
    """A check between its request and the storage of its result."""

    stopping: bool = False
    #: fires with the mark of its beginning in the database
    mark: Deferred[str] = field(factory=Deferred)
    waiting: list[Deferred[None]] = field(factory=list)


@implementer(ICheckControl)
@define(eq=False, kw_only=True)
class CheckService:
    """Starts checks, and keeps their progress and results."""

    _log: ClassVar[Logger] = Logger()

    _database: IDatabase
    _runner: IJobRunner
    _keyring: Keyring
    #: the options of jobs; read for each job
    _options: Callable[[], JobOptions]
    _directories: JobPaths
    _compute: ComputeFunction
    _now: Callable[[], datetime]
    _running: dict[CheckTarget, _RunningCheck] = field(factory=dict, init=False)
    _stopped: bool = field(default=False, init=False)

    def stopService(self) -> None:
        """End the checks that run; the next start removes their directories.

        It also kills a job that did not receive the order.
        """
        self._stopped = True
        running = list(self._running.values())
        self._running.clear()
        for check in running:
            if check.job is not None:
                check.job.kill()
                check.job.abandon()

    # ICheckControl

    def start(
        self, target: CheckTarget, repository_id: RepositoryId | None = None
    ) -> Deferred[None]:
        """Start a check; fires once its job runs."""
        return shielded(Deferred.fromCoroutine(self._start(target, repository_id)))

    def progress(self, target: CheckTarget) -> CheckResult | None:
        """Return what a running check has found so far; ``None`` if none runs."""
        check = self._running.get(target)
        return None if check is None else check.report.report()

    def stop(self, target: CheckTarget) -> None:
        """Stop the check of *target*, if one runs."""
        check = self._running.get(target)
        if check is not None:
            check.stopping = True
            if check.job is not None:
                check.job.stop()

    def ended(self, target: CheckTarget) -> Deferred[None]:
        """Fire when the check of *target* has ended and its result is stored."""
        check = self._running.get(target)
        if check is None:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        check.waiting.append(waiting)
        return waiting

    # A check

    async def _start(
        self, target: CheckTarget, repository_id: RepositoryId | None
    ) -> None:
        if target in self._running:
            raise Conflict(f"A check of this {target.kind} runs already")
        of_project = [x for x in self._running if x.project_id == target.project_id]
        if len(of_project) >= limits.CHECKS_OF_PROJECT:
            raise Conflict(
                f"{limits.CHECKS_OF_PROJECT} checks of this project run already; start "
                "this one when one has ended"
            )
        if len(self._running) >= limits.CHECKS:
            raise Conflict(
                f"{limits.CHECKS} checks run already; start this one when one has ended"
            )
        if self._stopped:
            raise Unavailable("No check can start: the server is stopping")
        if (reason := self._directories.shortage()) is not None:
            raise Unavailable(f"No check can start: {reason}")
        token = secrets.token_hex(16)
        check = self._running[target] = _RunningCheck(
            CheckReport(target.kind, token, self._now()),
            job_name_of(secrets.token_hex(8)),
            partial(self._over, target),
        )
        try:
            await self._begin(target, check, repository_id)
        except BaseException as error:
            if check.job is not None:
                check.job.kill()
                check.job.abandon()
            self._forget(target, check)
            if (lacking := shortage(error)) is not None:
                raise Unavailable(f"The check could not start: {lacking}") from error
            raise

    async def _begin(
        self,
        target: CheckTarget,
        check: _RunningCheck,
        repository_id: RepositoryId | None,
    ) -> None:
        order = await self._database.read(
            preparation.check_order,
            self._keyring,
            target,
            check.job_name,
            repository_id,
        )
        made = specification(order, self._options(), token=check.report.token)
        _ = self._directories.make(check.job_name)
        check.job = await self._runner.start(made, check)
        if self._stopped:
            check.job.kill()
        elif check.stopping:
            check.job.stop()
        mark = await self._database.write(
            operations.begin, target, check.report.started, order.keys
        )
        check.mark.callback(mark)

    def _over(self, target: CheckTarget, result: JobResult) -> None:
        log_errors(
            Deferred.fromCoroutine(self._end(target, result)),
            log=self._log,
            sentence="The result of a check could not be stored",
        )

    async def _end(self, target: CheckTarget, result: JobResult) -> None:
        check = self._running.get(target)
        if check is None:
            return
        report = replace(check.report.report(result), ended=self._now())
        try:
            mark = await check.mark
            await self._database.write(operations.end, target, mark, report)
        finally:
            self._forget(target, check)

    def _forget(self, target: CheckTarget, check: _RunningCheck) -> None:
        """Let the next check of *target* start, and remove the directories."""
        if self._running.get(target) is check:
            del self._running[target]
        log_errors(
            self._compute(self._directories.remove, check.job_name),
            log=self._log,
            sentence="The directories of a check could not be removed",
        )
        for each in check.waiting:
            each.callback(None)
