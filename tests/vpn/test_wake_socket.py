"""Wake-ups from the command line; over real UNIX sockets, without a reactor."""

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorUNIXDatagram
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from semaphore_twisted.vpn.wake_socket import NAME, PAUSE, WakePort, WakeProtocol, send


class _Port:
    """A bound socket that is closed with the port."""

    def __init__(self, bound: socket.socket) -> None:
        self.bound = bound

    def stopListening(self) -> None:
        """Close the socket."""
        self.bound.close()


@implementer(IReactorUNIXDatagram)
class _Reactor:
    """Binds as the reactor does, and lets a test read."""

    def __init__(self) -> None:
        self.bound: socket.socket | None = None
        self.protocol: Any = None

    def listenUNIXDatagram(  # type: ignore[override]
        self, address: str, protocol: Any, **options: Any
    ) -> Any:
        """Bind *address*."""
        self.bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.bound.settimeout(0)
        self.bound.bind(address)
        Path(address).chmod(options["mode"])
        self.protocol = protocol
        return _Port(self.bound)

    def connectUNIXDatagram(self, *arguments: Any, **named: Any) -> Any:
        """Is not asked."""
        raise NotImplementedError

    def read(self) -> int:
        """Deliver pending datagrams to the protocol, and return their number."""
        count = 0
        assert self.bound is not None
        while True:
            try:
                data = self.bound.recv(16)
            except BlockingIOError:
                return count
            self.protocol.datagramReceived(data, None)
            count += 1


class WakeProtocolTests(SynchronousTestCase):
    """Many wake-ups cause few callbacks."""

    def setUp(self) -> None:
        """Count the calls."""
        self.clock = Clock()
        self.calls: list[float] = []
        self.wake_ups = WakeProtocol(
            lambda: self.calls.append(self.clock.seconds()), clock=self.clock
        )

    def test_at_once(self) -> None:
        """The first one is heard at once, and only once."""
        self.wake_ups.datagramReceived(b"!", None)
        self.assertEqual(self.calls, [0.0])
        self.clock.advance(10)
        self.assertEqual(self.calls, [0.0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """Those that follow are one, after the pause; the last is never lost."""
        for _ in range(1000):
            self.wake_ups.datagramReceived(b"", None)
        self.clock.advance(PAUSE)
        self.assertEqual(self.calls, [0.0, PAUSE])
        self.clock.advance(PAUSE)
        self.assertEqual(len(self.calls), 2)

    def test_flood(self) -> None:
        """A flood of datagrams causes one callback in each pause."""
        for _ in range(1000):
            self.wake_ups.datagramReceived(b"", None)
            self.clock.advance(0.01)
        self.assertLess(len(self.calls), 10 / PAUSE + 2)

    def test_failing(self) -> None:
        """A callback that fails does not prevent the next one."""

        def fail() -> None:
            self.calls.append(0)
            raise RuntimeError("no")

        wake_ups = WakeProtocol(fail, clock=self.clock)
        wake_ups.datagramReceived(b"", None)
        self.clock.advance(PAUSE)
        wake_ups.datagramReceived(b"", None)
        self.assertEqual(len(self.calls), 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_stopped(self) -> None:
        """After the stop, nothing calls back."""
        self.wake_ups.datagramReceived(b"", None)
        self.wake_ups.datagramReceived(b"", None)
        self.wake_ups.stopProtocol()
        self.clock.advance(PAUSE)
        self.assertEqual(len(self.calls), 1)


class PortTests(SynchronousTestCase):
    """The socket in the state folder."""

    def setUp(self) -> None:
        """Make a folder whose path is longer than a socket's address may be."""
        self.base = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.folder = self.base / ("x" * 120)
        self.folder.mkdir()
        self.path = self.folder / NAME
        self.reactor = _Reactor()
        self.clock = Clock()
        self.calls: list[None] = []
        self.port = WakePort(
            self.path,
            lambda: self.calls.append(None),
            reactor=self.reactor,
            clock=self.clock,
        )

    def test_wake(self) -> None:
        """A wake-up from the command line arrives, for any length of the path."""
        self.port.startService()
        self.assertTrue(send(self.path))
        self.assertEqual(self.reactor.read(), 1)
        self.assertEqual(len(self.calls), 1)
        self.successResultOf(self.port.stopService())
        self.reactor.protocol.stopProtocol()

    def test_mode(self) -> None:
        """Only the server's own user may write to it."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.port.startService()
        mode = stat.S_IMODE(self.path.stat().st_mode)
        self.successResultOf(self.port.stopService())
        self.assertEqual(mode, 0o600)

    def test_left_behind(self) -> None:
        """The socket of a server that was killed is replaced."""
        self.port.startService()
        again = WakePort(
            self.path, lambda: None, reactor=self.reactor, clock=self.clock
        )
        again.startService()
        self.assertTrue(send(self.path))
        self.successResultOf(again.stopService())
        self.assertFalse(self.path.exists())

    def test_cannot(self) -> None:
        """A folder that cannot be written to is a warning, not the server's end."""
        port = WakePort(
            self.base / "none" / NAME,
            lambda: None,
            reactor=self.reactor,
            clock=self.clock,
        )
        port.startService()
        self.successResultOf(port.stopService())

    def test_nobody(self) -> None:
        """Without a directory, a socket or a listener a wake-up is no error."""
        self.assertFalse(send(self.base / "none" / NAME))
        self.assertFalse(send(self.path))
        self.path.write_text("a file")
        self.assertFalse(send(self.path))
        self.assertFalse(send(Path("\0")))

    def test_full(self) -> None:
        """A full queue of datagrams counts as a wake-up."""
        self.port.startService()
        for _ in range(2000):
            self.assertTrue(send(self.path))
        self.assertGreater(self.reactor.read(), 0)
        self.successResultOf(self.port.stopService())
        self.reactor.protocol.stopProtocol()
