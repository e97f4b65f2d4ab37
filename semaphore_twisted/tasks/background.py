"""Work that nobody waits for, until the service stops."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from semaphore_twisted.deferreds import forget
from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.model.errors import DomainError, Unavailable

#: Seconds until something that the store did not take is tried again: at first and
#: at most.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Background:
    """Runs coroutines by themselves, and waits for them at the end."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, *, database: IDatabase, clock: IReactorTime) -> None:
        """Write to *database*; pauses are measured by *clock*."""
        self._database = database
        self._clock = clock
        self._work: set[Deferred[None]] = set()
        self._pauses: set[Deferred[None]] = set()
        self._ending = False

    def do(self, work: Awaitable[None], sentence: str) -> None:
        """Let *work* go on by itself; if it fails, *sentence* is logged."""

        async def run() -> None:
            await work

        doing: Deferred[None] = Deferred.fromCoroutine(run())
        self._work.add(doing)

        def done(result: Failure | None) -> Failure | None:
            self._work.discard(doing)
            return result

        _ = doing.addBoth(done)
        forget(doing, log=self._log, sentence=sentence)

    async def persist(
        self, operation: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Write until the store takes it; what the operation refuses is raised.

        It may use the space that is kept for it on a full disk, and survives a power
        cut once this returns.
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
                    "A task's change is not stored yet: {why}", why=error.message
                )
            except (DomainError, LookupError):
                raise
            except Exception:
                if self._ending:
                    raise
                self._log.failure("The store does not take a task's change")
            await self.pause(seconds)
            seconds = min(seconds * 2, LONGEST_PAUSE)

    async def pause(self, seconds: float) -> None:
        """Wait for *seconds*, or until the end."""
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
        """Cut pauses short, and wait until all work has ended."""
        self._ending = True
        for pause in list(self._pauses):
            pause.cancel()
        while self._work:
            await DeferredList(list(self._work))
