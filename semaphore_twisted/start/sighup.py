"""SIGHUP makes services check their files again."""

import os
import signal
from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFromThreads
from typing_extensions import override


class SighupService(Service):
    """Calls back at a SIGHUP, unless the process runs on a terminal."""

    name = "hangup"

    def __init__(
        self,
        callback: Callable[[], object],
        *,
        reactor: IReactorFromThreads,
        terminal: bool | None = None,
    ) -> None:
        """Call *callback* by *reactor*; on a *terminal* do not handle the signal.

        By default the process runs on a terminal if standard input is one.
        """
        self._callback = callback
        self._terminal = terminal
        self._reactor = reactor

    @override
    def startService(self) -> None:
        """Install the signal handler."""
        super().startService()
        if self._terminal is None:  # a daemon has detached from it by now
            self._terminal = os.isatty(0)
        if not self._terminal:
            signal.signal(signal.SIGHUP, self._received)

    @override
    def stopService(self) -> None:
        """Ignore further signals, so that a late one does not end the process."""
        super().stopService()
        if not self._terminal:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _received(self, number: int, frame: object) -> None:
        del number, frame
        self._reactor.callFromThread(self._callback)
