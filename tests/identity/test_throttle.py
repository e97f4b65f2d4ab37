"""Failed guesses."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.tokens import digest
from semaphore_twisted.identity import throttle
from semaphore_twisted.identity.login import log_in
from semaphore_twisted.identity.throttle import ACCOUNT, ADDRESS, Rule, Subject
from semaphore_twisted.model.errors import NotAuthenticated, TooManyAttempts
from semaphore_twisted.model.users import Access, Credentials, Demand, SessionLimits
from semaphore_twisted.operations import access
from semaphore_twisted.operations.accounts import users
from tests.support.events import list_events
from tests.support.memory import (
    Entropy,
    FixedClock,
    actor_of,
    make_user,
    memory_connection,
)


def _subject(account: str = "alice", address: str = "192.0.2.1") -> Subject:
    return Subject(account=account, address=address)


class RuleTests(SynchronousTestCase):
    """Delays, pure."""

    @given(st.integers(0, 10**12), st.integers(0, 10**12))
    def test_never_shorter(self, first: int, second: int) -> None:
        """More failures never make a shorter delay, and there is a longest one."""
        for rule in (ACCOUNT, ADDRESS):
            low, high = rule.delay(min(first, second)), rule.delay(max(first, second))
            self.assertLessEqual(low, high)
            self.assertLessEqual(high, rule.longest)

    def test_doubles(self) -> None:
        """The first guesses cost nothing, then each one doubles the delay."""
        rule = Rule(free=3, longest=timedelta(seconds=10))
        self.assertEqual(
            [rule.delay(n).total_seconds() for n in range(9)],
            [0, 0, 0, 1, 2, 4, 8, 10, 10],
        )


class ThrottleTests(SynchronousTestCase):
    """Counters in the store."""

    def setUp(self) -> None:
        """Make a user."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.alice = make_user(self.conn, "alice")

    def fail(self, subject: Subject, times: int = 1) -> None:  # type: ignore[override]
        """Guess wrongly."""
        for _ in range(times):
            with self.conn.transaction(write=True):
                throttle.failed(self.conn, subject)

    def wait(self, subject: Subject) -> int:
        """Return how many seconds a guess has to wait."""
        try:
            with self.conn.transaction(write=False):
                throttle.check(self.conn, subject)
        except TooManyAttempts as error:
            return error.retry_after
        return 0

    def log_in(self, subject: Subject) -> str:
        """Log in with the right password."""
        with self.conn.transaction(write=True):
            found = users.credentials_of(self.conn, subject.account or "")
            assert found is not None
            return log_in(
                self.conn,
                subject,
                found.id,
                password=found.password,
                limits=SessionLimits(),
            )

    def test_account(self) -> None:
        """After five wrong guesses an account has to wait, longer each time."""
        self.fail(_subject(), 4)
        self.assertEqual(self.wait(_subject()), 0)
        self.fail(_subject())
        self.assertGreater(self.wait(_subject()), 0)
        for delay in (1, 2, 4, 8, 16, 32, 60, 60):
            self.clock.advance(delay - 0.5)
            self.assertGreater(self.wait(_subject()), 0)
            self.clock.advance(0.5)
            self.assertEqual(self.wait(_subject()), 0)
            self.fail(_subject())

    def test_from_everywhere(self) -> None:
        """Other addresses do not help against an account's delay."""
        for number in range(5):
            self.fail(_subject(address=f"192.0.2.{number}"))
        self.assertGreater(self.wait(_subject(address="198.51.100.1")), 0)

    def test_name_and_address_are_one(self) -> None:
        """A user's login and e-mail, in any case, have one counter."""
        self.fail(_subject("alice"), 3)
        self.fail(_subject("ALICE@example.com"), 2)
        self.assertGreater(self.wait(_subject("Alice", "198.51.100.1")), 0)

    def test_unknown_account(self) -> None:
        """An unknown name is delayed too, so a delay reveals nothing."""
        self.fail(_subject("nobody"), 5)
        self.assertGreater(self.wait(_subject("Nobody", "198.51.100.1")), 0)
        self.assertNotIn(b"nobody", self.conn.raw.serialize())

    def test_address(self) -> None:
        """An address that guesses at many accounts has to wait."""
        for number in range(20):
            self.fail(_subject(f"user{number}"))
        self.assertGreater(self.wait(_subject("another")), 0)
        self.assertEqual(self.wait(_subject("another", "198.51.100.1")), 0)

    def test_right_after_wrong(self) -> None:
        """A right password works after wrong ones and forgives the account."""
        self.fail(_subject(), 4)
        self.log_in(_subject())
        self.fail(_subject(), 4)
        self.assertEqual(self.wait(_subject()), 0)

    def test_no_oracle(self) -> None:
        """During a delay of the account, the right password is refused as well."""
        self.fail(_subject(), 5)
        with self.assertRaises(TooManyAttempts):
            self.log_in(_subject())
        with self.assertRaises(TooManyAttempts):
            self.fail(_subject())
        self.clock.advance(1)
        self.log_in(_subject())

    def test_success_never_counts(self) -> None:
        """Any number of logins that succeed cost nothing."""
        for _ in range(100):
            self.log_in(_subject())
        self.assertEqual(self.wait(_subject()), 0)

    def test_success_does_not_forgive_the_address(self) -> None:
        """A login with one account does not permit endless guesses at other ones."""
        for number in range(20):
            if number % 4 == 0:
                self.log_in(_subject())
            self.fail(_subject(f"user{number}"))
        self.assertGreater(self.wait(_subject("another")), 0)

    def test_restart(self) -> None:
        """The counts are in the store, and a copy of it has them."""
        self.fail(_subject(), 5)
        again = memory_connection(self.clock, Entropy())
        self.conn.raw.backup(again.raw)
        with self.assertRaises(TooManyAttempts):
            throttle.check(again, _subject())

    def test_forgotten(self) -> None:
        """After a day without a failure all is forgotten, and rows do not pile up."""
        self.fail(_subject(), 5)
        self.clock.advance(86400)
        self.assertEqual(self.wait(_subject()), 0)
        self.fail(_subject("other", "198.51.100.1"))
        count = self.conn.raw.execute("SELECT count(*) FROM login_failure").fetchone()
        self.assertEqual(count, (2,))

    def test_clock_set_back(self) -> None:
        """A clock that was set back makes no one wait for longer than the rule says."""
        for back in (3600, 86400, 86400 * 366):
            self.fail(_subject(), 5)
            self.clock.advance(-back)
            with self.conn.transaction(write=True):
                self.assertTrue(throttle.ahead(self.conn))
                throttle.settle(self.conn)
                self.assertFalse(throttle.ahead(self.conn))
            self.assertEqual(self.wait(_subject()), 2)
            self.clock.advance(1)
            self.log_in(_subject())
            self.clock.advance(86400)  # all is forgotten

    def test_clock_set_back_at_the_end(self) -> None:
        """The end of a guess settles the times by itself."""
        self.fail(_subject(), 5)
        self.clock.advance(-86400)
        with self.assertRaises(TooManyAttempts):
            self.fail(_subject())
        with self.conn.transaction(write=True):
            throttle.settle(self.conn)
        self.clock.advance(1)
        self.fail(_subject())

    def test_clock_set_forward(self) -> None:
        """A clock that is set forward forgets, as time does, and nothing fails."""
        for forward in (3600, 86400, 86400 * 366):
            self.fail(_subject(), 5)
            self.clock.advance(forward)
            self.assertEqual(self.wait(_subject()), 0)
            self.log_in(_subject())

    def test_events(self) -> None:
        """Failures at accounts that exist are in the record, with the address."""
        self.fail(_subject())
        self.fail(_subject("my password"))
        (found,) = list_events(self.conn, actor_of(self.alice))
        self.assertEqual(found.description, "Failed login of alice from 192.0.2.1")

    def test_session(self) -> None:
        """A login gives a session that holds."""
        value = self.log_in(_subject())
        credentials = Credentials(session_digest=digest(value))
        found = access.actor(self.conn, credentials, Demand(Access.USER), None)
        self.assertEqual(found.user, self.alice)

    def test_changed_meanwhile(self) -> None:
        """A login whose account was changed while it was checked changes nothing."""
        self.fail(_subject(), 4)
        with self.assertRaises(NotAuthenticated), self.conn.transaction(write=True):
            log_in(
                self.conn,
                _subject(),
                self.alice.id,
                password="$other",
                limits=SessionLimits(),
            )
        self.fail(_subject())
        self.assertGreater(self.wait(_subject()), 0)
