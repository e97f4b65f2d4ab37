"""Tests of how requests are taken from the network."""

import json
import re
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.web.http.channel import FLOOR, SECONDS, STALLED
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.http.site import IDLE
from semaphore_twisted.web.listener.connection_limit import EACH
from tests.support.http import api_client, parse
from tests.support.smuggling import HIDDEN, SMUGGLED
from tests.web.test_api_resource import ResourceCase

GET = b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"


class ChannelTestCase(SynchronousTestCase):
    """A site and connections to it."""

    def setUp(self) -> None:
        """Make the site."""
        self.client = api_client(
            options=WebOptions(config=Config(trusted_proxies=("10.0.0.7",)))
        )

    def answers(self, transport: StringTransport) -> list[int]:
        """Return the statuses of all that was answered."""
        return [int(each) for each in re.findall(rb"HTTP/1.. (\d+)", transport.value())]


class SmugglingTests(ChannelTestCase):
    """Ambiguous requests are refused."""

    def test_refused(self) -> None:
        """Each gets a single 400 and ends; a hidden second request is not answered."""
        for name, data in SMUGGLED.items():
            with self.subTest(name=name):
                transport = self.client.send(data + HIDDEN)
                self.assertEqual(self.answers(transport), [400], transport.value())
                self.assertTrue(transport.disconnecting)
                answer = parse(transport.value())
                self.assertEqual(answer.header("connection"), "close")
                self.assertEqual(answer.header("x-content-type-options"), "nosniff")
                self.assertIsNone(answer.header("server"))

    def test_byte_by_byte(self) -> None:
        """The answers are the same if the bytes arrive one by one."""
        for name, data in SMUGGLED.items():
            if len(data) > 1000:
                continue
            with self.subTest(name=name):
                transport = self.client.send(b"")
                for each in data + HIDDEN:
                    self.client.more(transport, bytes([each]))
                self.assertEqual(self.answers(transport), [400])

    def test_after_a_good_one(self) -> None:
        """The second request of a connection is checked in the same way."""
        for name, data in SMUGGLED.items():
            with self.subTest(name=name):
                transport = self.client.send(GET + data + HIDDEN)
                self.assertEqual(self.answers(transport), [200, 400])

    def test_good(self) -> None:
        """Unusual but unambiguous requests are served."""
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for data, status in (
            (b"\r\n" + GET, 200),
            (GET.replace(b"1.1\r\nHost: localhost", b"1.0"), 200),
            (GET.replace(b"Host: ", b"hOST:\t "), 200),
            (GET.replace(b"localhost", b"[::1]:3000"), 200),
            (GET.replace(b"localhost", b""), 200),
            (GET.replace(b"\r\n\r\n", b"\r\nX: \xff\tz\r\nEmpty:\r\n\r\n"), 200),
            (chunked + b"2;extension=1\r\n{}\r\n0\r\n\r\n", 401),
            (chunked + b"2\r\n{}\r\n0\r\nTrailer: 1\r\n\r\n", 401),
            (POST + b"Content-Length: 002\r\n\r\n{}", 401),
        ):
            with self.subTest(data=data):
                transport = self.client.send(data)
                self.assertEqual(self.answers(transport), [status])

    def test_words(self) -> None:
        """An unreadable request gets the reason as JSON."""
        with capturedLogs() as events:
            value = self.client.send(GET.replace(b"1.1", b"1.2")).value()
        (said,) = [formatEvent(each) for each in events]
        self.assertEqual(
            said, "192.0.2.7 sent no valid request, answered 400 Bad Request"
        )
        head, _, body = value.partition(b"\r\n\r\n")
        self.assertIn(b"content-type: application/json", head)
        self.assertIn(b"content-length: %d\r\n" % len(body), head)
        self.assertIn("RFC 9112", json.loads(body)["error"])

    def test_phrases(self) -> None:
        """A status has its phrase, also where Twisted knows none."""
        value = self.client.send(GET.replace(b"/ping", b"/ws")).value()
        self.assertEqual(value.partition(b"\r\n")[0], b"HTTP/1.1 426 Upgrade Required")

    def test_trailing(self) -> None:
        """Two requests in one packet are two requests."""
        body = POST + b"Content-Length: 2\r\n\r\n{}"
        transport = self.client.send(body + GET)
        self.assertEqual(self.answers(transport), [401, 200])


