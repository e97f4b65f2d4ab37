"""Settings of the reactor that every program of this package makes."""

import signal
import time
from types import FrameType
from typing import Any

from twisted.logger import Logger

_log = Logger()


def steady(reactor: Any) -> None:
    """Make the timers of *reactor* use the monotonic clock.

    Twisted uses the time of day, so a clock that is set back by an hour would stall
    every timer for an hour. Call this before any timer is scheduled.
    """
    reactor.seconds = time.monotonic


def end_once(reactor: Any) -> None:
    """Make only the first stop signal stop *reactor*; later ones are logged.

    Twisted would stop the reactor a second time, which fails with a traceback.
    """
    reactor.callWhenRunning(_end_once, reactor)


def _end_once(reactor: Any) -> None:
    stop: dict[int, Any] = {
        each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)
    }
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) == 1:
            stop[number](number, frame)
        else:
            reactor.callFromThread(
                _log.info, "{name}: the server is already stopping", name=_name(number)
            )

    for each, handler in stop.items():
        if callable(handler):  # else the reactor does not handle the signal
            signal.signal(each, ask)


def _name(number: int) -> str:
    return signal.Signals(number).name
