"""The resolver inside the tunnel."""

from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.dns.forwarder import TIMEOUT, DnsForwarder
from semaphore_twisted.vpn.dns.rate_limit import RateBounds, RateLimit
from semaphore_twisted.vpn.dns.server import (
    CONNECTIONS,
    CONNECTIONS_OF_ONE,
    IDLE,
    LONGEST,
    NameDatagrams,
    NameServer,
    NameStream,
    NameStreams,
)
from tests.support.memory import Entropy
from tests.vpn.test_forwarder import MemoryExchange
from tests.vpn.test_messages import ZONE, asked, read

PEER, OUTSIDER = "10.80.0.2", "192.0.2.66"


class NamesTestCase(SynchronousTestCase):
    """A resolver whose upstream is the test."""

    bounds = RateBounds()

    def setUp(self) -> None:
        """Create the name server."""
        self.exchange = MemoryExchange()
        self.clock = Clock()
        self.limits = RateLimit(self.clock.seconds, self.bounds)
        self.server = NameServer.of(
            ZONE,
            ["10.80.0.1/16", "fd12:3456:789a::/64"],
            upstream=DnsForwarder(
                self.exchange, lambda: ("192.0.2.53",), self.clock, Entropy()
            ),
            limits=self.limits,
        )
        self.answers: list[bytes] = []

    def ask(self, content: bytes, source: str = PEER, *, stream: bool = False) -> None:
        """Ask as *source*."""
        self.server.ask(content, source, self.answers.append, stream=stream)

    def codes(self) -> list[int]:
        """Return the codes of the answers."""
        return [read(answer).rCode for answer in self.answers]


