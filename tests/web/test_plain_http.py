"""Plain HTTP from where it is not served."""

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.listener.pending_connections import (
    EACH,
    SECONDS,
    PendingConnections,
)
from semaphore_twisted.web.listener.plain_http import PlainHttpFactory, RedirectPolicy
from semaphore_twisted.web.proxies.client_address import PublicUrl
from tests.support.http import Answer, parse
from tests.support.wires import Wire


def refusals(web_host: str = "", port: int = 3000) -> RedirectPolicy:
    """Return what a server called ``box`` decides."""
    return RedirectPolicy(
        public_url=PublicUrl(web_host),
        port=port,
        names=frozenset({"box", "localhost", "2001:db8::1"}),
    )


def ask(
    head: str, web_host: str = "", port: int = 3000, here: str = "192.0.2.1"
) -> Answer:
    """Return the answer to a request with *head*."""
    data = head.replace("\n", "\r\n").encode() + b"\r\n\r\n"
    return parse(refusals(web_host, port).decide(data, peer="192.0.2.7", here=here))


class RefusalsTests(SynchronousTestCase):
    """Answers to plain HTTP requests."""

    #: Host, web_host, port of HTTPS, where to
    PLACES: ClassVar[tuple[tuple[str, str, int, str | None], ...]] = (
        ("box", "", 3000, "https://box:3000/x?y=1"),
        ("BOX:80", "", 3000, "https://box:3000/x?y=1"),
        ("box.:80", "", 443, "https://box/x?y=1"),
        ("192.0.2.1", "", 3000, "https://192.0.2.1:3000/x?y=1"),
        ("[2001:db8::1]:80", "", 3000, "https://[2001:db8::1]:3000/x?y=1"),
        ("evil.example", "", 3000, None),
        ("evil.example:box", "", 3000, None),
        ("box@evil.example", "", 3000, None),
        ("box/evil", "", 3000, None),
        ("", "", 3000, None),
        ("evil.example", "https://h.example", 3000, "https://h.example/x?y=1"),
        ("h.example", "https://h.example:8443/", 3000, "https://h.example:8443/x?y=1"),
        ("box", "https://h.example/base", 3000, "https://h.example/base/x?y=1"),
        ("", "https://h.example", 3000, "https://h.example/x?y=1"),
        ("box", "http://h.example", 3000, "https://box:3000/x?y=1"),
    )

    def test_places(self) -> None:
        """The way leads to ``web_host``, else to a name of this machine's own."""
        for host, web_host, port, wanted in self.PLACES:
            with self.subTest(host=host, web_host=web_host):
                answer = ask(f"GET /x?y=1 HTTP/1.1\nHost: {host}", web_host, port)
                self.assertEqual(answer.header("location"), wanted)
                self.assertEqual(answer.status, 308 if wanted else 400)
                self.assertNotIn(b"evil", answer.body)

    def test_below_the_base(self) -> None:
        """A path that has the base path already does not get it twice."""
        for path, wanted in (
            ("/base/x", "/base/x"),
            ("/base", "/base"),
            ("/base?x", "/base?x"),
            ("/basement", "/base/basement"),
            ("//evil.example", "/base//evil.example"),
        ):
            answer = ask(f"GET {path} HTTP/1.1\nHost: h", "https://h.example/base")
            self.assertEqual(
                answer.header("location"), f"https://h.example{wanted}", path
            )

    def test_methods(self) -> None:
        """Only what reads is redirected; HEAD gets no body."""
        answer = ask("HEAD / HTTP/1.1\nHost: box")
        self.assertEqual((answer.status, answer.body), (308, b""))
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get"):
            answer = ask(f"{method} / HTTP/1.1\nHost: box")
            self.assertEqual(answer.status, 426, method)
            self.assertIn(b"https", answer.body)
            self.assertIsNone(answer.header("location"))
            self.assertIn("TLS", answer.header("upgrade") or "")

    def test_token(self) -> None:
        """A token in plain text is refused and logged, but not repeated."""
        with capturedLogs() as events:
            answer = ask(
                "GET / HTTP/1.1\nHost: box\nAuthorization: Bearer tell-nobody",
                "https://h.example",
            )
        self.assertEqual(answer.status, 403)
        self.assertIn(b"clear text", answer.body)
        self.assertEqual(len(events), 1)
        self.assertEqual(events[0]["peer"], "192.0.2.7")
        self.assertNotIn("tell-nobody", repr(events) + repr(answer))

    def test_no_request(self) -> None:
        """An invalid or unusual request gets a sentence."""
        for head in (
            "GET /",
            "GET / HTTP/2.0",
            "GET  / HTTP/1.1",
            "GET /\u00e9 HTTP/1.1\nHost: box",
            "GET /\x01 HTTP/1.1\nHost: box",
            "GET http://box/ HTTP/1.1\nHost: box",
            "GET * HTTP/1.1\nHost: box",
            "GET / HTTP/1.1\nHost: box\nHost: evil.example",
        ):
            self.assertEqual(ask(head, "https://h.example").status, 400, head)

    def test_headers(self) -> None:
        """Answers name no version, are not kept, and end the connection."""
        answer = ask("GET / HTTP/1.1\nHost: box")
        self.assertEqual(answer.header("cache-control"), "no-store")
        self.assertEqual(answer.header("connection"), "close")
        self.assertEqual(answer.header("content-length"), str(len(answer.body)))
        self.assertIsNone(answer.header("server"))

    @given(st.text(max_size=80), st.text(max_size=40))
    def test_noise(self, path: str, host: str) -> None:
        """No text of the request becomes a line of the answer."""
        data = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        sent = refusals("https://h.example").decide(data, peer="", here="")
        head = sent.partition(b"\r\n\r\n")[0]
        self.assertIn(head.count(b"\r\n"), {5, 6})
        self.assertNotIn(b"\n", head.replace(b"\r\n", b""))


