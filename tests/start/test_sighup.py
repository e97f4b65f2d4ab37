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
        """Keep the handler of the signal, and count the calls."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.clock: Any = Threads()
        self.calls = 0

    def service(self, *, terminal: bool) -> SighupService:
        """Return the service, started."""
        made = SighupService(self.callback, terminal=terminal, reactor=self.clock)
        made.startService()
        return made

    def callback(self) -> None:
        """Count the call."""
        self.calls += 1

    def send(self) -> None:
        """Send the signal, and give the reactor its turn."""
        os.kill(os.getpid(), signal.SIGHUP)
        self.clock.advance(0)

    def test_look(self) -> None:
        """The signal calls back in the reactor thread until the service stops."""
        service = self.service(terminal=False)
        self.send()
        self.assertEqual(self.calls, 1)
        service.stopService()
        self.send()
        self.assertEqual(self.calls, 1)

    def test_terminal(self) -> None:
        """On a terminal the earlier signal handler is kept."""
        self.service(terminal=True).stopService()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
