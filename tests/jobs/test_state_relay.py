"""The relay of a job's state: who is let through, and when a request ends."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from shutil import rmtree
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import state_relay as program
from semaphore_twisted.jobs.supervision import linux, state_relay, state_requests
from semaphore_twisted.model import limits
from tests.support.product import free_port

PASSWORD = "Basic YWxpYXM6aGlkZGVu"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer"
#: Another user, whose number no program of a test has.
OTHER = 64_321


def request(body: bytes = b"", *lines: str, password: str = PASSWORD) -> bytes:
    """Return a request of Terraform with a *body*."""
    head = (
        *("POST /api/terraform/alias HTTP/1.1", "Host: 127.0.0.1"),
        *(f"Authorization: {password}", f"Content-Length: {len(body)}"),
        *lines,
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def read_all(end: socket.socket) -> bytes:
    """Return what arrives until the other side ends."""
    content = bytearray()
    while data := end.recv(1 << 16):
        content += data
    return bytes(content)


class RelayTestCase(SynchronousTestCase):
    """A relay, and the server that it passes requests to."""

    port: int

    def make_folder(self) -> None:
        """Make the folder with the sockets."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(rmtree, self.folder)
        self.server = self.folder / "states.sock"

    def listen(self) -> socket.socket:
        """Listen as the server does."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.settimeout(30)
        listener.bind(str(self.server))
        listener.listen()
        return listener

    def connect(self) -> socket.socket:
        """Connect as Terraform does."""
        client = socket.create_connection(("127.0.0.1", self.port), 30)
        self.addCleanup(client.close)
        return client

    def send(self, content: bytes = b"") -> socket.socket:
        """Connect, and send *content*."""
        client = self.connect()
        client.sendall(content)
        return client

    def accept(self, listener: socket.socket) -> socket.socket:
        """Accept a connection of the relay."""
        connection, _ = listener.accept()
        self.addCleanup(connection.close)
        connection.settimeout(30)
        return connection

    def receive(self, connection: socket.socket, body: bytes = b"") -> bytes:
        """Read a request with *body*, and return its head."""
        content = b""
        while not content.endswith(b"\r\n\r\n" + body):
            data = connection.recv(1 << 16)
            self.assertTrue(data, content[:200])
            content += data
        return content.removesuffix(body)

    def assert_served(self, listener: socket.socket) -> None:
        """Check that a request of the job is answered."""
        client = self.send(request())
        with self.accept(listener) as connection:
            self.receive(connection)
            connection.sendall(OK)
        self.assertEqual(read_all(client), OK)

    def assert_refused(self, client: socket.socket, status: int) -> bytes:
        """Check that the answer has *status*, a reason, and ends the connection."""
        answer = read_all(client)
        self.assertEqual(answer.split(b" ")[1], b"%d" % status, answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head)
        self.assertTrue(json.loads(body)["error"])
        return head


class RelayTests(RelayTestCase):
    """The relay as a process."""

    uid: int | None = None

    def setUp(self) -> None:
        """Start the relay; no server listens."""
        self.make_folder()
        self.port = free_port()
        self.ready = self.folder / "ready"
        job = self.folder / "job"
        job.write_text(json.dumps({"mark": "m", "uid": self.uid}))
        self.relay = self.start()
        until = time.monotonic() + 30
        while not linux.listens(str(self.ready)):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.005)

    def start(self) -> "subprocess.Popen[bytes]":
        """Start a relay."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(program.__file__)),
                *(str(self.port), str(self.server), str(self.ready)),
                str(self.folder / "job"),
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(PASSWORD.encode())
        return process


