"""Runs Deferreds that have no other consumer."""

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
