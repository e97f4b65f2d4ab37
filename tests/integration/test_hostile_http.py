"""Bytes that no client should send, and clients that are slow, at the real listener."""

import contextlib
import socket
import time

from semaphore_twisted.web.http.channel import SECONDS
from tests.support.cases import SharedProductTestCase
from tests.support.pace import in_time
from tests.support.smuggling import HIDDEN, SMUGGLED


class HostileTests(SharedProductTestCase):
    """Malformed requests are answered once, and the connection is closed."""

    def connect(self, *, tls: bool) -> socket.socket:
        """Return a connection to the server."""
        plain = socket.create_connection(("localhost", self.product.port), timeout=60)
        self.addCleanup(plain.close)
        if not tls:
            return plain
        return self.product.context.wrap_socket(plain, server_hostname="localhost")

    def rest(self, connection: socket.socket) -> bytes:
        """Return all data until the server closes the connection."""
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65_536):
                parts.append(part)
        connection.close()
        return b"".join(parts)

    def test_smuggling(self) -> None:
        """Each request of the set gets a single 400, over TLS and in plain."""
        for tls in (True, False):
            for name, data in SMUGGLED.items():
                with self.subTest(name=name, tls=tls):
                    connection = self.connect(tls=tls)
                    connection.sendall(data + HIDDEN)
                    began = time.monotonic()
                    got = self.rest(connection)
                    in_time(time.monotonic() - began, 4)
                    self.assertEqual(got.count(b"HTTP/1.1"), 1, got)
                    self.assertIn(b" 400 ", got.partition(b"\r\n")[0])
                    self.assertNotIn(b"server:", got.lower())
        self.assertNotIn("/api/hidden", self.product.log.read_text())
        self.assertNotIn("Traceback", self.product.log.read_text())

    def test_slow(self) -> None:
        """Slow heads and bodies are cut off, and other clients are served meanwhile."""
        slow = [self.connect(tls=tls) for tls in (True, False) for _ in range(100)]
        post = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
        for number, each in enumerate(slow):
            each.sendall(post + b"Content-Length: 90\r\n\r\n{" if number % 2 else post)
        began = time.monotonic()
        while time.monotonic() < began + SECONDS - 5:
            time.sleep(1)
            for number, each in enumerate(slow):
                each.sendall(b" " if number % 2 else b"X-Slow: 1\r\n")
            self.assertEqual(self.product.call("GET", "/api/ping").status, 200)
        for each in slow:
            self.assertIn(b" 408 ", self.rest(each).partition(b"\r\n")[0])
        in_time(time.monotonic() - began, SECONDS + 15)

    def test_large(self) -> None:
        """Ten megabytes of header are not read, from any client."""
        for tls in (True, False):
            connection = self.connect(tls=tls)
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET / HTTP/1.1\r\nX-Large: " + b"x" * 10_000_000)
            self.rest(connection)
            self.assertEqual(self.product.call("GET", "/api/ping").status, 200)

    def test_idle(self) -> None:
        """A thousand idle connections do not prevent new clients."""
        idle = [self.connect(tls=True) for _ in range(1000)]
        for each in idle:
            each.sendall(b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", each.recv(1000))
        self.assertEqual(self.product.call("GET", "/api/ping").status, 200)
        for each in idle:
            each.close()
