"""One port for TLS, plain HTTP and proxies, as real clients meet it."""

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from semaphore_twisted.start.local_addresses import own_addresses
from semaphore_twisted.web.listener.pending_connections import ALL, EACH, SECONDS
from tests.support.pace import in_time
from tests.support.product import TIMEOUT, Product, free_port
from tests.support.programs import program
from tests.support.websocket import WebSocket
from tests.web.test_proxy_protocol import addresses, version_2

#: What a proxy says of a client that spoke TLS to it.
TOLD_OF_TLS = version_2(
    0x11, addresses("198.51.100.9"), extra=b"\x20\x00\x05\x01\x00\x00\x00\x00"
)
TOLD = version_2(0x11, addresses("198.51.100.9"))
LINE = b"PROXY TCP4 198.51.100.9 10.0.0.1 4711 443\r\n"

GET = b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def elsewhere() -> str:
    """Return an address of this machine by which it is not itself to the server."""
    for each in own_addresses():
        if not each.startswith("127.") and ":" not in each:
            return each
    raise SkipTest("this machine has no address but loopback")


def curl(*words: str) -> tuple[int, str, str]:
    """Return the status, the body and where one is sent to."""
    done = subprocess.run(
        [
            *(program("curl"), "--silent", "--max-time", "20", *words),
            *("--write-out", "\n%{http_code} %{redirect_url}"),
        ],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    body, _, last = done.stdout.rpartition("\n")
    status, _, location = last.partition(" ")
    return int(status), body, location


def say(host: str, port: int, data: bytes) -> bytes:
    """Send *data* and return all data until the end of the connection."""
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(data)
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65_536):
                parts.append(part)
        return b"".join(parts)


class ListenerTestCase(SynchronousTestCase):
    """A server that is started with some options."""

    def setUp(self) -> None:
        """Make a folder; its path is short, as a socket's has to be."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, **environ: str) -> Product:
        """Start a server with options in the environment."""
        product = Product(self.folder / "state", is_warm=True)
        product.environ |= {f"SEMAPHORE_{each}": environ[each] for each in environ}
        self.addCleanup(product.stop)
        product.start()
        return product

    def trusting(self, product: Product) -> tuple[str, str]:
        """Return curl's option to trust *product*."""
        return "--cacert", str(product.root)


