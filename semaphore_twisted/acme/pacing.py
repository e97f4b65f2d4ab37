"""When an authority may be asked, and when a certificate is to be renewed; pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from cryptography import x509
from msgspec.structs import replace

from semaphore_twisted.crypto.challenges import renewal_id
from semaphore_twisted.model.acme import Record

WEEK: Final = timedelta(days=7)

#: Orders in any seven days, whatever happens.
ORDERS_A_WEEK: Final = 20

#: Between two orders that the authority's own advice asks for.
_BETWEEN: Final = timedelta(hours=12)

#: Our patience after the first failure, and at most.
_FIRST: Final = 60.0
_MOST: Final = 86_400.0

#: How much of a delay is left to chance, so that many servers do not come together.
_JITTER: Final = 0.25

#: Share of its life after which a certificate is renewed, without advice and at last;
#: earlier by a part of the spread, so that not all do at once.
_DUE: Final = 2 / 3
_SPREAD: Final = 1 / 50
_LATEST: Final = 9 / 10

#: Chance: a number from 0 (included) to 1.
Chance = Callable[[], float]


def patience(failures: int, chance: Chance) -> timedelta:
    """Return how long to wait after *failures* in a row: a minute to a day."""
    doubled = _FIRST * 2.0 ** min(max(failures - 1, 0), 20)
    return timedelta(seconds=min(doubled * (1 + _JITTER * chance()), _MOST))


def began(known: Record, now: datetime, chance: Chance) -> Record:
    """Return *known* as it is once a try is under way: it counts as failed already."""
    failures = known.failures + 1
    return replace(known, failures=failures, next_try=now + patience(failures, chance))


def asked_to_wait(known: Record, now: datetime, wait: timedelta | None) -> Record:
    """Return *known* after the authority asked not to be asked for *wait*."""
    return replace(known, not_before=None if wait is None else now + min(wait, WEEK))


def failed(
    known: Record, now: datetime, reason: str, *, wait: timedelta | None
) -> Record:
    """Return *known* after a try failed; *wait* is what the authority asked for."""
    since = known.failing_since or now
    known = replace(known, reason=reason, failing_since=since, ended=now)
    return asked_to_wait(known, now, wait)


def succeeded(known: Record, now: datetime) -> Record:
    """Return *known* after a certificate came."""
    return replace(
        known,
        order="",
        order_names=(),
        order_tries=0,
        failures=0,
        failing_since=None,
        reason="",
        ended=now,
        next_try=None,
        not_before=None,
        issued=now,
        renewal_id="",
        renewal_start=None,
        renewal_end=None,
        renew_at=None,
        look_at=None,
        no_replaces=False,
    )


def recent_orders(known: Record, now: datetime) -> tuple[datetime, ...]:
    """Return when the orders of the last week were begun.

    Moments that are yet to come count too, where the clock was put back; those that
    are more than a week away were written by a clock that was wrong.
    """
    return tuple(each for each in known.orders if abs(each - now) < WEEK)


def may_order(known: Record, now: datetime) -> datetime:
    """Return from when on another order is within the week's number."""
    recent = sorted(recent_orders(known, now))
    if len(recent) < ORDERS_A_WEEK:
        return now
    return recent[-ORDERS_A_WEEK] + WEEK


def may_try(known: Record, now: datetime, *, asked: bool) -> datetime:
    """Return before when nothing is tried; who *asked* skips our own patience.

    A moment further away than any that we set was set by a clock that was wrong.
    """
    moments = [now]
    if known.not_before is not None and known.not_before <= now + WEEK:
        moments.append(known.not_before)
    most = now + timedelta(seconds=_MOST)
    if not asked and known.next_try is not None and known.next_try <= most:
        moments.append(known.next_try)
    return max(moments)


def renewal(leaf: x509.Certificate, known: Record) -> datetime:
    """Return when *leaf* is to be renewed: as the authority says, or by its life."""
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if known.renew_at is None or known.renewal_id != renewal_id(leaf):
        chance = leaf.serial_number % 1009 / 1009  # the same at each look
        return start + (end - start) * (_DUE - _SPREAD * chance)
    latest = start + (end - start) * _LATEST
    advised = min(known.renew_at, latest)
    if known.issued is None:
        return advised
    # a clock that was ahead at the issuance must not put the renewal off for as long
    return min(max(advised, known.issued + _BETWEEN), max(latest, advised))


def advised(
    known: Record, leaf_id: str, start: datetime, end: datetime, chance: Chance
) -> Record:
    """Return *known* with a moment in the window from *start* to *end*.

    The moment is drawn once, and again only if the window was moved.
    """
    same = (known.renewal_id, known.renewal_start, known.renewal_end)
    if same == (leaf_id, start, end):
        return known
    return replace(
        known,
        renewal_id=leaf_id,
        renewal_start=start,
        renewal_end=end,
        renew_at=start + (end - start) * chance(),
    )


def waiting_time(text: str, now: datetime) -> timedelta | None:
    """Return what a ``Retry-After`` says (RFC 9110, 10.2.3), ``None`` if nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))
