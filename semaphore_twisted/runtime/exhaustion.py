"""Ends the process when memory is exhausted, so that its supervisor restarts it.

Twisted logs what a callback raises and continues. After a ``MemoryError`` that could
leave a server that is alive and does not respond: a thread may have ended, a Deferred
may never fire. Jobs have supervisors of their own, so they continue, and the next
server process follows them.
"""

import os
import sys
import threading
from typing import Final, NoReturn

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

#: ``EX_OSERR`` of ``sysexits.h``
STATUS: Final = 71

# allocated in advance, since allocation may be impossible later
_MEMORY: Final = b"no memory is left: the process ends, to be started again\n"
_THREAD: Final = b"a thread ended: the process ends, to be started again\n"


def end(words: bytes = _MEMORY) -> NoReturn:
    """Write *words* to stderr and exit at once, without allocation or cleanup."""
    try:
        os.write(2, words)
    finally:
        os._exit(STATUS)


def is_exhausted(error: BaseException | None) -> bool:
    """Return whether *error* is or was caused by a ``MemoryError``."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
        seen += 1
    return False


@implementer(ILogObserver)
class Watch:
    """Log observer that ends the process when a logged failure is a ``MemoryError``."""

    def __call__(self, event: LogEvent) -> None:
        """Inspect one log event."""
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None and is_exhausted(getattr(failure, "value", None)):
            end()


def _thread_ended(arguments: threading.ExceptHookArgs) -> None:
    """End the process: the work of the ended thread will never be done."""
    if is_exhausted(arguments.exc_value):
        end()
    try:
        threading.__excepthook__(arguments)
    finally:
        end(_THREAD)


def _not_raised(unraisable: "sys.UnraisableHookArgs") -> None:
    """Check an error that Python cannot raise, such as one in a callback from C."""
    if is_exhausted(unraisable.exc_value):
        end()
    sys.__unraisablehook__(unraisable)


def install() -> None:
    """Install the handlers; call this before logging begins, so they run first."""
    globalLogPublisher.addObserver(Watch())
    threading.excepthook = _thread_ended
    sys.unraisablehook = _not_raised
