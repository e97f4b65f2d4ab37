"""Wake-ups from the command line; over real UNIX sockets, without a reactor."""

import os
import select
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.wake_socket import NAME, PAUSE, WakeCalls, WakePort, send


class _Reactor:
    """Has one reader, and lets a test have it read."""

    reader: Any = None

    def addReader(self, reader: Any) -> None:
        """Take *reader*."""
        self.reader = reader

    def removeReader(self, reader: Any) -> None:
        """Forget *reader*, whose socket is still open."""
        assert reader is self.reader and reader.fileno() >= 0
        self.reader = None

    def read(self) -> int:
        """Have the reader read while there are datagrams; return how often."""
        count = 0
        while select.select([self.reader], [], [], 0)[0]:
            self.reader.doRead()
            count += 1
        return count


def _reactor() -> Any:
    """Return one, which has only the methods that the service calls."""
    return _Reactor()


class WakeCallsTests(SynchronousTestCase):
    """Many wake-ups cause few callbacks."""

    def setUp(self) -> None:
        """Count the calls."""
        self.clock = Clock()
        self.calls: list[float] = []
        self.wake_ups = WakeCalls(
            lambda: self.calls.append(self.clock.seconds()), clock=self.clock
        )

    def test_at_once(self) -> None:
        """The first one is heard at once, and only once."""
        self.wake_ups.call()
        self.assertEqual(self.calls, [0.0])
        self.clock.advance(10)
        self.assertEqual(self.calls, [0.0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """Those that follow are one, after the pause; the last is never lost."""
        for _ in range(1000):
            self.wake_ups.call()
        self.clock.advance(PAUSE)
        self.assertEqual(self.calls, [0.0, PAUSE])
        self.clock.advance(PAUSE)
        self.assertEqual(len(self.calls), 2)

    def test_flood(self) -> None:
        """A flood of datagrams causes one callback in each pause."""
        for _ in range(1000):
            self.wake_ups.call()
            self.clock.advance(0.01)
        self.assertLess(len(self.calls), 10 / PAUSE + 2)

    def test_failing(self) -> None:
        """A callback that fails does not prevent the next one."""

        def fail() -> None:
            self.calls.append(0)
            raise RuntimeError("no")

        wake_ups = WakeCalls(fail, clock=self.clock)
        wake_ups.call()
        self.clock.advance(PAUSE)
        wake_ups.call()
        self.assertEqual(len(self.calls), 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_stopped(self) -> None:
        """After the stop, nothing calls back."""
        self.wake_ups.call()
        self.wake_ups.call()
        self.wake_ups.stop()
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
        self.reactor = _reactor()
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
        self.port.stopService()

    def test_mode(self) -> None:
        """Only the server's own user may write to it."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.port.startService()
        mode = stat.S_IMODE(self.path.stat().st_mode)
        self.port.stopService()
        self.assertEqual(mode, 0o600)

    def test_left_behind(self) -> None:
        """The socket of a server that was killed is replaced."""
        self.port.startService()
        again = WakePort(
            self.path, lambda: None, reactor=self.reactor, clock=self.clock
        )
        again.startService()
        self.assertTrue(send(self.path))
        again.stopService()
        self.assertFalse(self.path.exists())

    def test_quiet(self) -> None:
        """Starting and stopping logs nothing, as other services do."""
        events: list[object] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.port.startService()
        self.port.stopService()
        self.assertEqual(events, [])
        self.assertEqual(self.port.logPrefix(), "wake socket")

    def test_cannot(self) -> None:
        """A folder that cannot be written to is a warning, not the server's end."""
        port = WakePort(
            self.base / "none" / NAME,
            lambda: None,
            reactor=self.reactor,
            clock=self.clock,
        )
        port.startService()
        port.stopService()

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
        self.port.stopService()
