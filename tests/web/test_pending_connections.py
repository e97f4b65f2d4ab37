"""Connections that wait: how long, and how many."""

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.listener.pending_connections import (
    PendingConnection,
    PendingConnections,
)


class LobbyTests(SynchronousTestCase):
    """A small lobby."""

    def setUp(self) -> None:
        """Create the lobby."""
        self.clock = Clock()
        self.lobby = PendingConnections(self.clock, seconds=10, each=3, all=5)
        self.closed: list[str] = []

    def close(self, name: str) -> Callable[[], None]:
        """Return what notes that *name* was closed."""
        return lambda: self.closed.append(name)

    def enter(self, name: str, key: str | None) -> PendingConnection:
        """Let *name* enter."""
        guest = self.lobby.enter(key, self.close(name))
        assert guest is not None
        return guest

    def test_time(self) -> None:
        """A connection that waits too long is closed, each at its own time."""
        self.enter("a", "1")
        self.clock.advance(4)
        self.enter("b", "1")
        self.clock.advance(5.9)
        self.assertEqual(self.closed, [])
        self.clock.advance(0.1)
        self.assertEqual(self.closed, ["a"])
        self.clock.advance(4)
        self.assertEqual((self.closed, len(self.lobby)), (["a", "b"], 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_leave(self) -> None:
        """A connection that has left is not closed, and makes room."""
        guest = [self.enter(name, "1") for name in "abc"][-1]
        self.assertIsNone(self.lobby.enter("1", self.close("d")))
        self.lobby.leave(guest)
        self.lobby.leave(guest)
        self.enter("d", "1")
        self.clock.advance(10)
        self.assertEqual(self.closed, ["a", "b", "d"])

    def test_each(self) -> None:
        """Each address has its limit; other addresses and proxies are accepted."""
        for name in "abc":
            self.enter(name, "1")
        self.assertIsNone(self.lobby.enter("1", self.close("d")))
        self.enter("e", "2")
        self.enter("f", None)

    def test_all(self) -> None:
        """When all places are taken, the oldest connection is closed."""
        for name in "abcde":
            self.enter(name, None)
        self.enter("f", "1")
        self.enter("g", "1")
        self.assertEqual((self.closed, len(self.lobby)), (["a", "b"], 5))

    def test_rename(self) -> None:
        """A proxy's guest counts for the client that it turns out to be."""
        for name in "ab":
            self.enter(name, "1")
        first, second = self.enter("c", None), self.enter("d", None)
        self.assertTrue(self.lobby.rename(first, "1"))
        self.assertFalse(self.lobby.rename(second, "1"))
        self.lobby.leave(first)
        self.assertTrue(self.lobby.rename(second, "1"))

    def test_quiet(self) -> None:
        """A flood is logged once a minute."""
        with capturedLogs() as events:
            for _ in range(20):
                self.lobby.enter("1", self.close("x"))
            self.assertEqual(len(events), 1)
            self.clock.advance(60)
            for _ in range(20):
                self.lobby.enter("1", self.close("x"))
        self.assertEqual(len(events), 2)
