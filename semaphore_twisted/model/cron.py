"""Cron expressions: the grammar, and the one parser of the server.

The grammar is that of Semaphore (robfig/cron, version 3, "standard"), with ``7`` for
Sunday: five fields, descriptors such as ``@daily``, ``@every 1h30m``, and a zone in
front (``CRON_TZ=Europe/Berlin 0 3 * * *``). If day of month and day of week are both
restricted, one of them has to match; if one of them has a star, both. A star with a
step of 2 or more restricts, as in that library.

The fields are checked here, for sentences that name field and value, and matched by the
library ``cronsim``. :mod:`timetable` has the times at which an expression is due.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from attrs import frozen
from cronsim import CronSim, CronSimError

from semaphore_twisted.model import limits
from semaphore_twisted.model.refusals import Invalid, invalid, quoted

_MONTHS = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_EVERY = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?", re.A)

_ZONE_PREFIX = re.compile(r"(?:CRON_)?TZ=(\S*)\s*(.*)", re.S)

#: Names of zones, without dots: the directory of zones has other files too.
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,31}){0,2}", re.A)

#: Files beside the zones that are read as one: zones that count leap seconds, copies,
#: and links to the zone of a machine. Browsers do not know them.
_NO_ZONE = re.compile(r"(?:right|posix)/.*|posixrules|localtime|Factory")

#: Expressions that are kept, so that a list of schedules does not parse each again.
_KEPT = 1_000

_NUMBER = re.compile(r"[0-9]{1,9}", re.A)

_EXAMPLE = (
    "five fields (minute, hour, day of month, month, day of week) such as "
    '"30 2 * * 1-5", a descriptor such as "@daily", or "@every 1h30m"'
)

#: Shortest and longest interval of ``@every``.
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=366)


@frozen
class _Field:
    """One of the five fields: its name, least and greatest number, and names."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()

    def normalized(self, text: str) -> str:
        """Return the field in the form for the library; see :func:`_normalized`."""
        parts = [self._part(part, text) for part in text.split(",")]
        # The library looks for a star at the beginning only.
        return ",".join(sorted(parts, key=lambda part: not part.startswith("*")))

    def _part(self, part: str, text: str) -> str:
        span, slash, step = part.partition("/")
        if slash and not (_NUMBER.fullmatch(step) and int(step) > 0):
            raise self._wrong(text, "a step of 1 or more behind the slash")
        if span in {"*", "?"}:
            if not slash or int(step) == 1:
                return "*"
            # The library would take a star for no restriction of the days.
            span = str(self.least)
        low, dash, high = span.partition("-")
        first = self._number(low, text)
        if dash:
            last = self._number(high, text)
        else:
            # "5/10" is every tenth from the fifth on
            last = self._last(first) if slash else first
        if first > last:
            raise self._wrong(text, f"a range from low to high instead of {span}")
        if first == last:  # with a step the library would go on
            return str(first)
        return f"{first}-{last}/{int(step)}" if slash else f"{first}-{last}"

    def _last(self, first: int) -> int:
        """Return the last number that a step reaches: Saturday, unless it is Sunday."""
        return max(self.greatest - (self.greatest == 7), first)

    def _number(self, text: str, whole: str) -> int:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.least
        if not _NUMBER.fullmatch(text) or not self.least <= int(text) <= self.greatest:
            raise self._wrong(whole, self._accepted())
        return int(text)

    def _accepted(self) -> str:
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        numbers = f"{self.least} to {self.greatest}{names}"
        return f"{numbers}, * for each, ranges (1-5), lists (1,3) and steps (*/2)"

    def _wrong(self, text: str, expected: str) -> Invalid:
        return Invalid(invalid(f"Cron: {self.name}", text, expected), field=FIELD)


#: The field of a request that has the expression, and the one that has the zone.
FIELD, ZONE_FIELD = "cron_format", "timezone"

_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)


@frozen(kw_only=True)
class CronExpression:
    """A parsed expression: five *fields*, or the *interval* of ``@every``.

    *zone* is the zone in front of the expression, empty without one.
    """

    fields: str = ""
    interval: timedelta | None = None
    zone: str = ""

    @property
    def parts(self) -> "CronParts":
        """The expression as numbers."""
        if self.interval is not None:
            return CronParts(every=int(self.interval.total_seconds()))
        sim = simulation(self.fields)
        days = _restricted(sim.days, 31)
        of_week = _restricted({day % 7 for day in weekdays(sim)}, 7)
        if not sim.day_and and None in {days, of_week}:
            days = of_week = None  # one suffices, and one matches always
        return CronParts(
            minutes=_restricted(sim.minutes, 60),
            hours=_restricted(sim.hours, 24),
            days=days,
            months=_restricted(sim.months, 12),
            weekdays=of_week,
            both_days=sim.day_and,
        )

    @property
    def most_in_an_hour(self) -> int:
        """The number of runs in an hour in which the expression is due."""
        if self.interval is not None:
            return max(1, int(3600 / self.interval.total_seconds()))
        return len(simulation(self.fields).minutes)


