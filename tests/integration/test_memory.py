"""Memory that clients can make the server use, measured at the real process."""

import contextlib
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

from semaphore_twisted.model import limits
from tests.support.cases import ProductTestCase
from tests.support.product import TIMEOUT
from tests.support.websocket import WebSocket

MIB = 1 << 20

#: What the process may grow by for reasons of its own: Python's arenas, TLS, threads.
ROOM = 24 * MIB


class MemoryTestCase(ProductTestCase):
    """A server, whose resident memory is watched."""

    is_warm = False

    def resident(self) -> int:
        """Return the bytes of memory that the server has now."""
        assert self.product.process is not None
        status = Path(f"/proc/{self.product.process.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the kernel does not tell the memory")

    def connect(self, *, tls: bool = True) -> socket.socket:
        """Return a connection whose receive buffer is small."""
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(TIMEOUT)
        plain.connect(("127.0.0.1", self.product.port))
        self.addCleanup(plain.close)
        if not tls:
            return plain
        return self.product.context.wrap_socket(plain, server_hostname="localhost")

    @contextlib.contextmanager
    def grows_by(self, most: int) -> Iterator[None]:
        """Check that the server's memory grows by less than *most* bytes."""
        before = self.resident()
        yield
        grown = self.settled() - before
        self.assertLess(grown, most, f"{grown / MIB:.1f} MiB")

    def settled(self) -> int:
        """Return the memory, once it has stood still for some answers."""
        seen = [self.resident()]
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            self.assertEqual(self.product.call("GET", "/api/ping").status, 200)
            seen.append(self.resident())
            if len(seen) > 20 and max(seen[-10:]) - min(seen[-10:]) < MIB // 4:
                break
        return max(seen)

    def head(self, path: str, *, token: str = "", method: str = "GET") -> str:
        """Return the first lines of a request."""
        lines = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
        return lines + (f"Authorization: Bearer {token}\r\n" if token else "")

    def log_of(self, lines: int, length: int) -> str:
        """Run a job that prints so many lines; return the path of its log."""
        script = f"head -c {length} /dev/zero | tr '\\0' x > l; echo >> l\n"
        script += f"for i in $(seq {lines}); do cat l; done\n"
        project, repo = self.project({"long.sh": script})
        template = self.template(project, repo, "bash", "long.sh")
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        return f"/api/project/{project}/tasks/{task}"


class ConnectionTests(MemoryTestCase):
    """Connections that send much before they are identified."""

    #: memory of one connection besides its bytes: objects, and TLS
    EACH = 96 << 10

    def test_hellos(self) -> None:
        """Of hellos that do not end, so many are kept, and the oldest ones go."""
        hello = b"\x16\x03\x01\x3f\xff\x01\x00\x7d\x00" + bytes(16_379)
        hello += b"\x16\x03\x01\x3f\xff" + bytes(15_000)
        most = limits.PENDING * (2 * limits.HELLO + self.EACH)
        with self.grows_by(most + ROOM):
            for _ in range(2 * limits.PENDING):
                with contextlib.suppress(ConnectionError):
                    self.connect(tls=False).sendall(hello)
        self.assertIn("are unidentified", self.product.log.read_text())

    def test_heads(self) -> None:
        """A head that does not end is as long as a head may be, and no longer."""
        line = b"X-Long: " + b"x" * 3_990 + b"\r\n"
        head = self.head("/").encode() + line * 4
        count = 300
        with self.grows_by(count * (4 * limits.HEAD + self.EACH) + ROOM):
            waiting = []
            for number in range(count):
                waiting.append(self.connect(tls=number % 2 == 0))
                waiting[-1].sendall(head)
        for each in waiting:
            each.sendall(line)
            self.assertIn(b" 400 ", each.recv(4096))


class BodyTests(MemoryTestCase):
    """Bodies that are not finished."""

    def test_unknown(self) -> None:
        """Of 3.8 MiB each, sent without credentials, next to nothing is kept."""
        body = b"x" * int(3.8 * MIB)
        head = self.head("/api/projects", method="POST")
        head += f"Content-Length: {len(body) + 1}\r\n\r\n"
        with self.grows_by(limits.BODIES_UNKNOWN + ROOM):
            waiting = []
            for number in range(120):
                each = self.connect(tls=number % 2 == 0)
                each.sendall(head.encode() + body)
                waiting.append(each)
        for each in waiting:
            each.sendall(b"x")
            self.assertIn(b" 401 ", each.recv(4096))


class LogTests(MemoryTestCase):
    """Logs that are asked for and not read."""

    def test_unread(self) -> None:
        """Fifteen clients that read nothing of 90 MB hold a few batches."""
        path = self.log_of(1500, 60_000)
        for each in ("output", "raw_output"):
            head = self.head(f"{path}/{each}", token=self.product.token) + "\r\n"
            with self.grows_by(15 * 4 * limits.BATCH + ROOM):
                waiting = [self.connect(tls=number % 2 == 0) for number in range(15)]
                for connection in waiting:
                    connection.sendall(head.encode())
                    self.assertIn(b" 200 ", connection.recv(15))
            for connection in waiting:
                connection.close()

    def test_websockets(self) -> None:
        """Fifteen websockets that read nothing hold a few batches of a log."""
        opened: list[WebSocket] = []
        for _ in range(15):
            opened.append(self.product.websocket())
            self.addCleanup(opened[-1].close)
        with self.grows_by(15 * 4 * limits.BATCH + ROOM):
            self.log_of(1500, 60_000)

    def test_pipelined(self) -> None:
        """A client that asks a thousand times at once has one answer waiting."""
        path = self.log_of(40, 5_000)
        head = self.head(f"{path}/output", token=self.product.token) + "\r\n"
        with self.grows_by(10 * 4 * limits.BATCH + ROOM):
            for number in range(10):
                connection = self.connect(tls=number % 2 == 0)
                connection.settimeout(0.5)
                with contextlib.suppress(TimeoutError, ssl.SSLError):
                    connection.sendall(head.encode() * 1000)


class ExhaustedTests(MemoryTestCase):
    """A server whose memory is limited by the operating system."""

    def test_ends(self) -> None:
        """Without memory the server answers or ends, and never hangs."""
        process = self.product.process
        assert process is not None
        status = Path(f"/proc/{process.pid}/status").read_text()
        size = next(
            int(line.split()[1]) * 1024
            for line in status.splitlines()
            if line.startswith("VmSize:")
        )
        resource.prlimit(process.pid, resource.RLIMIT_AS, (size + MIB, size + MIB))
        head = self.head("/api/projects", token=self.product.token, method="POST")
        head += f"Content-Length: {limits.BODY}\r\n\r\n"
        waiting = []
        deadline = time.monotonic() + TIMEOUT
        while process.poll() is None:
            self.assertLess(time.monotonic(), deadline, "the limit was not reached")
            with contextlib.suppress(OSError):
                each = self.connect()
                waiting.append(each)
                each.sendall(head.encode() + b"x" * (limits.BODY - 1))
                if self.product.call("GET", "/api/ping").status == 200:
                    continue
        self.assertNotEqual(process.wait(TIMEOUT), 0)
        self.product.start()  # as the unit does, without the limit
        self.assertEqual(self.product.call("GET", "/api/ping").status, 200)
