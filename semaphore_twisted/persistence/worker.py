"""A thread that executes functions in order and reports results to the reactor.

``Compute`` is such a thread for CPU-intensive work: password hashes, private keys,
certificates. It is not the reactor's thread pool, where such work would delay host name
lookups.
"""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from typing_extensions import override

P = ParamSpec("P")
T = TypeVar("T")


class Stopped(Exception):
    """The function was not executed: the thread has ended, or has not started."""


class Worker:
    """A thread with a queue; all methods are called in the reactor's thread.

    Cancelling a Deferred does not stop the function.
    """

    def __init__(self, name: str, *, reactor: IReactorFromThreads) -> None:
        """Name the thread *name*; *reactor* delivers the results."""
        self._name = name
        self._reactor = reactor
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._running = False
        #: functions that are queued or running
        self.waiting = 0
        #: functions completed since the start
        self.done = 0
        #: seconds that the last function waited in the queue
        self.last_wait = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._running = True
        threading.Thread(target=self._serve, name=self._name, daemon=True).start()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run *work* after all queued functions; fire with its result."""
        if not self._running:
            return fail(Failure(Stopped(f"{self._name} does not run")))
        answer: Deferred[T] = Deferred()
        asked = time.monotonic()

        def do() -> None:
            began = time.monotonic()
            try:
                value = work()
            except BaseException:  # noqa: BLE001 - the caller receives any error
                failure = Failure()
                self._reactor.callFromThread(
                    self._finish, began - asked, answer.errback, failure
                )
            else:
                self._reactor.callFromThread(
                    self._finish, began - asked, answer.callback, value
                )

        self.waiting += 1
        self._queue.put(do)
        return answer

    def stop(self, last: Callable[[], None] | None = None) -> Deferred[None]:
        """End the thread after the queued functions; run *last* in it at the end.

        Fire when all functions have completed.
        """
        ended = self.run(last or (lambda: None))
        if self._running:
            self._running = False
            self._queue.put(None)
        return ended

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            # an unhandled failure must be logged now, not after the next function
            del work

    def _finish(self, wait: float, answer: Callable[[object], None], it: T) -> None:
        self.waiting -= 1
        self.done += 1
        self.last_wait = wait
        answer(it)


class Compute(Service):
    """A thread for CPU-intensive functions; callable with function and arguments."""

    name = "compute"

    def __init__(self, *, reactor: IReactorFromThreads) -> None:
        """Use *reactor* to deliver the results."""
        self._worker = Worker("semaphore-compute", reactor=reactor)

    def __call__(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *function*, which must not use shared state, in the thread."""
        return self._worker.run(lambda: function(*args, **kwargs))

    @override
    def startService(self) -> None:
        """Start the thread."""
        super().startService()
        self._worker.start()

    @override
    def stopService(self) -> Deferred[None]:
        """End the thread after the queued functions."""
        super().stopService()
        return self._worker.stop()