class PassTests(RelayTests):
    """What is passed on."""

    def test_waits_for_the_server(self) -> None:
        """A request that is sent while the server restarts arrives once it listens."""
        client = self.send(request(b"question"))
        connection = self.accept(self.listen())
        self.receive(connection, b"question")
        connection.sendall(OK)
        connection.close()
        self.assertEqual(read_all(client), OK)

    def test_large(self) -> None:
        """Large contents pass in both directions, whole."""
        listener = self.listen()
        content = bytes(range(256)) * 8192
        received = []

        def serve() -> None:
            connection = self.accept(listener)
            received.append(self.receive(connection, content))
            connection.sendall(OK + content)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        client = self.send(request(content))
        self.assertEqual(read_all(client), OK + content)
        self.assertEqual(len(received), 1)

    def test_one_request(self) -> None:
        """A connection has one request, so each request is authenticated."""
        client = self.send(
            request(b"one", "Connection: keep-alive", "Keep-Alive: timeout=9")
            + request(b"two")
        )
        connection = self.accept(self.listen())
        head = self.receive(connection, b"one")
        self.assertEqual(
            re.findall(rb"(?i)connection: .*|keep-.*", head), [b"Connection: close\r"]
        )
        connection.settimeout(0)
        self.assertRaises(BlockingIOError, connection.recv, 1)
        connection.sendall(OK)
        connection.close()
        self.assertEqual(read_all(client), OK)

    def test_end_of_the_server(self) -> None:
        """The end of the server ends a connection whose client sends nothing more."""
        listener = self.listen()
        client = self.send(request(b"all", "X: y")[:-1])
        connection = self.accept(listener)
        connection.sendall(OK)
        connection.close()
        self.assertEqual(read_all(client), OK)

    def test_end_of_the_client(self) -> None:
        """The end of a client within its request ends the server's connection."""
        listener = self.listen()
        client = self.send(request(b"all")[:-1])
        connection = self.accept(listener)
        client.close()
        self.assertTrue(read_all(connection).endswith(b"\r\n\r\nal"))

    def test_gone_client(self) -> None:
        """A request that has arrived whole is finished, and others are served."""
        listener = self.listen()
        for _ in range(3):
            client = self.send(request(b"all"))
            connection = self.accept(listener)
            client.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            client.close()
            self.receive(connection, b"all")
            connection.sendall(OK)
            connection.close()
            self.assert_served(listener)

    def test_half_closed(self) -> None:
        """A client that sends nothing more still gets its answer."""
        client = self.send(request(b"all"))
        client.shutdown(socket.SHUT_WR)
        connection = self.accept(self.listen())
        self.receive(connection, b"all")
        connection.sendall(OK)
        connection.close()
        self.assertEqual(read_all(client), OK)

    def test_lost_server(self) -> None:
        """A server that ends before its answer is 503, so Terraform tries again."""
        listener = self.listen()
        for sent in (request(b"all"), request(b"all")[:-1]):
            client = self.send(sent)
            self.accept(listener).close()
            head = self.assert_refused(client, 503)
            self.assertIn(b"\r\nRetry-After: 1\r\n", head)

    def test_taken_port(self) -> None:
        """A port that another program has is not shared: the relay ends."""
        second = self.start()
        self.assertNotEqual(second.wait(30), 0)


class StrangerTests(RelayTests):
    """Connections of other programs."""

    def test_silent(self) -> None:
        """Many connections without a request take no place that the job needs."""
        listener = self.listen()
        silent = [self.connect() for _ in range(3 * state_relay.STRANGERS)]
        self.assert_served(listener)
        # the oldest are closed, the newest may still send
        self.assertEqual(silent[0].recv(1), b"")
        silent[-1].sendall(request())
        self.accept(listener)

    def test_incomplete(self) -> None:
        """Nor do connections with a part of a head, or with a wrong password."""
        listener = self.listen()
        wrong = request(b"x" * 10, password="Basic bm86bm8=")[:-1]
        for content in (request()[:-1], wrong):
            for _ in range(2 * state_relay.STRANGERS):
                self.send(content)
        self.assert_served(listener)

    def test_threads(self) -> None:
        """All connections share one thread."""
        for _ in range(state_relay.STRANGERS):
            self.send(request()[:-1])
        self.assert_served(self.listen())
        threads = Path(f"/proc/{self.relay.pid}/task")
        self.assertEqual(len(list(threads.iterdir())), 1)

    def test_wrong_password(self) -> None:
        """Without the password of the task nothing reaches the server."""
        listener = self.listen()
        for password in ("", "Basic bm86bm8=", PASSWORD.lower(), PASSWORD + "="):
            client = self.send(request(b"x" * 100_000, password=password))
            self.assert_refused(client, 401)
        client = self.send(request(b"", f"Authorization: {PASSWORD}"))
        self.assert_refused(client, 401)
        listener.settimeout(0)
        self.assertRaises(BlockingIOError, listener.accept)

    def test_unreadable(self) -> None:
        """A request that two programs could read differently is refused."""
        for lines, status in (
            (("Content-Length: 7",), 400),
            (("Transfer-Encoding: chunked",), 411),
            (("X: a\nContent-Length: 9",), 400),
            ((" folded",), 400),
            (("no colon",), 400),
            (("X: " + "y" * state_requests.HEAD,), 431),
        ):
            with self.subTest(lines=lines[0][:30]):
                self.assert_refused(self.send(request(b"", *lines)), status)
        for length in ("-1", "1e3", "9" * 30, ""):
            head = request().replace(b"Length: 0", b"Length: " + length.encode())
            self.assert_refused(self.send(head), 400)

    def test_places(self) -> None:
        """The job itself has a limited number of requests at a time, too."""
        listener = self.listen()
        clients = [self.send(request()) for _ in range(state_relay.PLACES)]
        connections = [self.accept(listener) for _ in clients]
        self.assert_refused(self.send(request()), 503)
        connections.pop().close()
        statuses = [client.recv(12) for client in clients[-1:]]
        self.assertEqual(statuses, [b"HTTP/1.1 503"])
        self.assert_served(listener)


