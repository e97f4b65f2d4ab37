"""Connections that wait: how long, and how many."""

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.listener.pending_connections import (
    PendingConnection,
    PendingConnections,
)


class PendingConnectionsTests(SynchronousTestCase):
    """At most five pending connections, three of one source."""

    def setUp(self) -> None:
        """Create the empty set of pending connections."""
        self.clock = Clock()
        self.pending = PendingConnections(self.clock, seconds=10, each=3, all=5)
        self.closed: list[str] = []

    def close(self, name: str) -> Callable[[], None]:
        """Return what notes that *name* was closed."""
        return lambda: self.closed.append(name)

    def add(self, name: str, key: str | None) -> PendingConnection:
        """Add a connection *name*; return it."""
        connection = self.pending.add(key, self.close(name))
        assert connection is not None
        return connection

    def test_time(self) -> None:
        """A connection that waits too long is closed, each at its own time."""
        self.add("a", "1")
        self.clock.advance(4)
        self.add("b", "1")
        self.clock.advance(5.9)
        self.assertEqual(self.closed, [])
        self.clock.advance(0.1)
        self.assertEqual(self.closed, ["a"])
        self.clock.advance(4)
        self.assertEqual((self.closed, len(self.pending)), (["a", "b"], 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_leave(self) -> None:
        """A connection that has left is not closed, and makes room."""
        connection = [self.add(name, "1") for name in "abc"][-1]
        self.assertIsNone(self.pending.add("1", self.close("d")))
        self.pending.discard(connection)
        self.pending.discard(connection)
        self.add("d", "1")
        self.clock.advance(10)
        self.assertEqual(self.closed, ["a", "b", "d"])

    def test_each(self) -> None:
        """Each address has its limit; other addresses and proxies are accepted."""
        for name in "abc":
            self.add(name, "1")
        self.assertIsNone(self.pending.add("1", self.close("d")))
        self.add("e", "2")
        self.add("f", None)

    def test_all(self) -> None:
        """When all places are taken, the oldest connection is closed."""
        for name in "abcde":
            self.add(name, None)
        self.add("f", "1")
        self.add("g", "1")
        self.assertEqual((self.closed, len(self.pending)), (["a", "b"], 5))

    def test_rename(self) -> None:
        """A connection of a proxy counts towards its client, once that is known."""
        for name in "ab":
            self.add(name, "1")
        first, second = self.add("c", None), self.add("d", None)
        self.assertTrue(self.pending.rekey(first, "1"))
        self.assertFalse(self.pending.rekey(second, "1"))
        self.pending.discard(first)
        self.assertTrue(self.pending.rekey(second, "1"))

    def test_quiet(self) -> None:
        """A flood is logged once a minute."""
        with capturedLogs() as events:
            for _ in range(20):
                self.pending.add("1", self.close("x"))
            self.assertEqual(len(events), 1)
            self.clock.advance(60)
            for _ in range(20):
                self.pending.add("1", self.close("x"))
        self.assertEqual(len(events), 2)
