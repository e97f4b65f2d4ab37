"""The connection to wireguard-go."""

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import companion_limits as limits
from semaphore_twisted.vpnd.uapi_connection import TIMEOUT, UapiConnection
from semaphore_twisted.wireguard.state import (
    DeviceFailed,
)


class ConversationTests(SynchronousTestCase):
    """Requests to wireguard-go, and their answers."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.lost = 0
        self.talk = UapiConnection(self.clock, self.count)
        self.transport = StringTransport()
        self.talk.makeConnection(self.transport)

    def count(self) -> None:
        """Count an end."""
        self.lost += 1

    def test_answers(self) -> None:
        """A blank line ends an answer, for any sizes of the reads."""
        for pieces in (
            [b"errno=0\n\n"],
            [b"errno=0\n", b"\n"],
            [b"public", b"_key=1\nerrno=0", b"\n", b"\n"],
        ):
            asked = self.talk.ask(b"get=1\n\n")
            for piece in pieces:
                self.assertNoResult(asked)
                self.talk.dataReceived(piece)
            self.assertEqual(self.successResultOf(asked), b"".join(pieces))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """A late answer ends the conversation: it would be taken for the next one's."""
        asked = self.talk.ask(b"get=1\n\n")
        self.failureResultOf(self.talk.ask(b"get=1\n\n"), DeviceFailed)
        self.clock.advance(TIMEOUT)
        self.failureResultOf(asked, DeviceFailed)
        self.assertTrue(self.talk.over)
        self.failureResultOf(self.talk.ask(b"get=1\n\n"), DeviceFailed)
        self.talk.dataReceived(b"errno=0\n\n")

    def test_ended(self) -> None:
        """The daemon's end is reported at once, our own disconnect is not."""
        asked = self.talk.ask(b"get=1\n\n")
        self.talk.connectionLost()
        self.failureResultOf(asked, DeviceFailed)
        self.assertEqual(self.lost, 1)
        other = UapiConnection(self.clock, self.count)
        other.makeConnection(StringTransport())
        other.end()
        other.connectionLost()
        self.assertEqual(self.lost, 1)

    def test_too_much(self) -> None:
        """An answer without an end is not collected."""
        asked = self.talk.ask(b"get=1\n\n")
        part = b"x" * (1 << 20)
        for _ in range(limits.PROGRAM_OUTPUT // len(part)):
            self.talk.dataReceived(part)
        self.assertNoResult(asked)
        self.talk.dataReceived(b"x")
        self.failureResultOf(asked, DeviceFailed)
        self.assertTrue(self.transport.disconnected or self.talk.over)
