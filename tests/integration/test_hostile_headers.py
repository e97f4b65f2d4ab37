"""Hostile ``Origin``, ``Host`` and forwarding headers, by every way in."""

import http.client
import re
import ssl
from collections.abc import Iterator, Sequence
from typing import ClassVar

from attrs import frozen

from tests.support.cases import SharedProductTestCase
from tests.support.product import TIMEOUT
from tests.support.proxies import Proxy
from tests.support.proxy_files import nginx_shipped

#: What a browser's handshake of a websocket has.
UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)

Headers = Sequence[tuple[str, str]]


@frozen
class Way:
    """A way to the server: its port, its TLS context, and the proxy's headers."""

    name: str
    port: int
    context: ssl.SSLContext | None
    #: the headers that a proxy on this machine adds
    added: Headers = ()

    def ask(self, method: str, path: str, host: str, headers: Headers = ()) -> int:
        """Return the status; *headers* are sent as they are, twice if need be."""
        connection: http.client.HTTPConnection
        if self.context is None:
            connection = http.client.HTTPConnection("localhost", self.port, TIMEOUT)
        else:
            connection = http.client.HTTPSConnection(
                "localhost", self.port, context=self.context, timeout=TIMEOUT
            )
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in (("Host", host), *self.added, *headers):
                connection.putheader(name, value.encode())
            body = b'{"name": "x"}' if method == "POST" else b""
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return connection.getresponse().status
        finally:
            connection.close()


class TablesTests(SharedProductTestCase):
    """Over TLS, in plain from a proxy on this machine, and behind NGINX."""

    config = {"web_root": "https://site.example"}  # noqa: RUF012 - the base's

    ORIGINS: ClassVar[tuple[str, ...]] = (
        "https://site.evil",
        "https://evil-site",
        "https://evil-site.example",
        "https://site.example.evil",
        "http://site.example",
        "https://site.example:444",
        "https://site.example@evil",
        "https://site.example.",
        "https://site.example/",
        "https://s\u0456te.example",
        "https://xn--ste-jhd.example",
        "https://site",
        "site.example",
        "//site.example",
        "null",
        "file://",
        "chrome-extension://x",
    )

    HOSTS: ClassVar[tuple[str, ...]] = (
        "evil.example",
        "site.example.evil.example",
        "evil-site.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.1",
    )

    #: What a client may say of its way, and none of it may count.
    WAYS: ClassVar[tuple[Headers, ...]] = (
        (("X-Forwarded-For", "192.0.2.66"),),
        (("X-Forwarded-For", "192.0.2.66, 192.0.2.66"),),
        (("X-Forwarded-For", "192.0.2.66"), ("X-Forwarded-For", "192.0.2.66")),
        (("X-Forwarded-For", "[2001:db8::66]:80"),),
        (("X-Forwarded-For", ", ".join(["192.0.2.66"] * 50)),),
        (("X-Real-IP", "192.0.2.66"),),
        (("Forwarded", "for=192.0.2.66;proto=http;host=evil.example"),),
        (("X-Forwarded-Host", "evil.example"),),
        (("X-Forwarded-Proto", "http"), ("X-Forwarded-Port", "80")),
        (("X-Forwarded-Server", "evil.example"), ("Via", "1.1 evil.example")),
    )

    def ways(self) -> Iterator[Way]:
        """Yield the ways in."""
        product = self.product
        proxy = Proxy(self.own / "proxy", product.port)
        self.own.chmod(0o755)
        self.addCleanup(proxy.stop)
        proxy.start(nginx_shipped)
        told = (("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Proto", "https"))
        yield Way("tls", product.port, product.context)
        yield Way("plain", product.port, None, told)
        yield Way("nginx", proxy.place.port, proxy.context())

    def test_origins(self) -> None:
        """Only the site's own pages change things and get a socket."""
        cookie = ("Cookie", self.product.log_in())
        own = ("Origin", "https://SITE.example")
        for way in self.ways():
            for origin in self.ORIGINS:
                sent: Headers = (cookie, ("Origin", origin))
                with self.subTest(way=way.name, origin=origin):
                    status = way.ask("POST", "/api/projects", "site.example", sent)
                    self.assertEqual(status, 403)
                    sent = (*UPGRADE, *sent)
                    status = way.ask("GET", "/api/ws", "site.example", sent)
                    self.assertEqual(status, 403)
            status = way.ask("POST", "/api/projects", "site.example", (cookie, own))
            self.assertEqual(status, 201, way.name)
            sent = (*UPGRADE, cookie, own)
            status = way.ask("GET", "/api/ws", "site.example", sent)
            self.assertEqual(status, 101, way.name)

    def test_odd_origins(self) -> None:
        """Two origins, or an empty one, are not the site's own."""
        cookie = ("Cookie", self.product.log_in())
        own, evil = ("Origin", "https://site.example"), ("Origin", "https://evil")
        for way in self.ways():
            if way.name == "nginx":  # it sends the first of two on, and no empty one
                continue
            for origins in ((own, evil), (evil, own), (own, own), (("Origin", ""),)):
                sent = (*UPGRADE, cookie, *origins)
                status = way.ask("GET", "/api/ws", "site.example", sent)
                self.assertEqual(status, 403, (way.name, origins))

    def test_hosts(self) -> None:
        """The site answers to no name that only looks like its own."""
        for way in self.ways():
            for host in self.HOSTS:
                with self.subTest(way=way.name, host=host):
                    self.assertEqual(way.ask("GET", "/api/ping", host), 421)
            for host in ("site.example", "SITE.example.:443", "localhost", "127.0.0.1"):
                self.assertEqual(way.ask("GET", "/api/ping", host), 200, way.name)

    def test_forwarded(self) -> None:
        """Forwarding headers of a client are ignored, over TLS and behind a proxy."""
        before = len(self.product.log.read_text())  # of other tests, by plain HTTP
        for way in self.ways():
            if way.name == "plain":  # there the client is the proxy
                continue
            for sent in self.WAYS:
                with self.subTest(way=way.name, sent=sent):
                    self.assertEqual(
                        way.ask("GET", "/api/ping", "localhost", sent), 200
                    )
        log = self.product.log.read_text()[before:]
        said = re.findall(r"(\S+) GET /api/ping", log)
        self.assertGreaterEqual(len(said), 2 * len(self.WAYS))
        self.assertLessEqual(set(said), {"127.0.0.1", "127.0.0.2", "::1"})