class StrangersTests(SynchronousTestCase):
    """The listener that redirects."""

    def setUp(self) -> None:
        """Create the factory."""
        self.clock = Clock()
        self.pending = PendingConnections(self.clock)
        self.factory = PlainHttpFactory(refusals("https://h.example"), self.pending)

    def wire(self) -> Wire:
        """Return a new connection."""
        wire = Wire()
        self.assertTrue(wire.connect(self.factory))
        return wire

    def test_answer(self) -> None:
        """A request in pieces is answered once; the rest is dropped."""
        wire = self.wire()
        for each in b"GET /x HTTP/1.1\r\nHost: h\r\n":
            wire.deliver(bytes((each,)))
            self.assertEqual(wire.value(), b"")
        wire.deliver(b"\r\n")
        self.assertEqual(parse(wire.value()).header("location"), "https://h.example/x")
        self.assertTrue(wire.half_closed)
        wire.clear()
        wire.deliver(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(wire.value(), b"")
        wire.lose()
        self.assertEqual(len(self.pending), 0)

    def test_endless_body(self) -> None:
        """A client that keeps sending is cut off."""
        wire = self.wire()
        wire.deliver(b"POST / HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(parse(wire.value()).status, 426)
        for _ in range(65):
            wire.deliver(b"x" * 1024)
        self.assertTrue(wire.gone)

    def test_long_head(self) -> None:
        """A head of more than 4 KiB is too long, also in one piece."""
        for end in (b"", b"\r\n\r\n"):
            wire = self.wire()
            wire.deliver(b"GET / HTTP/1.1\r\nX: " + b"x" * 4100 + end)
            self.assertEqual(parse(wire.value()).status, 431)

    def test_body_is_no_head(self) -> None:
        """Header lines in a body are not read as headers."""
        wire = self.wire()
        with capturedLogs() as events:
            wire.deliver(
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 44\r\n\r\n"
                b"Authorization: Bearer x\r\nHost: evil.example\r\n"
            )
        self.assertEqual(parse(wire.value()).status, 426)
        self.assertEqual(events, [])

    def test_slow(self) -> None:
        """A client that is silent, or does not read the answer, is closed in time."""
        silent, answered = self.wire(), self.wire()
        answered.deliver(b"GET / HTTP/1.1\r\n\r\n")
        self.clock.advance(SECONDS)
        self.assertTrue(silent.gone)
        self.assertTrue(answered.gone)

    def test_many(self) -> None:
        """One address may not hold any number of connections."""
        for _ in range(EACH):
            self.wire()
        self.assertFalse(Wire().connect(self.factory))
        self.assertTrue(Wire("192.0.2.8").connect(self.factory))
