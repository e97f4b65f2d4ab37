"""When expressions are due: by the document's table, and by a second library."""

import random
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.cron import parse
from semaphore_twisted.model.timetable import DayRuns, Timetable

DOCUMENT = Path(__file__).parents[2] / "docs" / "schedules.md"

_ROW = re.compile(
    r"^\| `([\w/]+)` \| ([\d-]+) to ([\d-]+) \| `([^`]+)` \| [^|]+ \| ([\dT: ]+) \|$",
    re.M,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Havana",
)

EXPRESSIONS = (
    *("0 3 * * *", "30 2 * * 1-5", "*/5 * * * *", "0 */2 * * *", "7 4 1 * *"),
    *("0 0 29 2 *", "15 10 1,15 * mon", "0 12 1-31/2 * 1", "59 23 31 * *", "0 0 * * 7"),
    *("5/20 8-18/3 * 3-11 *", "0 7 1 jan ?", "45 1 * * sun", "0 22 1-7 * 6"),
)


def timetable(expression: str, zone: str | ZoneInfo = "UTC") -> Timetable:
    """Return the timetable of *expression* in *zone*."""
    return Timetable(
        parse(expression), zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)
    )


def midnight(day: str, zone: str) -> datetime:
    """Return the beginning of *day* in *zone*, in UTC."""
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


#: Expressions, and the days and times at which robfig/cron 3.0.1, the library of
#: Semaphore, is due after noon of 2026-01-30 (``ParseStandard``, printed by a program).
ROBFIG = (
    ("0 7 1 * mon", "260201T07:00 260202T07:00 260209T07:00 260216T07:00"),
    ("0 7 */2 * mon", "260131T07:00 260201T07:00 260202T07:00 260203T07:00"),
    ("0 7 */1 * mon", "260202T07:00 260209T07:00 260216T07:00 260223T07:00"),
    ("0 7 ?/2 * mon", "260131T07:00 260201T07:00 260202T07:00 260203T07:00"),
    ("0 7 1 * */2", "260131T07:00 260201T07:00 260203T07:00 260205T07:00"),
    ("0 7 5,*/10 * 1", "260131T07:00 260201T07:00 260202T07:00 260205T07:00"),
    ("0 7 */2,* * 1", "260202T07:00 260209T07:00 260216T07:00 260223T07:00"),
    ("0 7 1 * 0-6", "260131T07:00 260201T07:00 260202T07:00 260203T07:00"),
    ("0 7 1-31 * 1", "260131T07:00 260201T07:00 260202T07:00 260203T07:00"),
    ("0 7 */2 * *", "260131T07:00 260201T07:00 260203T07:00 260205T07:00"),
    ("0 0 30 2 */3", "260201T00:00 260204T00:00 260207T00:00 260208T00:00"),
    ("5-5/3 23/4 */10 2/5 *", "260201T23:05 260211T23:05 260221T23:05 260701T23:05"),
    ("*/90 0 1 1 *", "270101T00:00 280101T00:00 290101T00:00 300101T00:00"),
    ("0 0 * * 5/1", "260131T00:00 260206T00:00 260207T00:00 260213T00:00"),
    ("1-59/20 */7 * jan-MAR *", "260130T14:01 260130T14:21 260130T14:41 260130T21:01"),
)


class RobfigTests(SynchronousTestCase):
    """The rules of Semaphore."""

    def test_same(self) -> None:
        """Stars, steps and days select what the library of Semaphore selects."""
        begin = datetime(2026, 1, 30, 12, tzinfo=UTC)
        for expression, expected in ROBFIG:
            runs = timetable(expression)
            found = runs.coming(runs.after(begin), 4)
            texts = [each.strftime("%y%m%dT%H:%M") for each in found]
            self.assertEqual(texts, expected.split(), expression)


class ClockChangeTests(SynchronousTestCase):
    """The table in ``docs/schedules.md``."""

    def test_table(self) -> None:
        """Each row of the document is true."""
        rows = _ROW.findall(DOCUMENT.read_text())
        self.assertEqual(len(rows), 17, "the table has rows of another form")
        for zone, first, last, expression, due in rows:
            end = midnight(str(date.fromisoformat(last) + DAY), zone)
            moment = midnight(first, zone) - SECOND
            runs = timetable(expression, zone)
            found = []
            while (following := runs.after(moment)) is not None and following < end:
                found.append(following.strftime("%dT%H:%M"))
                moment = following
            self.assertEqual(found, due.split(), f"{zone} {first} {expression}")

    def test_zone_of_a_case(self) -> None:
        """Seven in the morning in Athens is another hour of UTC in summer."""
        athens = timetable("0 7 * * *", "Europe/Athens")
        for day, hour in ((datetime(2026, 7, 1), 4), (datetime(2026, 1, 1), 5)):
            due = athens.after(day.replace(tzinfo=UTC))
            self.assertEqual(due, day.replace(hour=hour, tzinfo=UTC))

    @settings(max_examples=200, deadline=None)
    @given(
        st.sampled_from((*EXPRESSIONS, "*/7 1-3 * * *", "30 * * * *", "@hourly")),
        st.sampled_from((*ZONES, "Pacific/Apia", "Asia/Beirut", "Africa/Cairo")),
        st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)),
    )
    def test_order(self, expression: str, zone: str, start: datetime) -> None:
        """Times ascend, begin after the moment, and are found from anywhere between."""
        runs = timetable(expression, zone)
        moment = start.replace(tzinfo=UTC)
        times = runs.coming(runs.after(moment), 4)
        for before, due in pairwise((moment, *times)):
            self.assertGreater(due, before)
            self.assertEqual(runs.after(due - SECOND), due)
            self.assertEqual(runs.after(before + (due - before) / 2), due)