@skipUnless(os.geteuid() == 0, "needs root")
class UserTests(RelayTests):
    """A job with a user of its own."""

    uid = OTHER

    def test_other_users(self) -> None:
        """Connections of other users give way first."""
        os.seteuid(OTHER)
        try:
            own = self.connect()
        finally:
            os.seteuid(0)
        for _ in range(5 * state_relay.STRANGERS):
            self.connect()
        listener = self.listen()
        own.sendall(request())
        self.receive(self.accept(listener))

    def test_table(self) -> None:
        """The user of a connection is found, whatever family its socket has."""
        plain = self.connect()
        mapped = socket.socket(socket.AF_INET6)
        self.addCleanup(mapped.close)
        mapped.connect(("::ffff:127.0.0.1", self.port))
        ends = {
            state_requests.end_of(("127.0.0.1", each.getsockname()[1]))
            for each in (plain, mapped)
        }
        users = state_requests.users_at(self.port)
        self.assertEqual({users.get(end) for end in ends}, {0})


class EndTests(RelayTests):
    """The end of the job."""

    def test_idle(self) -> None:
        """The relay ends at once, whoever is connected."""
        self.connect()
        self.relay.terminate()
        self.assertEqual(self.relay.wait(30), 0)

    def test_begun(self) -> None:
        """A request that was sent whole is finished, even if its sender has ended."""
        body = b"state" * 10_000
        client = self.send(request(body))
        listener = self.listen()
        connection = self.accept(listener)
        client.close()
        self.relay.send_signal(signal.SIGTERM)
        until = time.monotonic() + 30
        while self.connects():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.002)
        self.receive(connection, body)
        self.assertIsNone(self.relay.poll())
        connection.sendall(OK)
        connection.close()
        self.assertEqual(self.relay.wait(30), 0)

    def connects(self) -> bool:
        """Return whether the relay still accepts connections."""
        try:
            self.connect()
        except ConnectionRefusedError:
            return False
        return True


class TimeTests(RelayTestCase):
    """Each wait has a limit; here the limits are short."""

    def start(self, **short: float) -> None:
        """Run a relay in a thread, with some waits *short*."""
        self.make_folder()
        seconds = state_relay.Seconds()
        for name, value in short.items():
            setattr(seconds, name, value)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        relay = state_relay.Relay(
            listener,
            str(self.server),
            password=PASSWORD.encode(),
            uid=None,
            seconds=seconds,
        )
        woken, wakes = socket.socketpair()
        thread = threading.Thread(target=relay.run, args=(woken,))
        thread.start()

        def stop() -> None:
            relay.stop()
            wakes.sendall(b"x")
            thread.join()
            woken.close()
            wakes.close()

        self.addCleanup(stop)

    def test_head(self) -> None:
        """A connection without a whole head is closed."""
        self.start(head=0.02)
        self.assertEqual(self.connect().recv(1), b"")
        self.assertEqual(self.send(request()[:-1]).recv(1), b"")

    def test_refused(self) -> None:
        """So is a refused one, although the client goes on sending."""
        self.start(end=0.02)
        client = self.send(request(b"x", password="no")[:-1])
        self.assert_refused(client, 401)
        with self.assertRaises(OSError):
            for _ in range(1_000_000):
                client.sendall(b"x" * 1000)

    def test_server_does_not_listen(self) -> None:
        """A server that does not come back is 503."""
        self.start(server=0.02, pause=0.01)
        self.assert_refused(self.send(request(b"all")), 503)

    def test_server_does_not_answer(self) -> None:
        """A server that does not answer is 503."""
        self.start(stalled=0.02)
        listener = self.listen()
        client = self.send(request(b"all"))
        connection = self.accept(listener)
        self.assert_refused(client, 503)
        read_all(connection)

    def test_client_does_not_send(self) -> None:
        """A body that does not arrive ends the server's connection."""
        self.start(stalled=0.02)
        listener = self.listen()
        self.send(request(b"all")[:-1])
        self.assertTrue(read_all(self.accept(listener)).endswith(b"\r\n\r\nal"))

    def test_client_does_not_read(self) -> None:
        """An answer that nobody reads ends."""
        self.start(stalled=0.1)
        listener = self.listen()
        self.send(request())
        connection = self.accept(listener)
        self.receive(connection)
        with self.assertRaises(OSError):
            connection.sendall(OK + bytes(64 << 20))

    def test_ended_client(self) -> None:
        """A client that has ended does not keep its place for long."""
        self.start(finish=0.02)
        listener = self.listen()
        client = self.send(request(b"all"))
        connection = self.accept(listener)
        self.receive(connection, b"all")
        client.close()
        self.assertEqual(connection.recv(1), b"")


class LimitTests(SynchronousTestCase):
    """The relay imports nothing of the server."""

    def test_same(self) -> None:
        """The relay and the server accept heads of the same size."""
        self.assertEqual(state_requests.HEAD, limits.HEAD)