class CronParts(msgspec.Struct, frozen=True, kw_only=True):
    """An expression as numbers, so that no client parses it; ``null`` is "each".

    *every* is the interval of ``@every`` in seconds. *weekdays* are 0 (Sunday) to 6.
    *both_days* says whether day of month and day of week must both match, instead of
    one of them; it matters only if both are restricted.
    """

    every: int | None = None
    minutes: tuple[int, ...] | None = None
    hours: tuple[int, ...] | None = None
    days: tuple[int, ...] | None = None
    months: tuple[int, ...] | None = None
    weekdays: tuple[int, ...] | None = None
    both_days: bool = False


@lru_cache(maxsize=_KEPT)
def parse(text: str) -> CronExpression:
    """Return the expression *text*.

    :raises Invalid: naming the field that is wrong and what is accepted, or if the
        expression is never due, such as on 30 February
    """
    if len(text) > limits.NAME:
        raise Invalid(
            f"Cron: {len(text)} characters; expected at most {limits.NAME}", field=FIELD
        )
    prefix = _ZONE_PREFIX.fullmatch(text.strip())
    zone, rest = prefix.groups() if prefix else ("", text.strip())
    if prefix:
        _ = zone_of(zone, FIELD)
    rest = rest.strip()
    if rest == "@every" or rest[:7].split() == ["@every"]:
        return CronExpression(interval=_interval(rest[6:].strip(), text), zone=zone)
    return CronExpression(fields=_normalized(_DESCRIPTORS.get(rest, rest)), zone=zone)


def _normalized(text: str) -> str:
    """Return five fields as the library accepts them: numbers and stars only."""
    texts = text.split()
    if len(texts) != len(_FIELDS):
        number = f"{len(texts)} field{'' if len(texts) == 1 else 's'}: "
        raise Invalid(f"Cron: {number}{quoted(text)}; expected {_EXAMPLE}", field=FIELD)
    fields = " ".join(
        field.normalized(given) for field, given in zip(_FIELDS, texts, strict=True)
    )
    try:
        _ = simulation(fields)
    except CronSimError:
        raise Invalid(
            f"Cron: {quoted(text)} is never due: no such month has so many days",
            field=FIELD,
        ) from None
    return fields


def _interval(text: str, whole: str) -> timedelta:
    matched = _EVERY.fullmatch(text)
    hours, minutes, seconds = (
        (int(x or 0) for x in matched.groups()) if matched else (0,) * 3
    )
    total = hours * 3600 + minutes * 60 + seconds
    if not SHORTEST.total_seconds() <= total <= LONGEST.total_seconds():
        raise Invalid(
            invalid(
                "Cron",
                whole,
                '"@every" with a duration of one second to 366 days, such as 90s, 15m '
                "or 1h30m",
            ),
            field=FIELD,
        )
    return timedelta(seconds=total)


def zone_of(name: str, field: str = ZONE_FIELD) -> ZoneInfo:
    """Return the time zone *name*, such as ``Europe/Berlin``.

    :raises Invalid: if there is none; the error is about *field*
    """
    try:
        if _ZONE.fullmatch(name) and not _NO_ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass  # also a directory of zones, and a file that has none
    raise Invalid(
        invalid(
            "Cron: time zone" if field == FIELD else field,
            name,
            "a name of the time zone database such as Europe/Berlin, or UTC",
        ),
        field=field,
    )


#: A time; the sets of a simulation do not depend on it.
_SOME_TIME = datetime(2000, 1, 1)


@lru_cache(maxsize=_KEPT)
def simulation(fields: str) -> CronSim:
    """Return the library's simulation, for the sets of numbers that match.

    It is kept for others, who must not let it go on.
    """
    return CronSim(fields, _SOME_TIME)


def weekdays(sim: CronSim) -> set[int]:
    """Return the days of the week of *sim*; the grammar here knows numbers only."""
    return {each for each in sim.weekdays if isinstance(each, int)}


def _restricted(numbers: set[int], all_of_them: int) -> tuple[int, ...] | None:
    return None if len(numbers) == all_of_them else tuple(sorted(numbers))
