"""The relay of a job's state: it waits for the server, and passes bytes on."""

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.supervision import linux, state_relay
from tests.support.product import free_port


class RelayTests(SynchronousTestCase):
    """The relay as a process."""

    def setUp(self) -> None:
        """Start the relay; no server listens."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(rmtree, self.folder)
        self.port = free_port()
        self.server = self.folder / "states.sock"
        self.ready = self.folder / "ready"
        self.relay = self.start()
        self.wait_until_ready()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start a relay."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(state_relay.__file__)),
                *(str(self.port), str(self.server), str(self.ready)),
            ],
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_until_ready(self) -> None:
        """Wait as the supervisor does."""
        until = time.monotonic() + 30
        while not linux.listens(str(self.ready)):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.005)

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

    def test_waits_for_the_server(self) -> None:
        """A request that is sent while the server restarts arrives once it listens."""
        client = self.connect()
        client.sendall(b"question")
        listener = self.listen()
        connection, _ = listener.accept()
        with connection:
            self.assertEqual(connection.recv(100), b"question")
            connection.sendall(b"answer")
            self.assertEqual(client.recv(100), b"answer")
        self.assertEqual(client.recv(100), b"")

    def test_large(self) -> None:
        """Large contents pass in both directions, and an end is passed on."""
        listener = self.listen()
        client = self.connect()
        connection, _ = listener.accept()
        content = bytes(range(256)) * 8192
        far, near = client.makefile("rwb"), connection.makefile("rwb")
        with connection, far, near:
            far.write(content)
            far.flush()
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(near.read(), content)
            near.write(content[::-1])
            near.flush()
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(far.read(), content[::-1])

    def test_taken_port(self) -> None:
        """A port that another program has is not shared: the relay ends."""
        second = self.start()
        self.assertNotEqual(second.wait(30), 0)