class NameServerTests(NamesTestCase):
    """The answers to each client."""

    def test_own(self) -> None:
        """The site's name is known here."""
        self.ask(asked("semaphore.internal"))
        self.assertEqual(len(read(self.answers[0]).answers), 1)
        self.assertEqual(self.exchange.asked, [])

    def test_other(self) -> None:
        """Another name is asked of the server's resolvers."""
        self.ask(asked("example.org"))
        self.assertEqual(self.answers, [])
        self.exchange.asked[0].give(dns.OK)
        self.assertEqual(self.codes(), [dns.OK])
        self.assertEqual(self.limits.outstanding, 0)

    def test_below(self) -> None:
        """Names below the domain do not exist, and are not forwarded."""
        self.ask(asked("www.semaphore.internal"))
        self.assertEqual(self.codes(), [dns.ENAME])
        self.assertEqual(self.exchange.asked, [])

    def test_silent_upstream(self) -> None:
        """No answer is our failure, never a name that does not exist."""
        self.ask(asked("example.org"))
        self.clock.advance(TIMEOUT)
        self.assertEqual(self.codes(), [dns.ESERVER])
        self.assertEqual(self.limits.outstanding, 0)

    def test_outsider(self) -> None:
        """A client that is not a peer gets no answer."""
        for source in (OUTSIDER, "10.81.0.1", "::1", "fe80::1%eth0", "nonsense", ""):
            self.ask(asked("semaphore.internal"), source)
            self.ask(b"nonsense", source)
        self.assertEqual(self.answers, [])

    def test_ipv6(self) -> None:
        """Peers are known by their IPv6 addresses too."""
        self.ask(asked("semaphore.internal"), "fd12:3456:789a::2")
        self.assertEqual(self.codes(), [dns.OK])

    def test_refused(self) -> None:
        """Everything at once is refused, of any name."""
        for name in ("semaphore.internal", "example.org"):
            for kind in (dns.ALL_RECORDS, dns.AXFR):
                self.ask(asked(name, kind), stream=True)
        self.assertEqual(self.codes(), [dns.EREFUSED] * 4)
        self.assertEqual(self.exchange.asked, [])

    def test_rate(self) -> None:
        """A client over the rate limit gets no answer; another one does."""
        for _ in range(1000):
            self.ask(asked("semaphore.internal"))
        self.assertEqual(len(self.answers), 200)
        self.ask(asked("semaphore.internal"), "10.80.0.3")
        self.assertEqual(len(self.answers), 201)
        self.clock.advance(1)
        for _ in range(1000):
            self.ask(asked("semaphore.internal"))
        self.assertEqual(len(self.answers), 251)

    def test_outstanding(self) -> None:
        """So many questions wait at a time; more fail at once."""
        for _ in range(100):
            self.ask(asked("example.org"))
        self.assertEqual(len(self.exchange.asked), 64)
        self.assertEqual(self.codes(), [dns.ESERVER] * 36)
        self.ask(asked("semaphore.internal"))
        self.assertEqual(len(self.answers), 37)
        for each in self.exchange.asked:
            each.give(dns.OK)
        self.assertEqual(self.limits.outstanding, 0)

    def test_upstream_fault(self) -> None:
        """An internal error is logged, and the client gets SERVFAIL."""

        def broken() -> tuple[str, ...]:
            raise RuntimeError("no")

        self.server.upstream = DnsForwarder(
            self.exchange, broken, self.clock, Entropy()
        )
        self.ask(asked("example.org"))
        self.assertEqual(self.codes(), [dns.ESERVER])
        self.assertEqual(self.limits.outstanding, 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class _Datagrams:
    """A port that keeps what is sent, or cannot send."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, object]] = []
        self.error: OSError | None = None

    def write(self, content: bytes, address: object) -> None:
        """Record the datagram, or raise the error that is set."""
        if self.error is not None:
            raise self.error
        self.sent.append((content, address))


class DatagramTests(NamesTestCase):
    """Questions as datagrams."""

    def setUp(self) -> None:
        """Open a port."""
        super().setUp()
        self.protocol = NameDatagrams(self.server)
        self.transport = _Datagrams()
        transport: Any = self.transport
        self.protocol.transport = transport

    def test_answer(self) -> None:
        """The answer is sent to the address of the query."""
        self.protocol.datagramReceived(asked("semaphore.internal"), (PEER, 5353))
        ((content, address),) = self.transport.sent
        self.assertEqual(address, (PEER, 5353))
        self.assertEqual(read(content).rCode, dns.OK)

    def test_closed(self) -> None:
        """An answer after the port was closed is dropped."""
        self.protocol.datagramReceived(asked("example.org"), (PEER, 5353))
        self.protocol.stopProtocol()
        self.exchange.asked[0].give(dns.OK)
        self.assertEqual(self.transport.sent, [])

    def test_no_way_back(self) -> None:
        """An answer that the kernel cannot send is dropped."""
        self.transport.error = OSError(19, "No such device")
        self.protocol.datagramReceived(asked("semaphore.internal"), (PEER, 5353))
        self.assertEqual(self.transport.sent, [])


class StreamTests(NamesTestCase):
    """Questions over TCP."""

    def setUp(self) -> None:
        """Have a factory."""
        super().setUp()
        self.factory = NameStreams(self.server, clock=self.clock)

    def _connect(
        self, source: str = PEER
    ) -> "tuple[NameStream, StringTransportWithDisconnection] | None":
        made = self.factory.buildProtocol(IPv4Address("TCP", source, 5353))
        if made is None:
            return None
        transport = StringTransportWithDisconnection()
        transport.protocol = made
        made.makeConnection(transport)
        return made, transport

    def _framed(self, content: bytes) -> bytes:
        return len(content).to_bytes(2, "big") + content

    def test_several(self) -> None:
        """Several queries can be sent over one connection."""
        connected = self._connect()
        assert connected is not None
        protocol, transport = connected
        protocol.dataReceived(self._framed(asked("example.org")))
        protocol.dataReceived(self._framed(asked("semaphore.internal")))
        first = transport.value()
        self.assertEqual(read(first[2:]).queries[0].name.name, b"semaphore.internal")
        self.assertTrue(self.exchange.asked[0].stream)
        self.exchange.asked[0].give(dns.OK)
        self.assertGreater(len(transport.value()), len(first))
        transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_idle(self) -> None:
        """An idle connection is closed."""
        connected = self._connect()
        assert connected is not None
        _, transport = connected
        self.clock.advance(IDLE)
        self.assertFalse(transport.connected)

    def test_longest(self) -> None:
        """One that asks too much at once too."""
        connected = self._connect()
        assert connected is not None
        protocol, transport = connected
        protocol.dataReceived((LONGEST + 1).to_bytes(2, "big"))
        self.assertFalse(transport.connected)

    def test_left(self) -> None:
        """A disconnected client gets no answer."""
        connected = self._connect()
        assert connected is not None
        protocol, transport = connected
        protocol.dataReceived(self._framed(asked("example.org")))
        transport.loseConnection()
        self.exchange.asked[0].give(dns.OK)
        self.assertEqual(transport.value(), b"")

    def test_outsider(self) -> None:
        """A connection from a client that is not a peer is refused."""
        self.assertIsNone(self._connect(OUTSIDER))
        self.assertIsNone(self.factory.buildProtocol(UNIXAddress("/x")))
        self.assertIsNone(self.factory.buildProtocol(None))

    def test_many(self) -> None:
        """Connections are limited for each source, and in total."""
        made = [self._connect() for _ in range(CONNECTIONS_OF_ONE + 1)]
        self.assertIsNone(made[-1])
        made += [
            self._connect(f"10.80.0.{number}")
            for number in range(3, 100)
            for _ in range(CONNECTIONS_OF_ONE)
        ]
        there = [each for each in made if each is not None]
        self.assertEqual(len(there), CONNECTIONS)
        for _, transport in there:
            transport.loseConnection()
        self.assertIsNotNone(self._connect())


class SourceTests(NamesTestCase):
    """Each peer is one source, in any spelling of its address."""

    bounds = RateBounds(burst=1.0, rate=0.0)

    def test_mapped(self) -> None:
        """A mapped address is the peer's own; its neighbor has a count of its own."""
        self.ask(asked("semaphore.internal"), f"::ffff:{PEER}")
        self.assertEqual(len(self.answers), 1)
        self.ask(asked("semaphore.internal"), PEER)
        self.assertEqual(len(self.answers), 1)
        self.ask(asked("semaphore.internal"), "::ffff:10.80.0.3")
        self.assertEqual(len(self.answers), 2)
        self.ask(asked("semaphore.internal"), f"::ffff:{OUTSIDER}")
        self.assertEqual(len(self.answers), 2)


class UnreadTests(NamesTestCase):
    """A peer that asks over a connection and reads no answer."""

    bounds = RateBounds(burst=1e9, rate=1e9)

    def test_unread(self) -> None:
        """Reading pauses while answers are not read; then the connection is aborted."""
        streams = NameStreams(self.server, clock=self.clock)
        made: Any = streams.buildProtocol(IPv4Address("TCP", PEER, 4000))
        transport: Any = StringTransportWithDisconnection()
        transport.protocol = made
        made.makeConnection(transport)
        question = asked("semaphore.internal")
        frame = len(question).to_bytes(2, "big") + question
        write = transport.write

        def full(data: bytes) -> None:
            write(data)
            transport.producer.pauseProducing()

        transport.write = full
        made.dataReceived(frame * 1000)
        self.assertEqual(transport.producerState, "paused")
        first = len(transport.value())
        self.assertLess(first, 200)
        transport.producer.resumeProducing()
        self.assertEqual(len(transport.value()), 2 * first)
        self.clock.advance(IDLE)
        self.assertFalse(transport.connected)
        again = [
            streams.buildProtocol(IPv4Address("TCP", PEER, 4000))
            for _ in range(CONNECTIONS_OF_ONE)
        ]
        self.assertNotIn(None, again)
