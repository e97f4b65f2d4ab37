"""Collects calls from threads to the reactor, without a reactor."""

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

T = TypeVar("T")

_TIMEOUT = 20.0


@implementer(IReactorFromThreads)
class Inbox:
    """Keeps the calls of other threads until a test executes them."""

    def __init__(self) -> None:
        """Start without calls."""
        self._calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()

    def callFromThread(
        self,
        callable: Any,  # noqa: A002 - its name in the interface
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Keep the call."""
        self._calls.put(lambda: callable(*args, **kwargs))

    def wait(self, answer: Deferred[T]) -> T:
        """Execute calls until *answer* has fired; return its value or raise."""
        values: list[T] = []
        failures: list[Any] = []
        _ = answer.addCallbacks(values.append, failures.append)
        while not values and not failures:
            self._calls.get(timeout=_TIMEOUT)()
        if failures:
            failures[0].raiseException()
        return values[0]
