"""Runs Deferreds that have no other consumer, or whose consumer may leave."""

from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

T = TypeVar("T")


def log_errors(work: "Deferred[T]", *, log: Logger, sentence: str) -> None:
    """Run *work* in the background; if it fails, log *sentence* and the failure.

    A cancelled Deferred is not logged.
    """

    def ended(failure: Failure) -> None:
        if not failure.check(CancelledError):
            log.failure(sentence, failure)

    _ = work.addErrback(ended)


def shielded(work: "Deferred[T]") -> "Deferred[T]":
    """Return a Deferred with the result of *work*, whose cancellation leaves it alone.

    A request is cancelled when its client disconnects.
    """
    outcome: Deferred[T] = Deferred()
    _ = work.chainDeferred(outcome)
    return outcome
