"""The companion's socket."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd.server import MOST, CompanionFactory
from semaphore_twisted.wireguard import wire, wire_answers


class _Transport(StringTransport):
    """A transport that can be cut."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class ServerTests(SynchronousTestCase):
    """Permitted users, and the answers to them."""

    def setUp(self) -> None:
        """Make a server for the user 1000."""
        self.user = 1000
        self.asked: list[tuple[wire.Request, Deferred[wire.Answer]]] = []
        self.clock = Clock()
        self.factory = CompanionFactory(
            self.answer,
            users=(1000,),
            user_of=lambda transport: self.user,
            seconds=self.clock.seconds,
        )

    def answer(self, request: wire.Request) -> "Deferred[wire.Answer]":
        """Keep the request."""
        waiting: Deferred[wire.Answer] = Deferred()
        self.asked.append((request, waiting))
        return waiting

    def connect(self) -> tuple[Any, _Transport]:
        """Return a connection."""
        protocol, transport = self.factory.buildProtocol(None), _Transport()
        protocol.makeConnection(transport)
        return protocol, transport

    def frame(self, content: bytes) -> bytes:
        """Return a frame."""
        return len(content).to_bytes(4, "big") + content

    def request(self, request: wire.Request) -> bytes:
        """Return a request's frame."""
        return self.frame(wire.encode(request))

    def answers(self, transport: _Transport) -> list[wire.Answer]:
        """Return the answers so far."""
        data, found = transport.value(), []
        while data:
            size = int.from_bytes(data[:4], "big")
            found.append(wire_answers.decode_answer(data[4 : 4 + size]))
            data = data[4 + size :]
        return found

    def test_users(self) -> None:
        """Root and listed users are permitted; nothing is read from other users."""
        for user, refused in ((0, False), (1000, False), (1001, True), (65534, True)):
            self.user = user
            protocol, transport = self.connect()
            self.assertEqual(transport.aborted, refused)
            protocol.dataReceived(self.request(wire.Hello()))
            self.assertEqual(len(self.asked), 0 if refused else 1)
            self.asked.clear()
            protocol.connectionLost(Failure(connectionDone.value))

    def test_in_order(self) -> None:
        """Requests are handled one at a time, and answered in order."""
        protocol, transport = self.connect()
        protocol.dataReceived(
            self.request(wire.Hello())
            + self.request(wire.Observe())
            + self.frame(b"nonsense")
            + self.request(wire.Down())
        )
        self.assertEqual([each[0] for each in self.asked], [wire.Hello()])
        self.assertEqual(transport.producerState, "paused")
        self.asked[0][1].callback(wire.Failed("device", "first"))
        self.assertEqual(self.asked[1][0], wire.Observe())
        self.asked[1][1].callback(wire.Failed("device", "second"))
        self.assertEqual(self.asked[2][0], wire.Down())
        self.asked[2][1].callback(wire.Done())
        self.assertEqual(transport.producerState, "producing")
        found = self.answers(transport)
        self.assertEqual(found[0], wire.Failed("device", "first"))
        self.assertEqual(found[1], wire.Failed("device", "second"))
        self.assertEqual(found[2].code, "malformed")  # type: ignore[union-attr]
        self.assertEqual(found[3], wire.Done())

    def test_answered_at_once(self) -> None:
        """Answers that are available at once are sent once each."""
        protocol, transport = self.connect()
        for _ in range(3):
            protocol.dataReceived(self.frame(b"{}") + self.frame(b""))
        self.assertEqual(len(self.answers(transport)), 6)

    def test_in_pieces(self) -> None:
        """A frame may arrive in pieces."""
        protocol, _ = self.connect()
        for byte in self.request(wire.Hello()):
            protocol.dataReceived(bytes([byte]))
        self.assertEqual(self.asked[0][0], wire.Hello())

    def test_too_long(self) -> None:
        """A client that announces a frame that is too long is disconnected."""
        protocol, transport = self.connect()
        protocol.dataReceived((wire.MAX_FRAME + 1).to_bytes(4, "big"))
        self.assertTrue(transport.aborted)

    def test_gone_meanwhile(self) -> None:
        """An answer to a disconnected client is dropped."""
        protocol, transport = self.connect()
        protocol.dataReceived(self.request(wire.Hello()) * 2)
        protocol.connectionLost(Failure(connectionDone.value))
        self.asked[0][1].callback(wire.Done())
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(transport.value(), b"")

    def test_too_many(self) -> None:
        """There are so many connections, and one more when one has ended."""
        made = [self.connect() for _ in range(MOST)]
        self.assertFalse(any(transport.aborted for _, transport in made))
        protocol, transport = self.connect()
        self.assertTrue(transport.aborted)
        protocol.connectionLost(Failure(connectionDone.value))
        made[0][0].connectionLost(Failure(connectionDone.value))
        self.assertFalse(self.connect()[1].aborted)

    def test_others_take_no_place(self) -> None:
        """Any number of other users' connections locks no permitted user out."""
        self.user = 1001
        with capturedLogs() as events:
            for _ in range(3500):
                self.connect()  # they do not even hang up
            self.user = 1000
            protocol, transport = self.connect()
            protocol.dataReceived(self.request(wire.Hello()))
        self.assertFalse(transport.aborted)
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(len(events), 1)

    def test_each_user(self) -> None:
        """Root is answered while the server's user has all its connections."""
        for _ in range(MOST):
            self.assertFalse(self.connect()[1].aborted)
        self.assertTrue(self.connect()[1].aborted)
        self.user = 0
        self.assertFalse(self.connect()[1].aborted)

    def test_one_line_a_minute(self) -> None:
        """Refusals are logged in one line a minute, with their number."""
        self.user = 1001
        with capturedLogs() as events:
            for second in range(121):
                for _ in range(10):
                    self.connect()
                self.clock.advance(1)
                del second
        lines = [formatEvent(each) or "" for each in events]
        self.assertEqual(len(lines), 3, lines)
        self.assertIn("User 1001 may not speak", lines[0])
        self.assertIn("(599 more since the last line)", lines[1])

    def test_unread_answers(self) -> None:
        """A user that reads no answer gets no second one, until it reads."""
        protocol, transport = self.connect()
        protocol.dataReceived(self.request(wire.Hello()) * 5)
        protocol.pauseProducing()
        self.asked[0][1].callback(wire.Done())
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(transport.producerState, "paused")
        protocol.resumeProducing()
        self.assertEqual(len(self.asked), 2)
        for number in range(1, 5):
            self.asked[number][1].callback(wire.Done())
        self.assertEqual(len(self.answers(transport)), 5)
        self.assertEqual(transport.producerState, "producing")
