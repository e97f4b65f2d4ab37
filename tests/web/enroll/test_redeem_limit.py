"""Tests of how often invites may be tried."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import TooManyAttempts
from semaphore_twisted.web.enroll import redeem_limit
from semaphore_twisted.web.enroll.redeem_limit import RedeemLimit


class RedeemsTests(SynchronousTestCase):
    """Failures cost, and successes do not."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.redeem_limit = RedeemLimit(self.clock.seconds)

    def fail(self, address: str, times: int) -> None:  # type: ignore[override]
        """Try in vain."""
        for _ in range(times):
            self.redeem_limit.begin(address)
            self.redeem_limit.failure()

    def wait(self, address: str) -> int:
        """Return how long *address* is asked to wait."""
        error: TooManyAttempts = self.assertRaises(
            TooManyAttempts, self.redeem_limit.begin, address
        )
        return error.retry_after

    def test_source(self) -> None:
        """A source has so many failures, and then one each so often."""
        self.fail("192.0.2.1", redeem_limit.BURST)
        self.assertEqual(self.wait("192.0.2.1"), int(redeem_limit.SECONDS) + 1)
        self.redeem_limit.begin("192.0.2.2")
        self.clock.advance(redeem_limit.SECONDS)
        self.redeem_limit.begin("192.0.2.1")
        self.wait("192.0.2.1")

    def test_success(self) -> None:
        """A fleet behind one address enrolls as fast as it can."""
        for _ in range(5 * redeem_limit.BURST):
            self.redeem_limit.begin("192.0.2.1")
            self.redeem_limit.success("192.0.2.1")
        self.assertEqual(self.redeem_limit.failed, 0)

    def test_refused_costs_nothing(self) -> None:
        """A request before the end of the delay does not extend it."""
        self.fail("192.0.2.1", redeem_limit.BURST)
        for _ in range(50):
            self.wait("192.0.2.1")
        self.clock.advance(redeem_limit.SECONDS)
        self.redeem_limit.begin("192.0.2.1")

    def test_networks(self) -> None:
        """All addresses of a /64 are one source."""
        for number in range(redeem_limit.BURST):
            self.fail(f"2001:db8::{number:x}", 1)
        self.wait("2001:db8::ffff")
        self.redeem_limit.begin("2001:db8:0:1::1")

    def test_all(self) -> None:
        """All sources together have a limit as well."""
        for number in range(redeem_limit.BURST_OF_ALL):
            self.fail(f"10.0.{number // 250}.{number % 250}", 1)
        self.assertEqual(self.wait("192.0.2.1"), 1)
        self.clock.advance(redeem_limit.SECONDS_OF_ALL)
        self.redeem_limit.begin("192.0.2.1")

    def test_memory(self) -> None:
        """So many sources are remembered, and no more."""
        self.clock.advance(1)
        for number in range(redeem_limit.SOURCES + 100):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            self.redeem_limit.begin(address)
            self.redeem_limit.success(address)
        self.assertEqual(len(self.redeem_limit._sources), redeem_limit.SOURCES)

    def test_clock_set_back(self) -> None:
        """Time that goes backwards takes nothing away."""
        self.clock.rightNow = 1000.0
        limit = RedeemLimit(self.clock.seconds)
        limit.begin("192.0.2.1")
        self.clock.rightNow = 10.0
        limit.begin("192.0.2.1")
