"""Sockets that systemd has opened."""

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start.listening import CannotListen, Sockets
from semaphore_twisted.start.socket_activation import inherited, variables


class ActivationTests(SynchronousTestCase):
    """Descriptors, from a number on, with names."""

    #: the first descriptor number; the numbers from here on are free
    FIRST = 400

    def pass_on(self, *made: socket.socket) -> None:
        """Have *made* as consecutive descriptors."""
        for number, each in enumerate(made, self.FIRST):
            os.dup2(each.fileno(), number)
            each.close()

    def listener(self) -> socket.socket:
        """Return a socket that listens."""
        return socket.create_server(("127.0.0.1", 0))

    def take(self, count: int, names: str = "", pid: int = 7) -> Sockets:
        """Return what the process 7 inherits."""
        environ = {"LISTEN_PID": str(pid), "LISTEN_FDS": str(count)}
        if names:
            environ["LISTEN_FDNAMES"] = names
        found = inherited(environ, pid=7, first=self.FIRST)
        for each in (*found.main, *found.redirect, *found.enrolling):
            self.addCleanup(each.close)
        return found

    def test_names(self) -> None:
        """Names select the purpose of a socket; by default it is the site's."""
        made = [self.listener() for _ in range(4)]
        ports = [each.getsockname()[1] for each in made]
        self.pass_on(*made)
        found = self.take(4, "semaphore.socket:redirect:enroll")
        self.assertEqual(
            [each.getsockname()[1] for each in found.main], [ports[0], ports[3]]
        )
        self.assertEqual(found.redirect[0].getsockname()[1], ports[1])
        self.assertEqual(found.enrolling[0].getsockname()[1], ports[2])
        for each in found.main:
            self.assertFalse(each.getblocking())
            self.assertFalse(os.get_inheritable(each.fileno()))

    def test_somebody_elses(self) -> None:
        """Sockets for another process, and missing ones, are not touched."""
        self.assertEqual(self.take(1, pid=8), Sockets([], [], []))
        for environ in (
            {},
            {"LISTEN_PID": "7"},
            {"LISTEN_PID": "7", "LISTEN_FDS": "x"},
        ):
            self.assertEqual(inherited(environ, pid=7).main, [])

    def test_variables(self) -> None:
        """The variables are read from the process's initial environment, if known."""
        path = Path(self.mktemp())
        environ = {"LISTEN_FDS": "1", "HOME": "/root"}
        self.assertEqual(variables(environ, path), {"LISTEN_FDS": "1"})
        path.write_bytes(b"LISTEN_FDS=2\0LISTEN_PID=7\0HOME=/root\0\0")
        self.assertEqual(
            variables(environ, path), {"LISTEN_FDS": "2", "LISTEN_PID": "7"}
        )

    def test_no_listener(self) -> None:
        """A descriptor that is no listening stream socket is refused by its number."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            self.pass_on(datagrams)
        error = self.assertRaises(CannotListen, self.take, 1, "odd")
        self.assertIn("descriptor 400 (odd)", str(error))
        error = self.assertRaises(CannotListen, self.take, 1)
        self.assertIn("descriptor 400 is not a socket", str(error))
