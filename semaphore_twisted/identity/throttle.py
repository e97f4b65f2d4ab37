"""Throttling of password guesses: failures are counted per account and per address.

After a number of free failures, each further failure doubles the time during which all
guesses are refused unchecked, right or wrong. The counters are in the database, so a
restart does not reset them. A successful login resets the account's counters but not
the address's; otherwise an attacker with one account could guess at all accounts
without a limit.

The login name and the e-mail address of an account share one counter. Each text that a
client types also has a counter of its own, and visible answers depend only on that
counter and on the address's. Otherwise a guess at the login name would disclose that
the e-mail address belongs to the same account.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from attrs import frozen

from semaphore_twisted.model import ip, limits
from semaphore_twisted.model.accounts import fold
from semaphore_twisted.model.errors import TooManyAttempts
from semaphore_twisted.model.users import User
from semaphore_twisted.operations import events
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import login_failure
from semaphore_twisted.persistence.statements.accounts import throttle as statements

#: A counter is reset after this time without a further failure.
FORGOTTEN = timedelta(days=1)


@frozen
class Rule:
    """The number of free failures, and the upper limit of the delay.

    The limit for accounts is short, because an attacker can cause the delay and the
    owner of the account has to wait as well.
    """

    free: int
    longest: timedelta

    def delay(self, failures: int) -> timedelta:
        """Return how long guesses are refused after so many *failures*."""
        if failures < self.free:
            return timedelta()
        # The exponent is bounded, since a count has no bound.
        seconds = 2.0 ** min(failures - self.free, 32)
        return min(timedelta(seconds=seconds), self.longest)


ACCOUNT = Rule(free=5, longest=timedelta(minutes=1))
ADDRESS = Rule(free=20, longest=timedelta(minutes=15))


@frozen(kw_only=True)
class Subject:
    """The account name as the client typed it, and the client's address.

    *account* is ``None`` if the password belongs to no account; then only the address
    is counted.
    """

    account: str | None
    address: str


class Withheld(TooManyAttempts):
    """A guess is refused because of a counter that must not be disclosed.

    The caller answers as for a wrong password.
    """


class _Failures(msgspec.Struct, frozen=True, kw_only=True):
    failures: int
    last: datetime


def ahead(conn: Connection) -> bool:
    """Return whether a stored time is in the future: the clock was set back since.

    The caller must then call :func:`settle`; otherwise all clients would be delayed
    until the clock reaches the stored time.
    """
    return bool(conn.scalar(statements.ahead, now=conn.now))


def settle(conn: Connection) -> None:
    """Replace stored times that are in the future with the current time."""
    conn.run(statements.settle, now=conn.now, moment=conn.now)


def check(conn: Connection, subject: Subject) -> None:
    """Check that a guess is permitted at this time.

    :raises TooManyAttempts: if the delay of a visible counter has not passed.
    :raises Withheld: if the delay of the account's undisclosed counter has not passed.
    """
    _check(conn, _told(subject), TooManyAttempts)
    _check(conn, _withheld(conn, subject), Withheld)


def _check(
    conn: Connection,
    counters: Sequence[tuple[str, Rule]],
    kind: type[TooManyAttempts],
) -> None:
    wait = timedelta()
    for name, rule in counters:
        found = _failures(conn, name)
        if found is not None:
            # A time in the future counts as the current time until settle() corrects
            # it.
            passed = max(conn.now - found.last, timedelta())
            wait = max(wait, rule.delay(found.failures) - passed)
    if wait > timedelta():
        raise kind(retry_after=int(wait.total_seconds()) + 1)


def forget(conn: Connection) -> None:
    """Delete expired counters, and the oldest ones above the maximum number."""
    conn.run(statements.forget_old, cutoff=conn.now - FORGOTTEN)
    last = conn.scalar(statements.first_surplus, kept=limits.LOGIN_COUNTERS)
    if last is not None:
        conn.run(statements.forget_old, cutoff=last)


def failed(conn: Connection, subject: Subject) -> None:
    """Count a wrong guess, and record it if the account exists.

    :raises TooManyAttempts: if concurrent guesses have reached the limit.
    """
    settle(conn)
    _check(conn, _told(subject), TooManyAttempts)
    conn.run(statements.forget_old, cutoff=conn.now - FORGOTTEN)
    for name, _ in (*_told(subject), *_withheld(conn, subject)):
        found = _failures(conn, name)
        if found is None:
            conn.insert(login_failure, subject=name, failures=1, last=conn.now)
        else:
            conn.update(login_failure, name, failures=found.failures + 1, last=conn.now)
    user = _user(conn, subject)
    if user is not None:  # an unknown name may be a misplaced password
        events.record(
            conn,
            None,
            object_type=events.LOGIN,
            object_id=user.id,
            object_name=user.username,
            description=f"Failed login of {user.username} from {subject.address}",
            address=subject.address,
        )


def succeeded(conn: Connection, subject: Subject) -> None:
    """Reset the account's counters after a correct guess.

    :raises TooManyAttempts: if concurrent wrong guesses have reached the limit.
    """
    settle(conn)
    check(conn, subject)
    for name, _ in _withheld(conn, subject):
        conn.delete(login_failure, name)
    user = _user(conn, subject)
    for text in (subject.account, *((user.username, user.email) if user else ())):
        conn.delete(login_failure, _typed(text or ""))


def _told(subject: Subject) -> list[tuple[str, Rule]]:
    """Return the counters that visible answers depend on: typed name and address."""
    address = (f"address:{ip.source(subject.address)}", ADDRESS)
    if subject.account is None:
        return [address]
    return [(_typed(subject.account), ACCOUNT), address]


def _withheld(conn: Connection, subject: Subject) -> list[tuple[str, Rule]]:
    """Return the counter that all names of the account share; it is not disclosed."""
    user = _user(conn, subject)
    return [] if user is None else [(f"account:{user.id}", ACCOUNT)]


def _user(conn: Connection, subject: Subject) -> User | None:
    return None if subject.account is None else users.find(conn, subject.account)


def _failures(conn: Connection, name: str) -> _Failures | None:
    failures = conn.one(statements.of_subject, _Failures, subject=name)
    if failures is None or conn.now - failures.last >= FORGOTTEN:
        return None
    return failures


def _typed(text: str) -> str:
    """Return the counter name for a typed text; it contains only a digest of it."""
    folded = fold(text).encode("utf-8", "surrogatepass")
    return f"account:{hashlib.sha256(folded).hexdigest()}"
