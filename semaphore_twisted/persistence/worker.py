"""One thread that does one piece of work after another, and answers in the reactor's.

``Compute`` is such a thread for what costs CPU: password hashes, private keys,
certificates. It is not the reactor's pool, where name look-ups live and would wait.
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
    """The work was not done: the thread has ended, or has not begun."""


class Worker:
    """A thread with a queue; everything here is called in the reactor's thread.

    Cancelling a Deferred stops the waiting, never the work.
    """

    def __init__(self, name: str, *, reactor: IReactorFromThreads) -> None:
        """Call the thread *name*; *reactor* brings results back."""
        self._name = name
        self._reactor = reactor
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._running = False
        #: pieces of work that wait or are being done
        self.waiting = 0
        #: pieces of work done since the start
        self.done = 0
        #: seconds that the last piece of work waited before it began
        self.last_wait = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._running = True
        threading.Thread(target=self._serve, name=self._name, daemon=True).start()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Do *work* after everything that was asked before; fires with its value."""
        if not self._running:
            return fail(Failure(Stopped(f"{self._name} does not run")))
        answer: Deferred[T] = Deferred()
        asked = time.monotonic()

        def do() -> None:
            began = time.monotonic()
            try:
                value = work()
            except BaseException:  # noqa: BLE001 - the caller gets it, whatever it is
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
        """End the thread after what was asked before; *last* is done in it at the end.

        Fires once the thread has done everything.
        """
        ended = self.run(last or (lambda: None))
        if self._running:
            self._running = False
            self._queue.put(None)
        return ended

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _finish(self, wait: float, answer: Callable[[object], None], it: T) -> None:
        self.waiting -= 1
        self.done += 1
        self.last_wait = wait
        answer(it)


class Compute(Service):
    """The thread for what costs CPU; call it with a function and its arguments."""

    name = "compute"

    def __init__(self, *, reactor: IReactorFromThreads) -> None:
        """Bring results back by *reactor*."""
        self._worker = Worker("semaphore-compute", reactor=reactor)

    def __call__(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *function*, which touches no state of ours, in the thread."""
        return self._worker.run(lambda: function(*args, **kwargs))

    @override
    def startService(self) -> None:
        """Start the thread."""
        super().startService()
        self._worker.start()

    @override
    def stopService(self) -> Deferred[None]:
        """End the thread after what it has been asked."""
        super().stopService()
        return self._worker.stop()
