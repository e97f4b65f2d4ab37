"""Handling SIGHUP."""

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start.sighup import SighupService


class Threads(Clock):
    """A clock that takes calls from elsewhere."""

    def callFromThread(self, call: Callable[[], object]) -> None:
        """Call at the next turn."""
        self.callLater(0, call)


class HangupTests(SynchronousTestCase):
    """The signal, sent to this process."""

    def setUp(self) -> None:
        """Keep what the signal does, and count the looks."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.clock: Any = Threads()
        self.looks = 0

    def service(self, *, terminal: bool) -> SighupService:
        """Return the service, started."""
        made = SighupService(self.look, terminal=terminal, reactor=self.clock)
        made.startService()
        return made

    def look(self) -> None:
        """Count the call."""
        self.looks += 1

    def send(self) -> None:
        """Send the signal, and give the reactor its turn."""
        os.kill(os.getpid(), signal.SIGHUP)
        self.clock.advance(0)

    def test_look(self) -> None:
        """It is a look, in the reactor's turn, until the service ends."""
        service = self.service(terminal=False)
        self.send()
        self.assertEqual(self.looks, 1)
        service.stopService()
        self.send()
        self.assertEqual(self.looks, 1)

    def test_terminal(self) -> None:
        """On a terminal the earlier signal handler is kept."""
        self.service(terminal=True).stopService()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
