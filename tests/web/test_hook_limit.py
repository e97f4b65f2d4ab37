"""Tests of the limit of wrong secrets of webhooks."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.common.token_bucket import TokenBucket
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

    def test_forgotten(self) -> None:
        """Many other failures do not let a client go on that has to wait."""
        for number in range(3 * limits.SOURCES):
            self.limit.fail("192.0.2.1", f"alias-{number}")
            self.limit.fail(f"198.51.{number >> 8}.{number & 255}", "one")
        self.assertFalse(self.limit.permits("192.0.2.1", "one"))

    def test_unknown(self) -> None:
        """Aliases that do not exist are counted for their sender, and only there."""
        for _ in range(BURST):
            self.assertTrue(self.limit.fail_unknown("192.0.2.3"))
        self.assertFalse(self.limit.fail_unknown("192.0.2.3"))
        self.assertTrue(self.limit.permits("192.0.2.3", "one"))
        for number in range(3 * limits.SOURCES):
            self.limit.fail_unknown(f"198.51.{number >> 8}.{number & 255}")
        self.assertFalse(self.limit.fail_unknown("192.0.2.3"))
        self.assertTrue(self.limit.fail_unknown("192.0.2.4"))

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
        """A limited number of clients is remembered; those who need not wait go."""
        buckets: dict[tuple[str, str], TokenBucket] = {}
        unknown: dict[tuple[str, str], TokenBucket] = {}
        limit = HookLimit(self.clock.seconds, buckets=buckets, unknown=unknown)
        for number in range(2 * limits.SOURCES):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            limit.fail(address, "one")
            limit.fail_unknown(address)
            limit.succeed(address, "one")
            self.assertLessEqual(len(buckets), limits.SOURCES)
            self.assertLessEqual(len(unknown), limits.SOURCES)
        self.assertGreater(len(buckets), limits.SOURCES // 2)
