"""Word of changes of links, from a pair of sockets in place of the kernel."""

import socket
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.runtime.netlink import SETTLE, LinkWatch, netlink


class LinkWatchTests(SynchronousTestCase):
    """Events are told once they have settled."""

    def setUp(self) -> None:
        """Watch a socket that the test writes to."""
        self.kernel, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.settimeout(0)
        self.addCleanup(self.kernel.close)
        self.addCleanup(ours.close)
        self.reactor: Any = MemoryReactorClock()
        self.calls = 0
        reactor: Any = self.reactor
        self.watch = LinkWatch(self._changed, reactor=reactor, opened=lambda: ours)

    def _changed(self) -> None:
        self.calls += 1

    def test_once(self) -> None:
        """The many events of one change are one word."""
        self.assertTrue(self.watch.start())
        self.assertIn(self.watch, self.reactor.getReaders())
        for _ in range(10):
            self.kernel.send(b"event")
        self.watch.doRead()
        self.kernel.send(b"event")
        self.watch.doRead()
        self.assertEqual(self.calls, 0)
        self.reactor.advance(SETTLE)
        self.assertEqual(self.calls, 1)
        self.kernel.send(b"event")
        self.watch.doRead()
        self.reactor.advance(SETTLE)
        self.assertEqual(self.calls, 2)

    def test_stop(self) -> None:
        """Once stopped it is silent, and the socket is closed."""
        self.watch.start()
        self.kernel.send(b"event")
        self.watch.doRead()
        self.watch.stop()
        self.reactor.advance(1)
        self.assertEqual(self.calls, 0)
        self.assertEqual(self.watch.fileno(), -1)
        self.assertNotIn(self.watch, self.reactor.getReaders())
        self.assertRaises(OSError, self.kernel.send, b"event")

    def test_failing(self) -> None:
        """A callback that fails is called again the next time."""

        def fail() -> None:
            self.calls += 1
            raise RuntimeError("no")

        self.watch._changed = fail
        self.watch.start()
        for _ in range(2):
            self.kernel.send(b"event")
            self.watch.doRead()
            self.reactor.advance(SETTLE)
        self.assertEqual(self.calls, 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_no_netlink(self) -> None:
        """A sandbox without netlink is a warning."""

        def none() -> socket.socket:
            raise PermissionError(1, "Operation not permitted")

        watch = LinkWatch(self._changed, reactor=self.reactor, opened=none)
        self.assertFalse(watch.start())
        watch.stop()

    def test_kernel(self) -> None:
        """An unprivileged user can open the socket."""
        made = netlink()
        self.addCleanup(made.close)
        self.assertRaises(BlockingIOError, made.recv, 1)

    def test_buffer(self) -> None:
        """A buffer that an ordinary user may not have is no error."""
        made = netlink(buffer=1 << 20)
        self.addCleanup(made.close)
        self.assertGreater(made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), 0)

    def test_family(self) -> None:
        """A family that the kernel does not have is an error, and leaves no socket."""
        with self.assertRaises(OSError):
            netlink(family=255)