class SlowTests(ChannelTestCase):
    """Only slow clients are cut off."""

    def feed(self, transport: StringTransport, data: bytes, seconds: int) -> None:
        """Send each second one of *seconds* pieces of *data*, until the end."""
        size = max(1, len(data) // seconds)
        for at in range(0, len(data), size):
            if transport.disconnecting:
                return
            self.client.more(transport, data[at : at + size])
            self.client.clock.advance(1)

    def test_head(self) -> None:
        """A head of one byte a second ends with 408 at the time limit."""
        transport = self.client.send(b"G")
        self.feed(transport, GET[1:] + b"X" * 100, 1000)
        self.assertEqual(self.answers(transport), [408])
        self.assertLessEqual(self.client.clock.seconds(), SECONDS + 1)
        self.client.clock.advance(10)
        self.assertTrue(transport.disconnected)

    def test_second_head(self) -> None:
        """So does that of a second request."""
        transport = self.client.send(GET + b"GET /")
        self.feed(transport, b"x" * 1000, 1000)
        self.assertEqual(self.answers(transport), [200, 408])

    def test_body(self) -> None:
        """A body that trickles is cut off, one that flows is read to its end."""
        head = POST + b"Content-Length: 400000\r\n\r\n"
        transport = self.client.send(head)
        self.feed(transport, b" " * 400_000, 4000)
        self.assertEqual(self.answers(transport), [408])
        transport = self.client.send(head)
        self.feed(transport, b" " * 400_000, 400_000 // (FLOOR // SECONDS + 200))
        self.assertEqual(self.answers(transport), [401])

    def test_idle(self) -> None:
        """A connection without a request is closed silently after a minute."""
        transport = self.client.send(GET)
        self.client.clock.advance(IDLE - 1)
        self.assertFalse(transport.disconnecting)
        self.client.clock.advance(2)
        self.assertTrue(transport.disconnecting)
        self.assertEqual(self.answers(transport), [200])

    def test_nothing_left(self) -> None:
        """No timer outlives its connection."""
        for data in (b"", GET, b"GET", POST + b"Content-Length: 9\r\n\r\n", b"\0\r\n"):
            transport = self.client.send(data)
            producer = transport.producer
            if producer is not None:
                producer.pauseProducing()
            self.client.hang_up(transport)
        self.assertEqual(self.client.clock.getDelayedCalls(), [])


class ReaderTests(ResourceCase):
    """An answer waits for its reader, with a time limit."""

    def test_reader(self) -> None:
        """Only a client that reads nothing for two minutes is cut off."""
        transport = self.guest.open("GET", "/api/wait")
        producer: Any = transport.producer
        clock = self.client.clock
        for _ in range(3):
            producer.pauseProducing()
            clock.advance(STALLED - 1)
            producer.resumeProducing()
        self.assertFalse(transport.disconnected)
        producer.pauseProducing()
        clock.advance(STALLED)
        self.assertTrue(transport.disconnected)


class CrowdTests(ChannelTestCase):
    """One address has a bounded number of connections."""

    def test_limit(self) -> None:
        """A connection over the limit is closed at once; a closed one makes room."""
        client = self.client
        transports = [client.send(b"") for _ in range(EACH)]
        self.assertTrue(client.send(GET).disconnected)
        client.hang_up(transports[0])
        self.assertEqual(client.get("/api/ping").status, 200)
        client.peer = "192.0.2.8"
        self.assertEqual(client.get("/api/ping").status, 200)

    def test_proxies(self) -> None:
        """Limits of a single source do not apply to this machine and proxies."""
        for peer in ("10.0.0.7", "127.0.0.1", "::1"):
            self.client.peer = peer
            for _ in range(EACH + 1):
                self.client.send(b"")
            self.assertEqual(self.client.get("/api/ping").status, 200)


class PipelineTests(ChannelTestCase):
    """Many requests at once, by a client that reads nothing."""

    def test_answers_are_not_piled_up(self) -> None:
        """A request is answered only when the answer before it was read."""
        transport = self.client.send(GET)
        producer: Any = transport.producer
        producer.pauseProducing()
        self.client.more(transport, GET * 1000)
        self.assertEqual(self.answers(transport), [200])
        self.assertEqual(transport.producerState, "paused")
        for expected in (2, 3):
            self.full_after_each(transport)
            producer.resumeProducing()
            self.assertEqual(len(self.answers(transport)), expected)
        del transport.writeSequence
        producer.resumeProducing()
        self.assertEqual(self.answers(transport), [200] * 1001)
        self.assertEqual(transport.producerState, "producing")

    def test_in_one_read(self) -> None:
        """The result is the same if all requests arrive in one read."""
        transport = self.client.send(b"")
        self.full_after_each(transport)
        self.client.more(transport, GET * 1000)
        self.assertEqual(self.answers(transport), [200])
        producer: Any = transport.producer
        producer.resumeProducing()
        self.assertEqual(self.answers(transport), [200] * 2)
        self.client.clock.advance(STALLED)
        self.assertTrue(transport.disconnected or transport.disconnecting)

    def full_after_each(self, transport: Any) -> None:
        """Have the transport's buffer be full after each write."""
        write = type(transport).writeSequence

        def writing(data: Any) -> None:
            write(transport, data)
            transport.producer.pauseProducing()

        transport.writeSequence = writing


class FullTests(ChannelTestCase):
    """All connections that a site may have are open."""

    def test_idle_ones_go(self) -> None:
        """The connection that is idle for longest is closed for a new one."""
        client = self.client
        client.site.connections.all = 5
        transports = [client.send(b"") for _ in range(5)]
        client.more(transports[0], GET)
        self.assertEqual(self.answers(transports[0]), [200])
        for victim in (1, 2):
            self.assertEqual(client.get("/api/ping").status, 200)
            gone = [each.disconnected for each in transports]
            self.assertEqual(gone, [0 < number <= victim for number in range(5)])
            client.hang_up(transports[victim])
            transports.append(client.send(b""))
            del transports[-1]
        self.assertEqual(self.answers(transports[0]), [200])

    def test_busy_ones_stay(self) -> None:
        """A connection whose request is being answered is not closed."""
        client = self.client
        client.site.connections.all = 2
        database: Any = client.database
        database.held = True
        body = b'{"auth":"admin","password":"x"}'
        head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
        busy = [client.send(head + body) for _ in range(2)]
        self.assertTrue(client.send(GET).disconnected)
        self.assertFalse(any(each.disconnected for each in busy))
        client.hang_up(busy[0])
        database.held = False
        self.assertEqual(client.get("/api/ping").status, 200)
