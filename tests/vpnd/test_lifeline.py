"""The pipe that reports the end of another process."""

import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from semaphore_twisted.vpnd.lifeline import Lifeline


class LifelineTests(TestCase):
    """A pipe whose other end this test holds."""

    timeout = 60

    def setUp(self) -> None:
        """Make the pipe."""
        reading, self.writing = os.pipe()
        self.ended: Deferred[None] = Deferred()
        self.line = Lifeline(
            reading, lambda: self.ended.callback(None), reactor=reactor
        )
        self.line.start()

    async def test_closed(self) -> None:
        """The callback is called once, when the last holder has closed the pipe."""
        second = os.dup(self.writing)
        os.close(self.writing)
        os.write(second, b"nothing")
        await deferLater(reactor, 0.05)
        self.assertFalse(self.ended.called)
        os.close(second)
        await self.ended
        self.line.stop()

    async def test_stopped(self) -> None:
        """After the stop the callback is not called."""
        self.line.stop()
        os.close(self.writing)
        await deferLater(reactor, 0.05)
        self.assertFalse(self.ended.called)
