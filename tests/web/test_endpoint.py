"""One websocket: its bounds, its back-pressure, and how it is closed."""

import struct
from typing import Any, ClassVar

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import ProjectId, TaskId
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.persistence import schema
from tests.support.http import ApiClient, api_client
from tests.support.memory import BEGINNING, make_member, make_project, make_user
from tests.support.websocket import drop_timers

MASK = b"\x01\x02\x03\x04"


def masked(kind: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a client's frame."""
    head = bytes((kind | (0x80 if fin else 0),))
    if len(payload) < 126:
        head += bytes((0x80 | len(payload),))
    else:
        head += b"\xfe" + struct.pack("!H", len(payload))
    return head + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(payload))


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return the opcode and payload of each of a server's frames."""
    found = []
    while data:
        kind, size = data[0] & 15, data[1]
        at = 2
        if size == 126:
            (size,), at = struct.unpack("!H", data[2:4]), 4
        elif size == 127:
            (size,), at = struct.unpack("!Q", data[2:10]), 10
        found.append((kind, data[at : at + size]))
        data = data[at + size :]
    return found


class SocketTestCase(SynchronousTestCase):
    """Websockets of a project's member."""

    HEAD: ClassVar[str] = (
        "GET /api/ws HTTP/1.1\r\nHost: semaphore.example\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )

    def setUp(self) -> None:
        """Make the site and a member's client."""
        self.addCleanup(drop_timers)
        self.site = api_client(secure=False)
        conn = self.site.database.conn
        self.project = make_project(conn)
        user = make_user(conn, "alice")
        make_member(conn, self.project, user)
        self.client = self.site.with_token(user)
        self.lines: list[OutputLine] = []
        self.site.hub.read_lines = self.read_lines

    async def read_lines(
        self, task_id: TaskId, above: int, limit: int
    ) -> list[OutputLine]:
        """Read the store."""
        del task_id
        return [each for each in self.lines if each.id > above][: min(limit, 20)]

    def open(self, client: ApiClient | None = None) -> tuple[Any, Any]:
        """Open a websocket; return its protocol and its transport."""
        sender = client or self.client
        head = f"{self.HEAD}Authorization: Bearer {sender.token}\r\n\r\n"
        transport: Any = sender.send(head.encode())
        return getattr(transport, "protocol", None), transport

    def opened(self) -> tuple[Any, Any]:
        """Open a websocket, and drop the handshake's answer."""
        protocol, transport = self.open()
        self.assertIn(b" 101 ", transport.value())
        transport.clear()
        return protocol, transport

    def print_lines(self, count: int, length: int) -> None:
        """Have a task print lines."""
        first = len(self.lines) + 1
        made = [
            OutputLine(
                id=number, task_id=TaskId(7), time=BEGINNING, output="x" * length
            )
            for number in range(first, first + count)
        ]
        self.lines += made
        self.site.hub.output_appended(ProjectId(self.project.id), TaskId(7), made)


class BackPressureTests(SocketTestCase):
    """A client that reads little."""

    def test_window(self) -> None:
        """Sending stops at the window until a pong confirms the reading."""
        protocol, transport = self.opened()
        self.print_lines(400, 10_000)
        sent = frames(transport.value())
        size = len(transport.value())
        self.assertLess(size, limits.WEBSOCKET_WINDOW + 2 * limits.LOG_PORTION)
        self.assertGreater(size, limits.WEBSOCKET_WINDOW)
        marks = [payload for kind, payload in sent if kind == 9]
        self.assertGreater(len(marks), 10)
        received = sum(kind == 1 for kind, _ in sent)
        rounds = 0
        while received < 400:
            rounds += 1
            self.assertLess(rounds, 400)
            transport.clear()
            for each in marks:
                protocol.dataReceived(masked(10, each))
            sent = frames(transport.value())
            marks = [payload for kind, payload in sent if kind == 9]
            received += sum(kind == 1 for kind, _ in sent)
        self.assertEqual(received, 400)

    def test_alive(self) -> None:
        """A client that reads slowly lives; one that does not read is cut off."""
        protocol, transport = self.opened()
        self.print_lines(200, 10_000)
        marks = [payload for kind, payload in frames(transport.value()) if kind == 9]
        protocol.autoPingPending = b"x" * 12
        cut: list[None] = []
        protocol.autoPingTimeoutCall = self.site.clock.callLater(60, cut.append, None)
        self.site.clock.advance(59)
        protocol.dataReceived(masked(10, marks[0]))
        self.site.clock.advance(59)
        self.assertEqual(cut, [])
        self.assertIsNone(protocol.autoPingPending)

    def test_forged(self) -> None:
        """A pong that promises more than was sent opens no larger window."""
        protocol, transport = self.opened()
        protocol.dataReceived(masked(10, struct.pack("!Q", 2**63)))
        self.print_lines(400, 10_000)
        self.assertLess(
            len(transport.value()), limits.WEBSOCKET_WINDOW + 2 * limits.LOG_PORTION
        )

    def test_pings(self) -> None:
        """Pings of a client that does not read are not answered; other pings are."""
        protocol, transport = self.opened()
        protocol.dataReceived(masked(9, b"a"))
        self.assertEqual(frames(transport.value()), [(10, b"a")])
        transport.clear()
        transport.producer.pauseProducing()
        protocol.dataReceived(masked(9, b"b" * 125) * 10_000)
        self.assertEqual(transport.value(), b"")
        transport.producer.resumeProducing()
        protocol.dataReceived(masked(9, b"c"))
        self.assertEqual(frames(transport.value()), [(10, b"c")])


class IncomingTests(SocketTestCase):
    """Unexpected messages from clients."""

    def test_nothing_is_kept(self) -> None:
        """Of a message in many frames nothing is kept, and it is not endless."""
        protocol, transport = self.opened()
        protocol.dataReceived(masked(1, b"", fin=False))
        part = masked(0, b"x", fin=False)
        for _ in range(64):
            protocol.dataReceived(part * 1023)
            kept = [*(protocol.frame_data or []), *(protocol.message_data or [])]
            self.assertEqual(kept, [])
            incoming = protocol._incoming or b""
            self.assertLessEqual(len(incoming), limits.WEBSOCKET_REQUEST)
        self.assertEqual(transport.value(), b"")
        protocol.dataReceived(part * 1024)
        (closing,) = frames(transport.value())
        self.assertEqual(closing[0], 8)
        self.assertEqual(struct.unpack("!H", closing[1][:2]), (1009,))

    def test_no_compression(self) -> None:
        """Compression is not negotiated: a few bytes could become many."""
        head = f"{self.HEAD}Authorization: Bearer {self.client.token}\r\n"
        head += "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        transport = self.client.send(head.encode())
        self.assertIn(b" 101 ", transport.value())
        self.assertNotIn(b"deflate", transport.value().lower())


class CloseTests(SocketTestCase):
    """How the server closes a websocket."""

    def code(self, transport: StringTransport) -> int:
        """Return the code of the close frame, which is the last one."""
        kind, payload = frames(transport.value())[-1]
        self.assertEqual(kind, 8)
        (code,) = struct.unpack("!H", payload[:2])
        return int(code)

    def test_stop(self) -> None:
        """1001 at a stop, which waits until the client has closed too."""
        protocol, transport = self.opened()
        stopped = self.site.hub.stopService()
        self.assertEqual(self.code(transport), 1001)
        self.assertNoResult(stopped)
        protocol.dataReceived(masked(8, struct.pack("!H", 1001)))
        self.assertTrue(transport.disconnecting)
        self.client.hang_up(transport)
        self.successResultOf(stopped)

    def test_lost(self) -> None:
        """1011 where the log cannot be read."""
        _, transport = self.opened()
        producer: Any = transport.producer
        producer.pauseProducing()
        self.print_lines(1, 10)

        async def broken(*_: object) -> list[OutputLine]:
            raise OSError("the disk is gone")

        self.site.hub.read_lines = broken
        producer.resumeProducing()
        self.assertEqual(self.code(transport), 1011)
        self.assertEqual(len(self.site.hub), 0)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_ended_access(self) -> None:
        """And the codes of our own where the access ended."""
        _, transport = self.opened()
        self.site.database.conn.raw.execute(f"DELETE FROM {schema.user_token.name}")
        self.site.hub.access_changed()
        self.assertEqual(self.code(transport), 4401)


class CountTests(SocketTestCase):
    """How many there may be."""

    def test_account(self) -> None:
        """An account has so many; another account is not concerned."""
        opened = [self.opened() for _ in range(3)]
        for _ in range(limits.WEBSOCKETS_OF_ACCOUNT - 3):
            watcher = opened[0][0]._watcher
            self.site.hub.add(watcher.credentials, watcher.audience, watcher.wire)
        _, transport = self.open()
        self.assertIn(b" 429 ", transport.value())
        self.assertIn(b"retry-after: 10", transport.value().lower())
        conn = self.site.database.conn
        other = self.site.with_token(make_user(conn, "bob"))
        self.assertIn(b" 101 ", self.open(other)[1].value())
        self.client.hang_up(opened[0][1])
        self.assertIn(b" 101 ", self.open()[1].value())

    def test_unread(self) -> None:
        """Bytes wait for so many clients; the one that has not read longest goes."""
        opened = []
        for _ in range(limits.WEBSOCKETS_UNREAD):
            opened.append(self.opened())
            opened[-1][1].producer.pauseProducing()
        opened[0][1].producer.resumeProducing()
        opened[0][1].producer.pauseProducing()
        _, transport = self.opened()
        transport.producer.pauseProducing()
        gone = [each.disconnected for _, each in opened]
        self.assertEqual(gone, [number == 1 for number in range(len(opened))])
        self.assertFalse(transport.disconnected)
