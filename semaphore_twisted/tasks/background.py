"""Background work of the task service, and database writes that are retried."""

from collections.abc import Awaitable
from typing import ClassVar, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from semaphore_twisted.interfaces import IDatabase, Operation
from semaphore_twisted.model.errors import DomainError, Unavailable
from semaphore_twisted.runtime.deferreds import log_errors

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds until a failed database write is retried: initially and at most.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Background:
    """Runs coroutines in the background; the service waits for them when it stops."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, *, database: IDatabase, clock: IReactorTime) -> None:
        """Write to *database*; measure pauses with *clock*."""
        self._database = database
        self._clock = clock
        self._work: set[Deferred[None]] = set()
        self._pauses: set[Deferred[None]] = set()
        self._ending = False

    def do(self, work: Awaitable[None], sentence: str) -> None:
        """Run *work* in the background; log *sentence* if it fails."""

        async def run() -> None:
            await work

        doing: Deferred[None] = Deferred.fromCoroutine(run())
        self._work.add(doing)

        def done(result: Failure | None) -> Failure | None:
            self._work.discard(doing)
            return result

        _ = doing.addBoth(done)
        log_errors(doing, log=self._log, sentence=sentence)

    async def persist(
        self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Write, and retry until this succeeds; refusals of *operation* are raised.

        The write may use the reserved space of a full disk, and is durable when this
        returns.
        """
        write = self._database.writing(urgent=True, durable=True)
        seconds = FIRST_PAUSE
        while True:
            try:
                return await write(operation, *args, **kwargs)
            except Unavailable as error:
                if self._ending:
                    raise
                self._log.error(
                    "Storing a change of a task failed, will retry: {why}",
                    why=error.message,
                )
            except (DomainError, LookupError):
                raise
            except Exception:
                if self._ending:
                    raise
                self._log.failure("Storing a change of a task failed, will retry")
            await self.pause(seconds)
            seconds = min(seconds * 2, LONGEST_PAUSE)

    async def pause(self, seconds: float) -> None:
        """Wait for *seconds*, or until the service stops."""
        if self._ending:
            return
        pause: Deferred[None] = deferLater(self._clock, seconds)
        self._pauses.add(pause)
        try:
            await pause
        except CancelledError:
            pass
        finally:
            self._pauses.discard(pause)

    async def end(self) -> None:
        """Cancel pauses, and wait until all work has ended."""
        self._ending = True
        for pause in list(self._pauses):
            pause.cancel()
        while self._work:
            await DeferredList(list(self._work))
