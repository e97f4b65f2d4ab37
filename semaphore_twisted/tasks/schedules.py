"""Starts the tasks of schedules when they are due.

One timer waits for the earliest due time, which an index has. It waits at most
:data:`LOOK_SECONDS`, so that a clock that jumps, and changes by other processes, are
noticed. ``operations.schedules.runs`` decides, in one transaction for each due time.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from weakref import WeakValueDictionary

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import (
    IDatabase,
    IScheduleControl,
    ITaskControl,
)
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import DomainError, Unavailable
from semaphore_twisted.model.ids import ProjectId, ScheduleId
from semaphore_twisted.operations.schedules import runs
from semaphore_twisted.operations.schedules.runs import Branch, Dealt, Due
from semaphore_twisted.runtime.coalescer import Coalescer
from semaphore_twisted.runtime.deferreds import log_errors

#: Longest wait before looking again, in seconds.
LOOK_SECONDS = 30.0

#: Seconds until the database is tried again after a write was refused.
RETRY_SECONDS = 10.0

#: Added to a wait, since a timer may end a little early by the other clock.
_MARGIN = 0.005

#: Reason that is shown for a fault of this program; the log has the details.
_INTERNAL = "internal error; the server's log has the details"


@implementer(IScheduleControl)
@define(eq=False, kw_only=True)
class ScheduleService:
    """Waits for the next due time, and deals with those that have come."""

    _log: ClassVar[Logger] = Logger()

    _database: IDatabase
    _keyring: Keyring
    _tasks: ITaskControl
    #: returns the newest commit of a branch, or fails with a ``DomainError``
    _head: Callable[[Branch], Deferred[str]]
    #: the time zone of schedules without one
    _zone: str
    _clock: IReactorTime
    _now: Callable[[], datetime]
    _running: bool = field(default=False, init=False)
    #: whether the due times were computed anew since the start, and since the clock was
    #: set back
    _planned: bool = field(default=False, init=False)
    #: when the last round began, by the wall clock and by the reactor's
    _latest: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)
    _begun: float = field(default=0.0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _rounds: Coalescer = field(init=False)
    #: schedules whose branch is read now
    _reading: set[ScheduleId] = field(factory=set, init=False)
    _places: DeferredSemaphore = field(init=False)
    #: the places of projects that read branches or wait for it
    _of_project: "WeakValueDictionary[ProjectId, DeferredSemaphore]" = field(
        factory=WeakValueDictionary, init=False
    )

    @_rounds.default
    def _new_rounds(self) -> Coalescer:
        return Coalescer(
            self._round, log=self._log, sentence="Due schedules were not dealt with"
        )

    @_places.default
    def _new_places(self) -> DeferredSemaphore:
        return DeferredSemaphore(limits.SCHEDULE_HEADS)

    def startService(self) -> None:
        """Begin; due times are computed anew first, in the background."""
        self._running = True
        self._rounds.call()

    def stopService(self) -> Deferred[None]:
        """Start no more tasks; fires once the transaction under way has ended."""
        self._running = False
        self._wait(None)
        return self._rounds.stop()

    def wake(self) -> None:
        """Look now: a schedule was added, changed or switched."""
        if self._running:
            self._rounds.call()

    # A round

    async def _round(self) -> None:
        self._wait(None)
        before, self._latest = self._latest, self._now()
        self._begun = self._clock.seconds()
        if self._latest < before:
            self._planned = False
        seconds = RETRY_SECONDS
        try:
            if await self._deal_with_all():
                seconds = await self._seconds()
        except Unavailable as error:
            self._log.error("No schedule can start: {reason}", reason=error.message)
        finally:
            self._wait(seconds)

    async def _deal_with_all(self) -> bool:
        """Deal with all due times that have come; return whether none is left."""
        if not self._planned:
            await self._replan()
        while self._running:
            found = await self._database.read(runs.due)
            dealt = [await self._deal_with(this) for this in found]
            if not all(dealt):
                return False
            if len(found) < limits.SCHEDULES_DUE:
                break
        return True

    async def _replan(self) -> None:
        after: ScheduleId | None = ScheduleId(0)
        while after is not None and self._running:
            after = await self._database.write(runs.replan, self._zone, after)
        self._planned = True

    async def _deal_with(self, this: Due) -> bool:
        """Deal with one due time; return whether this is done.

        Its failure does not stop the others.

        :raises Unavailable: if the database cannot be written
        """
        if not self._running:
            return False
        try:
            if this.repository_id is not None:
                await self._look_for_commit(this)
                return True
            write = self._database.writing(durable=True)
            busy = timedelta(seconds=self._clock.seconds() - self._begun)
            dealt = await write(runs.start, self._keyring, this, self._zone, busy)
            self._tell(this, dealt)
        except Unavailable:
            raise
        except DomainError as error:
            return await self._fail(this, error.message)
        except Exception:  # noqa: BLE001 - the other schedules go on
            self._log.failure("Schedule {schedule} failed", schedule=this.id)
            return await self._fail(this, _INTERNAL)
        return True

    async def _fail(self, this: Due, reason: str) -> bool:
        """Record that no task was started; return whether this could be recorded."""
        try:
            dealt = await self._database.write(runs.fail, this, reason, self._zone)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - the other schedules go on
            self._log.failure("Schedule {schedule} is stuck", schedule=this.id)
            return False
        self._tell(this, dealt)
        return True

    def _tell(self, this: Due, dealt: Dealt | None) -> None:
        if dealt is None:
            return
        if dealt.task is not None:
            self._tasks.changed(dealt.task)
        elif dealt.is_trouble and dealt.news:
            self._log.warn(
                "Schedule {schedule} started no task ({outcome}): {reason}",
                schedule=this.id,
                outcome=dealt.outcome.value,
                reason=dealt.reason,
            )

    # Schedules that wait for commits

    async def _look_for_commit(self, this: Due) -> None:
        branch = await self._database.write(runs.take, this, self._zone)
        if branch is None or this.id in self._reading:
            return
        self._reading.add(this.id)
        # A project waits for its own place first, so that it cannot fill the queue.
        reading = self._places_of(branch.project_id).run(
            self._places.run,
            lambda: Deferred.fromCoroutine(self._compare(this, branch)),
        )
        log_errors(
            reading.addBoth(self._forget, this.id),
            log=self._log,
            sentence="The commit of a schedule was not looked for",
        )

    def _places_of(self, project_id: ProjectId) -> DeferredSemaphore:
        """Return the places of a project, which exist while it uses one."""
        places = self._of_project.get(project_id)
        if places is None:
            places = DeferredSemaphore(limits.SCHEDULE_HEADS_OF_PROJECT)
            self._of_project[project_id] = places
        return places

    def _forget(self, outcome: object, schedule_id: ScheduleId) -> object:
        self._reading.discard(schedule_id)
        return outcome

    async def _compare(self, this: Due, branch: Branch) -> None:
        if not self._running:
            return
        try:
            commit = await self._head(branch)
        except DomainError as error:
            _ = await self._fail(this, error.message)
            return
        except Exception:  # noqa: BLE001 - shown at the schedule
            self._log.failure("The branch of schedule {id} was not read", id=this.id)
            _ = await self._fail(this, _INTERNAL)
            return
        write = self._database.writing(durable=True)
        dealt = await write(runs.compare, self._keyring, this, branch, commit)
        self._tell(this, dealt)

    # The timer

    async def _seconds(self) -> float:
        """Return the seconds until the next look."""
        moment = await self._database.read(runs.earliest)
        if moment is None:
            return LOOK_SECONDS
        left = (moment - self._now()).total_seconds() + _MARGIN
        return min(max(left, _MARGIN), LOOK_SECONDS)

    def _wait(self, seconds: float | None) -> None:
        """Look again after *seconds*; ``None`` does not look again."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if seconds is not None and self._running:
            self._timer = self._clock.callLater(seconds, self.wake)
