"""The ACME schedule: when a request may be sent and when renewal is due; pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from cryptography import x509
from msgspec.structs import replace

from semaphore_twisted.crypto.challenges import renewal_id
from semaphore_twisted.model.acme import AcmeRecord

WEEK: Final = timedelta(days=7)

#: Maximum number of orders in any seven days.
ORDERS_A_WEEK: Final = 20

#: Minimum interval between two orders that follow the CA's renewal information.
_BETWEEN: Final = timedelta(hours=12)

#: Retry delay in seconds after the first failure, and its maximum.
_FIRST: Final = 60.0
_MOST: Final = 86_400.0

#: Random share of a retry delay, so that many servers do not retry at the same time.
_JITTER: Final = 0.25

#: Share of the validity period after which a certificate is renewed: without renewal
#: information (earlier by a part of the spread, to distribute the load), and at the
#: latest.
_DUE: Final = 2 / 3
_SPREAD: Final = 1 / 50
_LATEST: Final = 9 / 10

#: A random number source; each call returns a number from 0 (included) to 1.
Chance = Callable[[], float]


def retry_delay(failures: int, chance: Chance) -> timedelta:
    """Return the retry delay after *failures* in a row: from a minute to a day."""
    doubled = _FIRST * 2.0 ** min(max(failures - 1, 0), 20)
    return timedelta(seconds=min(doubled * (1 + _JITTER * chance()), _MOST))


def began(known: AcmeRecord, now: datetime, chance: Chance) -> AcmeRecord:
    """Return the record of a started attempt. It counts as failed until it succeeds."""
    failures = known.failures + 1
    return replace(
        known, failures=failures, next_try=now + retry_delay(failures, chance)
    )


def asked_to_wait(
    known: AcmeRecord, now: datetime, wait: timedelta | None
) -> AcmeRecord:
    """Return the record after the CA requested a delay; ``None`` clears the delay."""
    return replace(known, not_before=None if wait is None else now + min(wait, WEEK))


def failed(
    known: AcmeRecord, now: datetime, reason: str, *, wait: timedelta | None
) -> AcmeRecord:
    """Return the record after a failed attempt; the CA requested the delay *wait*."""
    since = known.failing_since or now
    known = replace(known, reason=reason, failing_since=since, ended=now)
    return asked_to_wait(known, now, wait)


def succeeded(known: AcmeRecord, now: datetime) -> AcmeRecord:
    """Return the record after a certificate was issued."""
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


def recent_orders(known: AcmeRecord, now: datetime) -> tuple[datetime, ...]:
    """Return the times of the orders in the last seven days.

    Times in the future count too, since the clock may have been set back. Times more
    than a week in the future are ignored: they were written while the clock was wrong.
    """
    return tuple(each for each in known.orders if abs(each - now) < WEEK)


def may_order(known: AcmeRecord, now: datetime) -> datetime:
    """Return the earliest time at which the weekly limit allows another order."""
    recent = sorted(recent_orders(known, now))
    if len(recent) < ORDERS_A_WEEK:
        return now
    return recent[-ORDERS_A_WEEK] + WEEK


def may_try(known: AcmeRecord, now: datetime, *, asked: bool) -> datetime:
    """Return the earliest time of the next attempt.

    A renewal that was *asked* for by command skips the retry delay. Times further in
    the future than any delay that is set here are ignored: the clock was wrong.
    """
    moments = [now]
    if known.not_before is not None and known.not_before <= now + WEEK:
        moments.append(known.not_before)
    most = now + timedelta(seconds=_MOST)
    if not asked and known.next_try is not None and known.next_try <= most:
        moments.append(known.next_try)
    return max(moments)


def renewal(leaf: x509.Certificate, known: AcmeRecord) -> datetime:
    """Return when *leaf* is due: by renewal information or by its validity period."""
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if known.renew_at is None or known.renewal_id != renewal_id(leaf):
        chance = leaf.serial_number % 1009 / 1009  # constant for a certificate
        return start + (end - start) * (_DUE - _SPREAD * chance)
    latest = start + (end - start) * _LATEST
    advised = min(known.renew_at, latest)
    if known.issued is None:
        return advised
    # a clock that was ahead at issuance must not delay the renewal by that much
    return min(max(advised, known.issued + _BETWEEN), max(latest, advised))


def advised(
    known: AcmeRecord, leaf_id: str, start: datetime, end: datetime, chance: Chance
) -> AcmeRecord:
    """Return the record with a renewal time in the window from *start* to *end*.

    The time is random. It is drawn once, and again only when the window changes.
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
    """Return the delay in a ``Retry-After`` (RFC 9110, 10.2.3), ``None`` if invalid."""
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
