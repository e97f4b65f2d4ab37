"""How much one source may ask."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.dns.rate_limit import SOURCES, RateBounds, RateLimit


class LimitsTests(SynchronousTestCase):
    """Rates and counts, each source for itself."""

    def setUp(self) -> None:
        """Allow ten a second, after twenty."""
        self.clock = Clock()
        self.limits = RateLimit(
            self.clock.seconds,
            RateBounds(rate=10, burst=20, outstanding=5, outstanding_of_one=3),
        )

    def _asked(self, name: str, count: int) -> int:
        return sum(self.limits.may_ask(name) for _ in range(count))

    def test_burst(self) -> None:
        """A burst is allowed, then so many a second."""
        self.assertEqual(self._asked("a", 100), 20)
        self.clock.advance(1)
        self.assertEqual(self._asked("a", 100), 10)
        self.clock.advance(100)
        self.assertEqual(self._asked("a", 100), 20)

    def test_each(self) -> None:
        """One source does not use up another's."""
        self._asked("a", 100)
        self.assertEqual(self._asked("b", 100), 20)

    def test_clock_back(self) -> None:
        """A clock that is set back takes nothing away."""
        self._asked("a", 10)
        self.clock.rightNow = -100.0
        self.assertEqual(self._asked("a", 100), 10)
        self.clock.advance(1)
        self.assertEqual(self._asked("a", 100), 10)

    def test_outstanding(self) -> None:
        """Outstanding queries are limited for each source, and in total."""
        self.assertEqual(
            [self.limits.begin("a") for _ in range(4)], [True] * 3 + [False]
        )
        self.assertEqual(
            [self.limits.begin("b") for _ in range(3)], [True] * 2 + [False]
        )
        self.limits.end("a")
        self.assertTrue(self.limits.begin("b"))
        self.assertFalse(self.limits.begin("a"))
        self.assertEqual(self.limits.outstanding, 5)

    def test_bounded(self) -> None:
        """The number of remembered sources is limited."""
        for number in range(SOURCES * 2):
            self.limits.may_ask(str(number))
        self.assertEqual(len(self.limits._sources), SOURCES)

    def test_forgotten(self) -> None:
        """The queries of a forgotten source still end."""
        self.assertTrue(self.limits.begin("a"))
        for number in range(SOURCES):
            self.limits.may_ask(str(number))
        self.limits.end("a")
        self.assertEqual(self.limits.outstanding, 0)
