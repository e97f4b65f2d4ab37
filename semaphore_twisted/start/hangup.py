"""SIGHUP, by which services are told to look at their files again."""

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from typing_extensions import override


class Hangup(Service):
    """Calls back at a SIGHUP; on a terminal that still means that the terminal went."""

    name = "hangup"

    def __init__(
        self,
        look: Callable[[], object],
        *,
        reactor: Any,
        terminal: bool | None = None,
    ) -> None:
        """Call *look* by *reactor*; leave the signal alone on a *terminal*.

        That is what the standard input is, if nobody says.
        """
        self._look = look
        self._terminal = terminal
        self._reactor = reactor

    @override
    def startService(self) -> None:
        """Hear the signal."""
        super().startService()
        if self._terminal is None:  # a daemon has left it by now
            self._terminal = os.isatty(0)
        if not self._terminal:
            signal.signal(signal.SIGHUP, self._heard)

    @override
    def stopService(self) -> None:
        """Hear it no more; one that comes late is not to cut the stop short."""
        super().stopService()
        if not self._terminal:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _heard(self, number: int, frame: object) -> None:
        del number, frame
        self._reactor.callFromThread(self._look)
