"""Runs a command's coroutine under the reactor."""

from collections.abc import Callable, Coroutine
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore

T = TypeVar("T")


class Interrupted(Exception):
    """A signal has stopped the reactor before the work was done."""


def run(
    reactor: IReactorCore, work: Callable[[], Coroutine[Deferred[object], object, T]]
) -> T:
    """Run *reactor* until *work* is done, and return its result.

    An exception of *work* is raised here, also one before its first ``await``: the
    reactor never continues without it.

    :raises Interrupted: if a signal stopped the reactor first
    """
    results: list[T] = []
    errors: list[BaseException] = []

    async def whole() -> None:
        try:
            results.append(await work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)
        finally:
            if reactor.running:
                reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(whole()))
    reactor.run()
    if errors and not isinstance(errors[0], GeneratorExit):
        raise errors[0]
    if not results:
        raise Interrupted
    return results[0]
