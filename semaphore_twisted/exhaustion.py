"""A process that cannot allocate memory ends, so that it is started again.

Twisted catches what a callback raises, writes it to the log and goes on. After a
``MemoryError`` that would leave a server that is alive and answers nothing: a thread
may have ended, a Deferred may never fire. Jobs have supervisors of their own, so they
go on, and the next server follows them.
"""

import os
import sys
import threading
from typing import Any, Final, NoReturn

from twisted.logger import ILogObserver, globalLogPublisher
from zope.interface import implementer

#: ``EX_OSERR`` of ``sysexits.h``
STATUS: Final = 71

# made before it is needed: there may be no memory for it then
_MEMORY: Final = b"no memory is left: the process ends, to be started again\n"
_THREAD: Final = b"a thread ended: the process ends, to be started again\n"


def end(words: bytes = _MEMORY) -> NoReturn:
    """End the process at once; nothing is allocated, nothing is cleaned up."""
    try:
        os.write(2, words)
    finally:
        os._exit(STATUS)


def is_exhausted(error: BaseException | None) -> bool:
    """Whether *error* is a lack of memory, or came of one."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
        seen += 1
    return False


@implementer(ILogObserver)
class Watch:
    """Ends the process at the first failure in the log that is a lack of memory."""

    def __call__(self, event: Any) -> None:
        """Look at one event."""
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None and is_exhausted(getattr(failure, "value", None)):
            end()


def _thread_ended(arguments: threading.ExceptHookArgs) -> None:
    """End the process: what the thread was to do will never be done."""
    if is_exhausted(arguments.exc_value):
        end()
    try:
        threading.__excepthook__(arguments)
    finally:
        end(_THREAD)


def _not_raised(unraisable: "sys.UnraisableHookArgs") -> None:
    """Look at an error that Python cannot raise, such as one in a callback from C."""
    if is_exhausted(unraisable.exc_value):
        end()
    sys.__unraisablehook__(unraisable)


def install() -> None:
    """Watch this process from now on; before its log begins, to be asked first."""
    globalLogPublisher.addObserver(Watch())
    threading.excepthook = _thread_ended
    sys.unraisablehook = _not_raised
