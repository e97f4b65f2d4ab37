"""One port that detects the protocol by the first bytes."""

from typing import Any, ClassVar

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from semaphore_twisted.web.http.request_info import read_request_info
from semaphore_twisted.web.http.site import Site
from semaphore_twisted.web.listener.client_hello import ClientHello
from semaphore_twisted.web.listener.pending_connections import (
    ALL,
    EACH,
    SECONDS,
    PendingConnections,
)
from semaphore_twisted.web.listener.plain_http import RedirectPolicy
from semaphore_twisted.web.listener.port import PortFactory
from semaphore_twisted.web.listener.tls import PemCertificates
from semaphore_twisted.web.listener.tls import context as tls_context
from semaphore_twisted.web.proxies.client_address import PublicUrl
from semaphore_twisted.web.proxies.trusted_proxies import TrustedProxies
from tests.support.http import parse
from tests.support.wires import TlsClient, Wire
from tests.web.test_proxy_protocol import addresses, version_2
from tests.web.test_tls import pair

CHAIN, KEY = pair()
OTHER_CHAIN, OTHER_KEY = pair("challenge")

GET = b"GET /x HTTP/1.1\r\nHost: box\r\n\r\n"
TRUST = TrustedProxies.of(["10.0.0.0/24"])


class ClientResource(Resource):
    """Answers with the properties of the request's connection."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """Return address, scheme and whether the peer is trusted."""
        info = read_request_info(
            request, public_url=PublicUrl(""), below_base=False, trust=TRUST
        )
        client = info.client
        return f"{client.address} {client.scheme} {client.trusted}".encode()


class PortTestCase(SynchronousTestCase):
    """A port for a site that answers with the connection's properties."""

    def setUp(self) -> None:
        """Make it, with TLS."""
        self.clock = Clock()
        self.pending = PendingConnections(self.clock)
        self.challenges: dict[str, SSL.Context] = {}
        self.port = self.make()

    def make(self, *, tls: bool = True, proxy_protocol: bool = True) -> PortFactory:
        """Return a port."""
        source = PemCertificates(chain=CHAIN, key=KEY)
        return PortFactory(
            Site(ClientResource(), clock=self.clock),
            source=source if tls else None,
            clock=self.clock,
            pending=self.pending,
            refusals=RedirectPolicy(
                public_url=PublicUrl("https://h.example"), port=443, names=frozenset()
            ),
            trust=TRUST,
            proxy_protocol=proxy_protocol,
            challenge=self.challenge,
        )

    def challenge(self, hello: ClientHello) -> SSL.Context | None:
        """Return the context for a challenge."""
        return self.challenges.get(hello.server_name)

    def wire(self, peer: str | None = "192.0.2.7") -> Wire:
        """Return a new connection from *peer*."""
        wire = Wire(peer)
        self.assertTrue(wire.connect(self.port))
        return wire

    def plain(self, peer: str | None, data: bytes = GET) -> str:
        """Return what a plain request from *peer* gets: its client, or a status."""
        wire = self.wire(peer)
        wire.deliver(data)
        if not wire.value():
            return "closed" if wire.gone else "waiting"
        answer = parse(wire.value())
        return answer.body.decode() if answer.status == 200 else str(answer.status)

    def over_tls(self, wire: Wire, **options: Any) -> str:
        """Return what a request over TLS gets."""
        client = TlsClient(wire, **options).connect()
        client.send(GET)
        self.clock.advance(0)  # small writes are joined
        return parse(client.receive()).body.decode()


