"""Failed guesses at passwords, counted by account and by address.

After some guesses that cost nothing, each further one doubles the time in which no
other is looked at, right or wrong. The counts are in the store, so a restart forgives
nothing. A login that succeeds counts nothing, and forgives the account's failures, not
the address's: who has one account could otherwise guess at all others for ever.

A login name and an e-mail address of one account share a counter, but nobody is told:
each text that is typed has a counter of its own as well, and answers depend on that one
and on the address. Otherwise a guess at one of the two would tell that the other
belongs to it.
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
from semaphore_twisted.operations import events, users
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import login_failure
from semaphore_twisted.persistence.statements import throttle as statements

#: Failures are forgotten after so long without another one.
FORGOTTEN = timedelta(days=1)


@frozen
class Rule:
    """How many failures cost nothing, and how long the delay grows at most.

    The longest delay of an account is short: others can cause it, and its owner has
    to wait as well.
    """

    free: int
    longest: timedelta

    def delay(self, failures: int) -> timedelta:
        """Return how long no guess is looked at after so many *failures*."""
        if failures < self.free:
            return timedelta()
        # The exponent is bounded, since a count has no bound.
        seconds = 2.0 ** min(failures - self.free, 32)
        return min(timedelta(seconds=seconds), self.longest)


ACCOUNT = Rule(free=5, longest=timedelta(minutes=1))
ADDRESS = Rule(free=20, longest=timedelta(minutes=15))


@frozen(kw_only=True)
class Subject:
    """Whose password is guessed at, as it was typed, and from where.

    Without an *account* the password is no account's, and its address counts alone.
    """

    account: str | None
    address: str


class Withheld(TooManyAttempts):
    """It is too early by a counter that the client must not know of.

    The answer is that of a wrong password.
    """


class _Failures(msgspec.Struct, frozen=True, kw_only=True):
    failures: int
    last: datetime


def ahead(conn: Connection) -> bool:
    """Whether a stored time is yet to come: the clock was set back since.

    :func:`settle` is to be called then, or everybody would have to wait until the
    clock is there again.
    """
    return bool(conn.scalar(statements.ahead, now=conn.now))


def settle(conn: Connection) -> None:
    """Let stored times that are yet to come be now."""
    conn.run(statements.settle, now=conn.now, moment=conn.now)


def check(conn: Connection, subject: Subject) -> None:
    """Accept a guess at this time.

    :raises TooManyAttempts: if it is too early for another one.
    :raises Withheld: if it is, but the client must not know it.
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
            # A time that is yet to come counts as now until it is settled.
            passed = max(conn.now - found.last, timedelta())
            wait = max(wait, rule.delay(found.failures) - passed)
    if wait > timedelta():
        raise kind(retry_after=int(wait.total_seconds()) + 1)


def forget(conn: Connection) -> None:
    """Remove the counters that are forgotten, and the oldest of too many."""
    conn.run(statements.forget_old, cutoff=conn.now - FORGOTTEN)
    last = conn.scalar(statements.first_surplus, kept=limits.LOGIN_COUNTERS)
    if last is not None:
        conn.run(statements.forget_old, cutoff=last)


def failed(conn: Connection, subject: Subject) -> None:
    """Count a wrong guess.

    :raises TooManyAttempts: if other guesses, made at the same time, came first.
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
    if user is not None:  # others' texts may be passwords, typed into the wrong field
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
    """Forgive the account's failures after a right guess.

    :raises TooManyAttempts: if wrong guesses, made at the same time, came first.
    """
    settle(conn)
    check(conn, subject)
    for name, _ in _withheld(conn, subject):
        conn.delete(login_failure, name)
    user = _user(conn, subject)
    for text in (subject.account, *((user.username, user.email) if user else ())):
        conn.delete(login_failure, _typed(text or ""))


def _told(subject: Subject) -> list[tuple[str, Rule]]:
    """Return the counters that answers depend on."""
    address = (f"address:{ip.source(subject.address)}", ADDRESS)
    if subject.account is None:
        return [address]
    return [(_typed(subject.account), ACCOUNT), address]


def _withheld(conn: Connection, subject: Subject) -> list[tuple[str, Rule]]:
    """Return the counter of the account, which has several names."""
    user = _user(conn, subject)
    return [] if user is None else [(f"account:{user.id}", ACCOUNT)]


def _user(conn: Connection, subject: Subject) -> User | None:
    return None if subject.account is None else users.find(conn, subject.account)


def _failures(conn: Connection, name: str) -> _Failures | None:
    found = conn.one(statements.of_subject, _Failures, subject=name)
    if found is None or conn.now - found.last >= FORGOTTEN:
        return None
    return found


def _typed(text: str) -> str:
    """Name the counter of a text that was typed, which the store must not know."""
    folded = fold(text).encode("utf-8", "surrogatepass")
    return f"account:{hashlib.sha256(folded).hexdigest()}"