class OnePortTests(ListenerTestCase):
    """TLS and plain HTTP at one port."""

    def test_both(self) -> None:
        """Plain HTTP is served to this machine only; other clients are sent to TLS."""
        other = elsewhere()
        product = self.start(INTERFACE="")
        port = product.port
        trust = self.trusting(product)
        for words in (
            (*trust, f"https://localhost:{port}/api/ping"),
            (*trust, f"https://{other}:{port}/api/ping"),
            (f"http://127.0.0.1:{port}/api/ping",),
            (f"http://[::1]:{port}/api/ping",),
        ):
            self.assertEqual(curl(*words)[:2], (200, "pong"), words)
        plain = f"http://{other}:{port}/api/ping"
        status, body, location = curl(plain)
        self.assertEqual(status, 308)
        self.assertEqual(location, f"https://{other}:{port}/api/ping")
        self.assertEqual(curl("--location", *trust, plain)[:2], (200, "pong"))
        self.assertEqual(curl("--head", plain)[0], 308)
        self.assertEqual(curl("--data", "x" * 60_000, plain)[0], 426)
        status, body, _ = curl("--header", "Authorization: Bearer marker-4711", plain)
        self.assertEqual(status, 403)
        self.assertIn("clear text", body)
        self.assertEqual(curl("--header", "Host: evil.example", plain)[0], 400)
        said = product.log.read_text()
        self.assertIn("a token or password over plain HTTP", said)
        self.assertNotIn("marker-4711", said)

    def test_versions(self) -> None:
        """OpenSSL's own client shakes hands by TLS 1.2 and 1.3."""
        product = self.start()
        for version in ("1_2", "1_3"):
            done = subprocess.run(
                [
                    *(
                        program("openssl"),
                        "s_client",
                        f"-tls{version}",
                        "-quiet",
                        "-ign_eof",
                    ),
                    *("-connect", f"127.0.0.1:{product.port}"),
                    *("-CAfile", str(product.root), "-verify_return_error"),
                ],
                input=GET,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
            self.assertTrue(done.stdout.endswith(b"pong"), done.stderr)

    def test_websocket(self) -> None:
        """An upgrade works in plain, with the cookie and without an origin."""
        product = self.start()
        cookie = product.log_in()
        opened = WebSocket(
            "localhost", product.port, "/api/ws", None, {"Cookie": cookie}
        )
        opened.settimeout(10)
        product.call("POST", "/api/auth/logout", headers={"Cookie": cookie})
        self.assertIsNone(opened.read())
        self.assertEqual(opened.closed, 4401)

    def test_large(self) -> None:
        """A large answer is complete over TLS, in plain, and through a proxy."""
        product = self.start(PROXY_PROTOCOL="1", TRUSTED_PROXIES="127.0.0.1")
        product.log_in()
        head = (
            f"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
            f"Bearer {product.token}\r\nConnection: close\r\n\r\n"
        ).encode()
        wanted = product.call("GET", "/api/openapi.json").content
        self.assertGreater(len(wanted), 50_000)
        for preamble in (b"", TOLD_OF_TLS):
            answer = say("127.0.0.1", product.port, preamble + head)
            self.assertTrue(answer.endswith(wanted))

    def test_require_origin(self) -> None:
        """The option refuses a cookie without an origin from a proxy too."""
        product = self.start(WEBSOCKET_REQUIRE_ORIGIN="true")
        cookie = product.log_in()
        status, body, _ = curl(
            *("--header", "Upgrade: websocket", "--header", "Connection: Upgrade"),
            *("--header", "Sec-WebSocket-Version: 13"),
            *("--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            *("--header", f"Cookie: {cookie}"),
            f"http://127.0.0.1:{product.port}/api/ws",
        )
        self.assertEqual(status, 403, body)


class BoundsTests(ListenerTestCase):
    """Silent connections are closed, and do not prevent new clients."""

    def test_slow(self) -> None:
        """First bytes and handshake have ten seconds, together."""
        product = self.start()
        began = time.monotonic()
        waiting = []
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        for data in (b"", b"P", b"\x16", hello):
            connection = socket.create_connection(("127.0.0.1", product.port), 30)
            self.addCleanup(connection.close)
            connection.sendall(data)
            waiting.append(connection)
        handshake = socket.create_connection(("127.0.0.1", product.port), 30)
        self.addCleanup(handshake.close)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = product.context.wrap_bio(
            incoming, outgoing, server_hostname="localhost"
        )
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        handshake.sendall(outgoing.read())
        self.assertTrue(handshake.recv(65_536))  # and no word from us after it
        for connection in (*waiting, handshake):
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(65_536):
                    pass
        took = time.monotonic() - began
        self.assertGreater(took, SECONDS - 1)
        in_time(took, SECONDS + 3)

    def test_many(self) -> None:
        """1,000 silent connections do not prevent TLS or plain HTTP."""
        other = elsewhere()
        product = self.start(INTERFACE="")
        with contextlib.ExitStack() as stack:
            for host, least, most in ((other, 1, EACH), ("127.0.0.1", 1, ALL)):
                silent = []
                for _ in range(1000):
                    # it may be closed before it is known here that it was opened
                    with contextlib.suppress(ConnectionResetError):
                        silent.append(
                            stack.enter_context(
                                socket.create_connection((host, product.port), 20)
                            )
                        )
                url = f"localhost:{product.port}/api/ping"
                trust = self.trusting(product)
                self.assertEqual(curl(*trust, f"https://{url}")[:2], (200, "pong"))
                self.assertEqual(curl(f"http://{url}")[:2], (200, "pong"))
                left = sum(map(is_open, silent))
                self.assertLessEqual(left, most)
                self.assertGreaterEqual(left, least)
        said = product.log.read_text()
        self.assertIn(f"Too many connections of {other}", said)
        self.assertLess(said.count("Too many connections"), 4)


def is_open(connection: socket.socket) -> bool:
    """Whether the other side has not closed *connection*."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


class ProxyTests(ListenerTestCase):
    """The PROXY protocol and forwarding headers."""

    def clients(self, product: Product) -> list[str]:
        """Return who pinged, from the access log."""
        said = product.log.read_text()
        return re.findall(r"(\S+) GET /api/ping 200", said)[1:]

    def test_proxy_protocol(self) -> None:
        """The client's address is the one in a configured proxy's header."""
        product = self.start(PROXY_PROTOCOL="1", TRUSTED_PROXIES="127.0.0.1")
        port, trust = product.port, self.trusting(product)
        for preamble in (LINE, TOLD):
            answer = say("127.0.0.1", port, preamble + GET)
            self.assertIn(b" 308 ", answer)  # plain HTTP that only passes through
        self.assertTrue(say("127.0.0.1", port, TOLD_OF_TLS + GET).endswith(b"pong"))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(LINE)
            wrapped = product.context.wrap_socket(plain, server_hostname="localhost")
            wrapped.sendall(GET)
            self.assertTrue(wrapped.recv(65_536))
        url = f"https://localhost:{port}/api/ping"
        self.assertEqual(curl("--haproxy-protocol", *trust, url)[0], 200)
        self.assertEqual(
            self.clients(product), ["198.51.100.9", "198.51.100.9", "127.0.0.1"]
        )

    def test_from_elsewhere(self) -> None:
        """A PROXY header from a client that is no proxy closes the connection."""
        for environ in ({}, {"PROXY_PROTOCOL": "1", "TRUSTED_PROXIES": "192.0.2.250"}):
            product = self.start(**environ)
            for preamble in (LINE, TOLD, TOLD_OF_TLS):
                self.assertEqual(say("127.0.0.1", product.port, preamble + GET), b"")
            self.assertIn("which is no proxy here", product.log.read_text())
            product.stop()

    def test_trusted(self) -> None:
        """A trusted proxy elsewhere is served in plain, and its headers are used."""
        other = elsewhere()
        product = self.start(INTERFACE="", TRUSTED_PROXIES=other)
        forwarded = ("--header", "X-Forwarded-For: 1.2.3.4, 198.51.100.9")
        url = f"http://{other}:{product.port}/api/ping"
        self.assertEqual(curl(*forwarded, url)[:2], (200, "pong"))
        trust = self.trusting(product)
        url = f"https://localhost:{product.port}/api/ping"
        self.assertEqual(curl(*forwarded, *trust, url)[:2], (200, "pong"))
        self.assertEqual(self.clients(product), ["198.51.100.9", "127.0.0.1"])


class PlacesTests(ListenerTestCase):
    """Where the server listens."""

    def test_several(self) -> None:
        """Two addresses and a UNIX socket at once, and a redirect at another port."""
        path, port = str(self.folder / "s"), free_port()
        product = self.start(
            INTERFACE=f"127.0.0.1,::1,unix:{path}", TLS_HTTP_REDIRECT_PORT=str(port)
        )
        trust = self.trusting(product)
        for words in (
            (f"https://127.0.0.1:{product.port}/api/ping",),
            (f"https://[::1]:{product.port}/api/ping",),
            ("--unix-socket", path, "http://localhost/api/ping"),
            ("--unix-socket", path, "https://localhost/api/ping"),
            ("--location", f"http://127.0.0.1:{port}/api/ping"),
        ):
            self.assertEqual(curl(*trust, *words)[:2], (200, "pong"), words)
        status, _, location = curl(f"http://[::1]:{port}/x?y=1")
        self.assertEqual(
            (status, location), (308, f"https://[::1]:{product.port}/x?y=1")
        )

    def test_redirect_address(self) -> None:
        """The redirect has an address of its own, and leads to ``web_host``."""
        port = free_port()
        self.start(
            TLS_HTTP_REDIRECT_ADDR=f"127.0.0.1:{port}",
            WEB_ROOT="https://ci.example.org/base",
        )
        status, _, location = curl(f"http://127.0.0.1:{port}/project/1")
        self.assertEqual(
            (status, location), (308, "https://ci.example.org/base/project/1")
        )

    def test_without_tls(self) -> None:
        """With TLS off there is plain HTTP, with the PROXY protocol too."""
        path = str(self.folder / "s")
        product = Product(self.folder / "state", is_warm=True)
        product.environ |= {
            "SEMAPHORE_INTERFACE": f"unix:{path},127.0.0.1",
            "SEMAPHORE_TLS_ENABLED": "false",
            "SEMAPHORE_PROXY_PROTOCOL": "true",
        }
        self.addCleanup(product.stop)
        product.launch()
        url = f"http://127.0.0.1:{product.port}/api/ping"
        deadline = time.monotonic() + TIMEOUT
        while curl(url)[0] != 200:
            self.assertLess(time.monotonic(), deadline, product.log.read_text())
        self.assertEqual(curl("--unix-socket", path, url)[:2], (200, "pong"))
        self.assertIn("198.51.100.9", self.over_unix(product, path))

    def over_unix(self, product: Product, path: str) -> str:
        """Ask with a PROXY header and return the log."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(TOLD + GET)
            self.assertTrue(connection.recv(65_536))
        return product.log.read_text()


class ActivationTests(ListenerTestCase):
    """Sockets that systemd has opened."""

    def test_activation(self) -> None:
        """Passed sockets are served by their names, and not bound again."""
        main = socket.create_server(("127.0.0.1", 0))
        redirect = socket.create_server(("127.0.0.1", 0))
        path = self.folder / "s"
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(path))
        unix.listen()
        opened = [main, redirect, unix]
        port, other = (each.getsockname()[1] for each in (main, redirect))
        product = Product(self.folder / "state", is_warm=True)
        product.port = port
        product.environ |= {
            "SEMAPHORE_INTERFACE": "192.0.2.250",  # would be refused
            "LISTEN_FDS": "3",
            "LISTEN_FDNAMES": "web:redirect:web",
        }
        log = self.enterContext(product.log.open("wb"))
        numbers = [each.fileno() for each in opened]
        moves = " ".join(f"{3 + n}<&{each}" for n, each in enumerate(numbers))
        twistd = Path(sys.executable).with_name("twistd")
        with subprocess.Popen(
            [
                *("bash", "-c", f'LISTEN_PID=$$ exec "$@" {moves}', "bash"),
                *(str(twistd), "--nodaemon", "--pidfile=", "semaphore"),
                *("--state", str(product.state)),
            ],
            env=product.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=numbers,
        ) as process:
            try:
                for each in opened:
                    each.close()
                deadline = time.monotonic() + TIMEOUT
                while not product.root.exists():
                    self.assertIsNone(process.poll(), product.log.read_text())
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.02)
                trust = self.trusting(product)
                url = f"https://localhost:{port}/api/ping"
                self.assertEqual(curl(*trust, url)[:2], (200, "pong"))
                found = curl("--unix-socket", str(path), "http://localhost/api/ping")
                self.assertEqual(found[:2], (200, "pong"))
                status, _, location = curl(f"http://127.0.0.1:{other}/x")
                self.assertEqual(status, 308)
                self.assertEqual(location, f"https://127.0.0.1:{port}/x")
            finally:
                process.terminate()
