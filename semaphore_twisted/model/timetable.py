"""The times at which a cron expression is due, also when the clocks change; pure.

An expression names times of a wall clock in a zone. At a change of the clocks

- a time that the wall clock skips is due once at the end of the gap, and several of
  them together are due once;
- a time that the wall clock shows twice is due at its first occurrence only;
- an expression for every hour, such as ``*/15 * * * *``, counts in real time: nothing
  is moved, and the repeated hour has its runs like any other hour.

The table of cases is in ``docs/schedules.md``. The clock is an argument everywhere.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import msgspec
from attrs import frozen
from cronsim import CronSim

from semaphore_twisted.model import cron
from semaphore_twisted.model.cron import CronExpression

_EACH_HOUR = frozenset(range(24))
_SECOND, _HOUR, _DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

#: Years ahead after which an expression counts as never due.
_YEARS = 50


class DayRuns(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a day: their number, and the *times*, if they are few."""

    count: int
    times: tuple[datetime, ...] = ()


NO_RUNS = DayRuns(count=0)


@frozen
class Timetable:
    """The times of *expression* in *zone*."""

    expression: CronExpression
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time after *moment* in UTC; ``None`` if there is none.

        ``@every`` counts from *moment*, which is the last start of the schedule. A time
        more than fifty years ahead counts as none.
        """
        interval = self.expression.interval
        if interval is not None:
            return moment.astimezone(UTC) + interval
        return next(self._after(moment), None)

    def coming(self, first: datetime | None, count: int) -> tuple[datetime, ...]:
        """Return *count* times, of which *first* is the next one."""
        if first is None:
            return ()
        interval = self.expression.interval
        if interval is not None:
            return tuple(first + number * interval for number in range(count))
        return (first, *islice(self._after(first), count - 1))

    def on_day(
        self, day: date, *, zone: ZoneInfo, first: datetime | None, most: int
    ) -> DayRuns:
        """Return the runs from *first*, the next one, on the date *day* in *zone*.

        Up to *most* times are listed, otherwise none.
        """
        begin, end = _midnight(day, zone), _midnight(day + _DAY, zone)
        if first is None or first >= end:
            return NO_RUNS
        interval = self.expression.interval
        if interval is not None:
            start = first + max(0, -((first - begin) // interval)) * interval
            count = max(0, -((start - end) // interval))
            few = count if count <= most else 0
            return DayRuns(
                count=count, times=tuple(start + n * interval for n in range(few))
            )
        times: list[datetime] = []
        for moment in self._after(max(first, begin) - _SECOND):
            if moment >= end:
                return DayRuns(count=len(times), times=tuple(times))
            if len(times) == most:
                break
            times.append(moment)
        return DayRuns(count=self._count(max(first, begin), end))

    def _count(self, begin: datetime, end: datetime) -> int:
        """Return the number of runs from *begin* to before *end*, without listing them.

        Only on the day of a clock change each of them is looked at.
        """
        first, last = (_wall_clock(each, self.zone) for each in (begin, end))
        if last - first != end - begin:
            coming = self._after(begin - _SECOND)
            return sum(1 for _ in takewhile(lambda moment: moment < end, coming))
        sim = cron.simulation(self.expression.fields)
        count = 0
        hour = first.replace(minute=0, second=0, microsecond=0)
        while hour < last:
            day = hour.date()
            if (
                hour.hour in sim.hours
                and day.month in sim.months
                and sim.match_day(day)
            ):
                if first <= hour and hour + _HOUR <= last:
                    count += len(sim.minutes)
                else:
                    count += sum(
                        first <= hour + timedelta(minutes=minute) < last
                        for minute in sim.minutes
                    )
            hour += _HOUR
        return count

    def _after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the times after *moment* in ascending order."""
        fields = self.expression.fields
        sim = cron.simulation(fields)
        if sim.hours >= _EACH_HOUR:
            minutes, _, *days = fields.split()
            # With a star for the hours the library counts in real time.
            real = CronSim(
                " ".join((minutes, "*", *days)), moment.astimezone(self.zone)
            )
            yield from (each.astimezone(UTC) for each in real)
            return
        last = moment
        for shown in _shown(sim, _wall_clock(moment, self.zone)):
            due = _first_at(shown, self.zone)
            # The second occurrence is not due, nor is the end of a gap due twice.
            if due > last:
                yield due
                last = due


def _shown(sim: CronSim, after: datetime) -> Iterator[datetime]:
    """Yield the times of the wall clock after *after*, for at most fifty years.

    The library would step through the hours of each day, which takes five times as
    long; the days that match are its business.
    """
    hours, minutes = sorted(sim.hours), sorted(sim.minutes)
    day, last = after.date(), after.year + _YEARS
    while day.year <= last:
        if day.month not in sim.months:
            day = (day.replace(day=1) + 31 * _DAY).replace(day=1)
            continue
        if sim.match_day(day):
            for hour in hours:
                for minute in minutes:
                    shown = datetime(day.year, day.month, day.day, hour, minute)
                    if shown > after:
                        yield shown
        day += _DAY


def _wall_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return _first_at(datetime.combine(day, time()), zone)


def _first_at(shown: datetime, zone: ZoneInfo) -> datetime:
    """Return when the wall clock of *zone* is at *shown* first, in UTC.

    If it skips *shown*, this is the end of the gap.
    """
    before = shown.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall_clock(before, zone) == shown:
        return before
    # In a gap, "fold" selects the offset before it (later in UTC) or after it.
    inside, after = shown.replace(tzinfo=zone, fold=1).astimezone(UTC), before
    offset = after.astimezone(zone).utcoffset()
    while after - inside > _SECOND:
        middle = inside + (after - inside) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            inside = middle
    return after
