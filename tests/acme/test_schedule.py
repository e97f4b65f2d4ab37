"""When a CA may be asked, and when a certificate is renewed."""

from datetime import timedelta

from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.acme import schedule
from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.challenges import renewal_id
from semaphore_twisted.model.acme import AcmeRecord
from tests.support.memory import BEGINNING, Entropy

DAY = timedelta(days=1)


def leaf() -> x509.Certificate:
    """Return a certificate of ninety days, less the hour that it begins early."""
    root = certificates.new_root(
        host="ca", names=["box"], addresses=[], now=BEGINNING, entropy=Entropy()
    )
    made = certificates.new_leaf(
        root, names=["box"], addresses=[], now=BEGINNING, entropy=Entropy()
    )
    return made.certificate


class RetryDelayTests(SynchronousTestCase):
    """How long to wait."""

    @given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
    def test_bounds(self, failures: int, chance: float) -> None:
        """The delay is a minute at least and a day at most, for any input."""
        found = schedule.retry_delay(failures, lambda: chance)
        self.assertLessEqual(timedelta(minutes=1), found)
        self.assertLessEqual(found, DAY)

    def test_doubles(self) -> None:
        """Each failure doubles it; chance spreads it."""
        plain = [schedule.retry_delay(each, lambda: 0.0) for each in range(1, 13)]
        self.assertEqual(plain[:3], [timedelta(minutes=each) for each in (1, 2, 4)])
        self.assertEqual(plain[-1], DAY)
        self.assertEqual(schedule.retry_delay(1, lambda: 0.8), timedelta(seconds=72))

    def test_retry_after(self) -> None:
        """Both forms of Retry-After are parsed; other texts are ignored."""
        for text, seconds in (
            ("120", 120),
            (" 0 ", 0),
            ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
            ("Fri, 02 Jan 2026 03:00:00 GMT", 0),
        ):
            found = schedule.waiting_time(text, BEGINNING)
            self.assertEqual(found, timedelta(seconds=seconds), text)
        for text in ("", "soon", "-5", "1e3", "٣", "9" * 40):
            self.assertIsNone(schedule.waiting_time(text, BEGINNING), text)

    def test_waits_are_bounded(self) -> None:
        """An authority that wants to be left alone for ever is asked after a week."""
        wait = timedelta(days=4000)
        found = schedule.failed(AcmeRecord(), BEGINNING, "no", wait=wait)
        self.assertEqual(found.not_before, BEGINNING + schedule.WEEK)

    def test_asked(self) -> None:
        """A request skips our own delay, but not the CA's."""
        tried = schedule.began(AcmeRecord(), BEGINNING, lambda: 0.0)
        minute = BEGINNING + timedelta(minutes=1)
        self.assertEqual(schedule.may_try(tried, BEGINNING, asked=False), minute)
        self.assertEqual(schedule.may_try(tried, BEGINNING, asked=True), BEGINNING)
        told = schedule.failed(tried, BEGINNING, "no", wait=DAY)
        self.assertEqual(schedule.may_try(told, BEGINNING, asked=True), BEGINNING + DAY)

    def test_orders(self) -> None:
        """The twenty-first order waits until the first is a week old."""
        orders = tuple(BEGINNING + timedelta(hours=each) for each in range(20))
        now = BEGINNING + timedelta(days=2)
        self.assertEqual(schedule.may_order(AcmeRecord(orders=orders[1:]), now), now)
        full = AcmeRecord(orders=orders)
        self.assertEqual(schedule.may_order(full, now), BEGINNING + schedule.WEEK)


class RenewalTests(SynchronousTestCase):
    """When a certificate is renewed."""

    def setUp(self) -> None:
        """Create a certificate, and its record."""
        self.leaf = leaf()
        self.leaf_id = renewal_id(self.leaf) or ""
        self.known = AcmeRecord(issued=BEGINNING)

    def advised(self, after: timedelta, chance: float = 0.5) -> AcmeRecord:
        """Return the record with advice for the day that comes *after*."""
        start = BEGINNING + after
        return schedule.advised(
            self.known, self.leaf_id, start, start + DAY, lambda: chance
        )

    def test_by_life(self) -> None:
        """Without advice it is a little before two thirds of the life."""
        found = schedule.renewal(self.leaf, self.known)
        self.assertLessEqual(found, BEGINNING + 60 * DAY)
        self.assertLess(BEGINNING + 57 * DAY, found)

    def test_by_advice(self) -> None:
        """With advice it is a moment in the window, and stays that one."""
        record = self.advised(30 * DAY)
        found = schedule.renewal(self.leaf, record)
        self.assertEqual(found, BEGINNING + 30.5 * DAY)
        start = BEGINNING + 30 * DAY
        again = schedule.advised(record, self.leaf_id, start, start + DAY, lambda: 0.9)
        self.assertEqual(again, record)
        moved = schedule.advised(record, self.leaf_id, start - DAY, start, lambda: 0.0)
        self.assertEqual(moved.renew_at, start - DAY)

    def test_clock_was_ahead(self) -> None:
        """A clock that was a year ahead at the issuance does not put it off."""
        self.known = AcmeRecord(issued=BEGINNING + 366 * DAY)
        found = schedule.renewal(self.leaf, self.advised(30 * DAY))
        self.assertLess(found, BEGINNING + 82 * DAY)

    def test_odd_advice(self) -> None:
        """Advice for another certificate, too late or too early, does no harm."""
        other = replace(self.advised(10 * DAY), renewal_id="other")
        self.assertLess(BEGINNING + 57 * DAY, schedule.renewal(self.leaf, other))
        late = schedule.renewal(self.leaf, self.advised(4000 * DAY))
        self.assertLess(late, BEGINNING + 82 * DAY)
        early = schedule.renewal(self.leaf, self.advised(-4000 * DAY))
        self.assertEqual(early, BEGINNING + timedelta(hours=12))