class SecondLibraryTests(SynchronousTestCase):
    """2024 to 2030 in five zones, away from clock changes."""

    def test_same(self) -> None:
        """The next runs are those of ``croniter``."""
        source = random.Random(20240101)
        begin = datetime(2024, 1, 1, tzinfo=UTC)
        minutes = 7 * 365 * 1440
        compared = 0
        for zone in ZONES:
            for expression in EXPRESSIONS:
                runs = timetable(expression, zone)
                for _ in range(12):
                    moment = begin + timedelta(minutes=source.randrange(minutes))
                    local = moment.astimezone(ZoneInfo(zone))
                    other = croniter(
                        expression.replace("?", "*"), local, implement_cron_bug=True
                    )
                    expected = other.get_next(datetime).astimezone(UTC)
                    if _changes_near(expected, ZoneInfo(zone)):
                        continue
                    compared += 1
                    found = runs.after(moment)
                    self.assertEqual(found, expected, (zone, expression, moment))
        self.assertGreater(compared, 700)


def _changes_near(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether the clocks change within a day of *moment*."""
    around = (moment - DAY, moment + DAY)
    return len({each.astimezone(zone).utcoffset() for each in around}) > 1


class ComingTests(SynchronousTestCase):
    """Lists of times."""

    def test_every(self) -> None:
        """An interval counts from the last start, through a clock change."""
        start = datetime(2026, 3, 29, 0, 30, 7, tzinfo=UTC)
        runs = timetable("@every 45m", BERLIN)
        first = runs.after(start)
        self.assertEqual(
            runs.coming(first, 3),
            tuple(start + n * timedelta(minutes=45) for n in (1, 2, 3)),
        )

    def test_none(self) -> None:
        """Without a first time there are no others."""
        self.assertEqual(timetable("* * * * *").coming(None, 5), ())

    def test_rare(self) -> None:
        """29 February is found eight years ahead, since 2100 has none."""
        due = timetable("0 0 29 2 *").after(datetime(2096, 3, 1, tzinfo=UTC))
        self.assertEqual(due, datetime(2104, 2, 29, tzinfo=UTC))

    def test_days(self) -> None:
        """A day lists few times, and counts many."""
        first = datetime(2026, 6, 1, 8, 20, tzinfo=UTC)

        def day(expression: str, number: int) -> DayRuns:
            return timetable(expression, BERLIN).on_day(
                date(2026, 6, number), zone=BERLIN, first=first, most=3
            )

        self.assertEqual(day("20 10 * * *", 1), DayRuns(count=1, times=(first,)))
        self.assertEqual(day("20 10 * * *", 2), DayRuns(count=1, times=(first + DAY,)))
        self.assertEqual(day("20 10 * * *", 30).count, 1)
        self.assertEqual(day("0 5 31 * *", 2), DayRuns(count=0))
        # from 10:20 on, by the wall clock of Berlin
        self.assertEqual(day("*/20 * * * *", 1), DayRuns(count=2 + 13 * 3))
        self.assertEqual(day("*/20 * * * *", 2), DayRuns(count=72))
        self.assertEqual(day("@every 9h", 1).count, 2)
        self.assertEqual(day("@every 9h", 2).times[0], first + timedelta(hours=18))
        self.assertEqual(day("@every 1m", 2), DayRuns(count=1440))

    def test_past(self) -> None:
        """Days before the first time have no runs."""
        first = datetime(2026, 6, 5, tzinfo=UTC)
        for expression in ("0 * * * *", "@every 1m"):
            runs = timetable(expression).on_day(
                date(2026, 6, 4), zone=ZoneInfo("UTC"), first=first, most=3
            )
            self.assertEqual(runs, DayRuns(count=0))

    def test_days_of_changes(self) -> None:
        """On the day of a clock change the number is that of the real runs."""
        for expression, day, count in (
            ("* * * * *", date(2026, 10, 25), 1500),
            ("* * * * *", date(2026, 3, 29), 1380),
            ("*/10 0-4 * * *", date(2026, 10, 25), 30),
            ("*/10 0-4 * * *", date(2026, 3, 29), 24),
        ):
            found = timetable(expression, BERLIN).on_day(
                day, zone=BERLIN, first=datetime(2026, 1, 1, tzinfo=UTC), most=3
            )
            self.assertEqual(found.count, count, (expression, day))
