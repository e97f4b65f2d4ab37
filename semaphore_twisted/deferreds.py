"""Where a Deferred ends that nobody waits for."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure


def forget(work: "Deferred[Any]", *, log: Logger, sentence: str) -> None:
    """Let *work* go on by itself; if it fails, *sentence* and the failure are logged.

    A cancelled Deferred ends silently: somebody wanted that.
    """

    def ended(failure: Failure) -> None:
        if not failure.check(CancelledError):
            log.failure(sentence, failure)

    _ = work.addErrback(ended)