class TlsTests(PortTestCase):
    """TLS goes to the site."""

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3, from any address; then the connection is not pending."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            for peer in ("192.0.2.7", "127.0.0.1"):
                found = self.over_tls(self.wire(peer), version=version)
                self.assertEqual(found, f"{peer} https False")
        self.assertEqual(len(self.pending), 0)

    def test_byte_by_byte(self) -> None:
        """The ClientHello may arrive byte by byte."""
        wire = self.wire()
        client = TlsClient(wire)
        for each in client.hello():
            wire.deliver(bytes((each,)))
        client.shake()
        client.send(GET)
        self.clock.advance(0)
        self.assertEqual(parse(client.receive()).status, 200)

    def test_with_the_request(self) -> None:
        """Data that arrives with the end of the handshake reaches the site."""
        wire = self.wire()
        client = TlsClient(wire)
        wire.deliver(client.hello())
        client.connection.bio_write(wire.value())
        wire.clear()
        client.connection.do_handshake()
        client.send(GET)  # after the last message of the handshake, in one piece
        self.clock.advance(0)
        self.assertEqual(parse(client.receive()).status, 200)

    def test_slow(self) -> None:
        """Ten seconds are for first bytes and handshake together."""
        silent, halfway = self.wire(), self.wire()
        self.clock.advance(SECONDS - 1)
        halfway.deliver(TlsClient(halfway).hello())
        done = self.wire()
        client = TlsClient(done).connect()
        self.clock.advance(1)
        self.assertTrue(silent.gone)
        self.assertTrue(halfway.gone)
        self.assertEqual(len(self.pending), 0)
        self.clock.advance(SECONDS)
        self.assertFalse(done.gone)
        client.send(GET)
        self.clock.advance(0)
        self.assertEqual(parse(client.receive()).status, 200)

    def test_no_tls(self) -> None:
        """Junk, other records, and a hello of 40 KiB are closed at once."""
        for data in (
            b"\x00\x01",
            b"\x80\x2e\x01\x00\x02",
            b"\x15\x03\x01\x00\x02",
            b"\x16\x02\x00\x00\x05hello",
            b"\x16\x03\x01\x40\x00\x01\x00\xa0\x00",
            b"get / http/1.1\r\n",
            b"\r\n\r\nx",
            b"\xff" * 100,
        ):
            self.assertEqual(self.plain("192.0.2.7", data), "closed", data)
        self.assertEqual(len(self.pending), 0)

    def test_broken_handshake(self) -> None:
        """A hello that OpenSSL does not like ends the connection."""
        wire = self.wire()
        wire.deliver(b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x00\x00")
        self.assertTrue(wire.gone)
        self.assertEqual(len(self.pending), 0)

    def test_lost(self) -> None:
        """A waiting client that disconnects makes room."""
        early, late = self.wire(), self.wire()
        late.deliver(TlsClient(late).hello())
        self.assertEqual(len(self.pending), 2)
        early.lose()
        late.lose()
        self.assertEqual(len(self.pending), 0)

    def test_many(self) -> None:
        """Connections are limited per address, and in total; the oldest is closed."""
        wires = [self.wire() for _ in range(EACH)]
        self.assertTrue(self.wire().gone)
        self.assertFalse(wires[0].gone)
        for number in range(ALL):
            self.wire(f"198.51.{number // 250}.{number % 250}")
        self.assertEqual(len(self.pending), ALL)
        self.assertTrue(all(wire.gone for wire in wires))
        self.assertEqual(self.over_tls(self.wire()), "192.0.2.7 https False")


class ChallengeTests(PortTestCase):
    """Only the CA's challenge is answered."""

    def setUp(self) -> None:
        """Have a challenge for one name."""
        super().setUp()
        made = tls_context(chain=OTHER_CHAIN, key=OTHER_KEY)
        made.set_alpn_select_callback(lambda _, offered: offered[0])
        self.challenges["ci.example.org"] = made

    def ask(self, name: str, *protocols: bytes) -> TlsClient:
        """Return a client that has shaken hands."""
        return TlsClient(self.wire(), name=name, protocols=protocols).connect()

    def common_name(self, client: TlsClient) -> str:
        """Return whose certificate a client got."""
        certificate = client.connection.get_peer_certificate()
        assert certificate is not None
        return str(certificate.get_subject().CN)

    def test_challenge(self) -> None:
        """It is shown for the name, and the connection closed, at last by us."""
        polite = self.ask("ci.example.org", b"acme-tls/1")
        silent = self.ask("ci.example.org", b"acme-tls/1")
        self.assertEqual(self.common_name(polite), "challenge")
        self.assertEqual(polite.receive(), b"")
        polite.close()
        self.assertTrue(polite.wire.gone)
        self.assertFalse(silent.wire.gone)
        self.clock.advance(SECONDS)
        self.assertTrue(silent.wire.gone)
        self.assertEqual(len(self.pending), 0)

    def test_others(self) -> None:
        """A client with other protocols too, or another name, is an ordinary client."""
        for name, protocols in (
            ("ci.example.org", (b"acme-tls/1", b"http/1.1")),
            ("ci.example.org", (b"http/1.1",)),
            ("other.example.org", (b"http/1.1", b"acme-tls/1")),
        ):
            client = self.ask(name, *protocols)
            self.assertEqual(self.common_name(client), "localhost")
            client.send(GET)
            self.clock.advance(0)
            self.assertEqual(parse(client.receive()).status, 200)


class PlainTests(PortTestCase):
    """Plain HTTP is for this machine and for proxies."""

    def test_served(self) -> None:
        """From loopback, a UNIX socket and trusted proxies it is served."""
        for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.7"):
            self.assertEqual(
                self.plain(peer), f"{peer.removeprefix('::ffff:')} None True"
            )
        self.assertEqual(self.plain(None), " None True")
        self.assertEqual(len(self.pending), 0)

    def test_forwarded(self) -> None:
        """The headers of such a proxy count."""
        data = (
            GET[:-2] + b"X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n\r\n"
        )
        self.assertEqual(self.plain("127.0.0.1", data), "9.9.9.9 https True")
        self.assertEqual(self.plain("10.0.0.7", data), "9.9.9.9 https True")

    def test_redirected(self) -> None:
        """From elsewhere there is the way to HTTPS, or a sentence."""
        wire = self.wire("192.0.2.7")
        wire.deliver(GET)
        self.assertEqual(parse(wire.value()).header("location"), "https://h.example/x")
        post = b"POST /x HTTP/1.1\r\nHost: box\r\n\r\n"
        self.assertEqual(self.plain("192.0.2.7", post), "426")
        wire.lose()

    def test_byte_by_byte(self) -> None:
        """A request may arrive byte by byte, although P may begin PROXY or PUT."""
        for peer, status in (("127.0.0.1", 200), ("192.0.2.7", 426)):
            wire = self.wire(peer)
            for each in b"PUT /x HTTP/1.1\r\nHost: box\r\nContent-Length: 0\r\n\r\n":
                wire.deliver(bytes((each,)))
            self.assertEqual(parse(wire.value()).status, status)

    def test_kept_alive(self) -> None:
        """The channel has the connection for itself afterwards."""
        wire = self.wire("127.0.0.1")
        for _ in range(3):
            wire.deliver(GET)
            self.assertEqual(parse(wire.value()).status, 200)
            wire.clear()
        self.assertIn("Channel", type(wire.protocol).__name__)
        self.clock.advance(SECONDS + 1)
        self.assertFalse(wire.gone)

    def test_without_tls(self) -> None:
        """Without TLS plain HTTP is served to all; TLS and silence are closed."""
        self.port = self.make(tls=False)
        self.assertEqual(self.plain("192.0.2.7"), "192.0.2.7 http False")
        wire = self.wire()
        wire.deliver(TlsClient(wire).hello())
        self.assertTrue(wire.gone)
        silent = self.wire()
        self.clock.advance(SECONDS)
        self.assertTrue(silent.gone)


class ProxyProtocolTests(PortTestCase):
    """A proxy names the client by the PROXY protocol."""

    LINE: ClassVar[bytes] = b"PROXY TCP4 198.51.100.9 10.0.0.1 4711 443\r\n"
    TLS: ClassVar[bytes] = b"\x20\x00\x05\x01\x00\x00\x00\x00"

    def headers(self) -> tuple[bytes, bytes]:
        """Return the header in both versions."""
        return self.LINE, version_2(0x11, addresses("198.51.100.9"))

    def test_tls(self) -> None:
        """TLS that is passed through is the client's own."""
        for header in self.headers():
            wire = self.wire("10.0.0.7")
            wire.deliver(header)
            self.assertEqual(self.over_tls(wire), "198.51.100.9 https False")
            self.assertEqual(len(self.pending), 0)

    def test_in_one_piece(self) -> None:
        """Header and data may arrive together, or byte by byte."""
        for header in self.headers():
            wire = self.wire("10.0.0.7")
            client = TlsClient(wire)
            wire.deliver(header + client.hello())
            client.shake()
            client.send(GET)
            self.clock.advance(0)
            self.assertEqual(parse(client.receive()).body, b"198.51.100.9 https False")
            wire = self.wire("10.0.0.7")
            for each in header + GET:
                wire.deliver(bytes((each,)))
            self.assertEqual(parse(wire.value()).status, 308)

    def test_plain(self) -> None:
        """Plain HTTP that the proxy passed through is redirected."""
        for header in self.headers():
            forged = GET[:-2] + b"X-Forwarded-Proto: https\r\n\r\n"
            self.assertEqual(self.plain("10.0.0.7", header + forged), "308")

    def test_told_of_tls(self) -> None:
        """A proxy's header reports the client's TLS; forged headers do not count."""
        header = version_2(0x11, addresses("198.51.100.9"), extra=self.TLS)
        forged = GET[:-2] + b"X-Forwarded-For: 9.9.9.9\r\n\r\n"
        for data in (GET, forged):
            found = self.plain("10.0.0.7", header + data)
            self.assertEqual(found, "198.51.100.9 https False")

    def test_own(self) -> None:
        """The proxy's own connections, to see whether we are alive, are its own."""
        header = version_2(0x00, command=0x20)
        self.assertEqual(self.plain("10.0.0.7", header + GET), "10.0.0.7 None True")
        self.assertEqual(self.plain("10.0.0.7"), "10.0.0.7 None True")

    def test_unknown(self) -> None:
        """A client of no known address, or that of a proxy, is still no proxy."""
        forged = GET[:-2] + (
            b"X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: evil.example\r\n"
            b"X-Forwarded-Proto: https\r\n\r\n"
        )
        for header, shown in (
            (b"PROXY UNKNOWN\r\n", "10.0.0.7"),
            (b"PROXY UNKNOWN ff:: ::1 1 2\r\n", "10.0.0.7"),
            (version_2(0x00), "10.0.0.7"),
            (version_2(0x31, bytes(216)), "10.0.0.7"),
            (b"PROXY TCP4 127.0.0.1 10.0.0.1 4711 443\r\n", "127.0.0.1"),
            (b"PROXY TCP4 10.0.0.7 10.0.0.1 4711 443\r\n", "10.0.0.7"),
            (b"PROXY TCP6 ::1 ::2 4711 443\r\n", "::1"),
        ):
            with self.subTest(header=header):
                self.assertEqual(self.plain("10.0.0.7", header + forged), "308")
                wire = self.wire("10.0.0.7")
                wire.deliver(header)
                self.assertEqual(self.over_tls(wire), f"{shown} https False")
        encrypted = version_2(0x00, extra=self.TLS)
        found = self.plain("10.0.0.7", encrypted + forged)
        self.assertEqual(found, "10.0.0.7 https False")

    def test_elsewhere(self) -> None:
        """A header from a client that is no configured proxy closes the connection."""
        for header in self.headers():
            for peer in ("192.0.2.7", "127.0.0.1", "::1"):
                with capturedLogs() as events:
                    self.assertEqual(self.plain(peer, header + GET), "closed")
                self.assertIn("trusted_proxies", events[0]["log_format"])

    def test_unix(self) -> None:
        """Over a UNIX socket, which only a proxy can open, it counts."""
        found = self.plain(None, self.LINE + GET)
        self.assertEqual(found, "308")

    def test_off(self) -> None:
        """Without the option no client may send the header."""
        self.port = self.make(proxy_protocol=False)
        for peer in ("10.0.0.7", None):
            self.assertEqual(self.plain(peer, self.LINE + GET), "closed")

    def test_damaged(self) -> None:
        """A damaged header, or a second one, closes the connection."""
        for data in (
            b"PROXY TCP4 evil\r\n",
            self.LINE + self.LINE,
            b"PROXY UNKNOWN\r\n" + self.LINE,
            version_2(0x12, addresses("198.51.100.9")),
        ):
            self.assertEqual(self.plain("10.0.0.7", data + GET), "closed")
        self.assertEqual(len(self.pending), 0)

    def test_slow(self) -> None:
        """A connection that sends only a header has the usual time limit."""
        wire = self.wire("10.0.0.7")
        wire.deliver(self.LINE)
        self.assertFalse(wire.gone)
        self.clock.advance(SECONDS)
        self.assertTrue(wire.gone)

    def test_many(self) -> None:
        """The limit is the client's, not the proxy's."""
        for _ in range(EACH):
            self.wire("10.0.0.7").deliver(self.LINE)
        wire = self.wire("10.0.0.7")
        self.assertFalse(wire.gone)
        wire.deliver(self.LINE)
        self.assertTrue(wire.gone)

    def test_upgrade(self) -> None:
        """After an upgrade the new protocol gets the data."""
        wire = self.wire("10.0.0.7")
        header = version_2(0x11, addresses("198.51.100.9"), extra=self.TLS)
        wire.deliver(header + GET)
        transport = wire.protocol.transport
        transport.protocol = "the websocket"
        self.assertEqual(wire.protocol, "the websocket")
        self.assertEqual(transport.protocol, "the websocket")
