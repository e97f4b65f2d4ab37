"""Tests of the limit of wrong secrets of webhooks."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.web.http.hook_limit import (
    BURST,
    HASHED,
    HASHED_PER_SECOND,
    SECONDS,
    TRUSTED,
    HookLimit,
)


class HookLimitTests(SynchronousTestCase):
    """The limit."""

    def setUp(self) -> None:
        """Use up the failures of one client."""
        self.clock = Clock()
        self.limit = HookLimit(self.clock.seconds)
        for _ in range(BURST):
            self.assertTrue(self.limit.fail("192.0.2.1", "one"))

    def test_one_client_and_alias(self) -> None:
        """Only the client that failed, and only that alias, has to wait."""
        self.assertFalse(self.limit.permits("192.0.2.1", "one"))
        self.assertFalse(self.limit.fail("192.0.2.1", "one"))
        self.assertTrue(self.limit.permits("192.0.2.2", "one"))
        self.assertTrue(self.limit.permits("192.0.2.1", "two"))

    def test_network(self) -> None:
        """A network of 64 bits of IPv6 is one client."""
        for _ in range(BURST):
            self.limit.fail("2001:db8::1", "one")
        self.assertFalse(self.limit.permits("2001:db8::2", "one"))

    def test_time(self) -> None:
        """A failure is forgotten after some seconds."""
        self.clock.advance(SECONDS + 0.1)
        self.assertTrue(self.limit.permits("192.0.2.1", "one"))
        self.assertTrue(self.limit.fail("192.0.2.1", "one"))
        self.assertFalse(self.limit.permits("192.0.2.1", "one"))

    def test_signatures(self) -> None:
        """Wrong signatures are limited by the bytes that were hashed for them."""
        self.assertTrue(self.limit.permits_signature("192.0.2.1", "one"))
        self.limit.fail("192.0.2.1", "one", hashed=HASHED - 1)
        self.assertTrue(self.limit.permits_signature("192.0.2.1", "one"))
        self.limit.fail("192.0.2.1", "one", hashed=1 + HASHED_PER_SECOND)
        self.clock.advance(0.9)
        self.assertFalse(self.limit.permits_signature("192.0.2.1", "one"))
        self.assertTrue(self.limit.permits_signature("192.0.2.2", "one"))
        self.assertTrue(self.limit.permits_signature("192.0.2.1", "two"))
        self.clock.advance(0.2)
        self.assertTrue(self.limit.permits_signature("192.0.2.1", "one"))
        self.limit.fail("192.0.2.1", "one", hashed=HASHED)
        self.limit.succeed("192.0.2.1", "one")
        self.assertTrue(self.limit.permits_signature("192.0.2.1", "one"))

    def test_proven(self) -> None:
        """A client that has proven itself is not limited for a day."""
        self.limit.succeed("192.0.2.1", "one")
        self.assertTrue(self.limit.permits("192.0.2.1", "one"))
        self.clock.advance(TRUSTED - SECONDS)
        for _ in range(BURST):
            self.limit.fail("192.0.2.1", "one")
        self.assertTrue(self.limit.permits("192.0.2.1", "one"))
        self.assertFalse(self.limit.fail("192.0.2.1", "one"))
        self.clock.advance(SECONDS)
        for _ in range(BURST):
            self.limit.fail("192.0.2.1", "one")
        self.assertFalse(self.limit.permits("192.0.2.1", "one"))

    def test_memory(self) -> None:
        """A limited number of clients is remembered, the least recent forgotten."""
        for number in range(limits.SOURCES):
            self.limit.fail(f"10.0.{number >> 8}.{number & 255}", "one")
            self.limit.succeed(f"10.1.{number >> 8}.{number & 255}", "one")
        self.limit.succeed("192.0.2.9", "one")
        self.assertTrue(self.limit.permits("192.0.2.1", "one"))
