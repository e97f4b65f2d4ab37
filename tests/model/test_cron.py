"""Cron expressions: what is accepted, and what a refusal says."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import cron
from semaphore_twisted.model.cron import CronParts, parse
from semaphore_twisted.model.errors import Invalid


class GrammarTests(SynchronousTestCase):
    """:func:`parse`."""

    def test_fields(self) -> None:
        """Numbers, names, ranges, lists and steps select what Semaphore selects."""
        everything = tuple(range(60))
        for text, expected in (
            ("* * * * *", CronParts(both_days=True)),
            ("5,1 0-2 ? JAN,mar ?", (*_p((1, 5), (0, 1, 2)), None, (1, 3), None)),
            (
                "*/20 8-18/5 * * mon-FRI",
                (*_p((0, 20, 40), (8, 13, 18)), None, None, _W),
            ),
            ("5/25 23/4 */10 2/5 *", ((5, 30, 55), (23,), (1, 11, 21, 31), (2, 7, 12))),
            ("0 0 * * 7", ((0,), (0,), None, None, (0,))),
            ("0 0 * * 5-7", ((0,), (0,), None, None, (0, 5, 6))),
            ("0 0 * * 1/2", ((0,), (0,), None, None, (1, 3, 5))),
            ("0 0 * * */2", ((0,), (0,), None, None, (0, 2, 4, 6))),
            ("0 0 * * 0-6", ((0,), (0,), None, None, None)),
            ("0-59 0-23 1-31 1-12 SUN-SAT", (None, None, None, None, None)),
            ("*/90 0 1 1 *", ((0,), (0,), (1,), (1,), None)),
            ("5-5/3 0 */40 * */7", ((5,), (0,), (1,), None, (0,))),
            ("59/7 23-23/2 31/2 12/5 7/2", ((59,), (23,), (31,), (12,), (0,))),
        ):
            parts = parse(text).parts
            if isinstance(expected, CronParts):
                self.assertEqual(parts, expected)
                continue
            found = (
                parts.minutes,
                parts.hours,
                parts.days,
                parts.months,
                parts.weekdays,
            )
            self.assertEqual(found[: len(expected)], expected, text)
        self.assertEqual(len(everything), parse("* 4 * * *").most_in_an_hour)

    def test_days(self) -> None:
        """A star without a step lets both days count, as in robfig/cron 3.0.1."""
        for text, both in (
            ("0 0 1 * 1", False),
            ("0 0 * * 1", True),
            ("0 0 1 * ?", True),
            ("0 0 */1 * 1", True),
            ("0 0 ?/1 * 1", True),
            ("0 0 5,* * 1", True),
            ("0 0 */2,* * 1", True),
            ("0 0 */2 * 1", False),
            ("0 0 ?/2 * 1", False),
            ("0 0 5,*/10 * 1", False),
            ("0 0 1 * 1,*/3", False),
            ("0 0 */2 * *", True),
        ):
            self.assertEqual(parse(text).parts.both_days, both, text)

    def test_one_day_suffices(self) -> None:
        """Days of which one suffices are each day if one of them names them all."""
        for text, days, of_week in (
            ("0 0 1 * 0-6", None, None),
            ("0 0 1-31 * 1", None, None),
            ("0 0 1 * 1", (1,), (1,)),
            ("0 0 1 * *", (1,), None),
            ("0 0 */2 * 1", tuple(range(1, 32, 2)), (1,)),
        ):
            parts = parse(text).parts
            self.assertEqual((parts.days, parts.weekdays), (days, of_week), text)

    def test_descriptors(self) -> None:
        """Each descriptor stands for five fields."""
        for text, fields in (
            ("@hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("@midnight", "0 0 * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            ("@annually", "0 0 1 1 *"),
        ):
            self.assertEqual(parse(text).fields, fields)

    def test_every(self) -> None:
        """An interval has hours, minutes and seconds."""
        for text, seconds in (
            ("@every 1s", 1),
            ("@every 90s", 90),
            ("@every  1h30m", 5400),
            ("@every 1h0m5s", 3605),
            ("@every 8784h", 366 * 86400),
        ):
            expression = parse(text)
            self.assertEqual(expression.interval, timedelta(seconds=seconds))
            self.assertEqual(expression.parts, CronParts(every=seconds))
        self.assertEqual(parse("@every 1m").most_in_an_hour, 60)
        self.assertEqual(parse("@every 5h").most_in_an_hour, 1)

    def test_zones(self) -> None:
        """A zone may stand in front of each form."""
        for text in ("CRON_TZ=Asia/Tokyo 0 9 * * *", " TZ=Asia/Tokyo\t@every 5m "):
            self.assertEqual(parse(text).zone, "Asia/Tokyo")
        self.assertEqual(parse("0 9 * * *").zone, "")
        self.assertEqual(cron.zone_of("UTC"), ZoneInfo("UTC"))
        self.assertEqual(cron.zone_of("America/Argentina/Ushuaia").key[:8], "America/")

    def test_refusals(self) -> None:
        """A refusal names the field, the value, and what is accepted."""
        for text, words in (
            ("", "expected five fields"),
            ("* * * *", "4 fields"),
            ("0 * * * * *", "6 fields"),
            ("@reboot", "expected five fields"),
            ("@Daily", "expected five fields"),
            ("@every", "such as 90s"),
            ("@every 0s", "one second to 366 days"),
            ("@every 8785h", "one second to 366 days"),
            ("@every -5m", "one second to 366 days"),
            ("@every 5m30", "one second to 366 days"),
            ("@every " + "9" * 200 + "h", "one second to 366 days"),
            ("60 * * * *", 'minute: invalid value "60"; expected 0 to 59'),
            ("* 24 * * *", 'hour: invalid value "24"; expected 0 to 23'),
            ("* * 0 * *", 'day of month: invalid value "0"; expected 1 to 31'),
            ("* * * 13 *", "month: invalid value"),
            ("* * * foo *", "JAN to DEC"),
            ("* * * * 8", "0 to 7 or SUN to SAT"),
            ("* * * * 5L", "day of week"),
            ("* * * * 1#2", "day of week"),
            ("* * L * *", "day of month"),
            ("* * LW * *", "day of month"),
            ("1-b * * * *", "minute"),
            ("5-1 * * * *", "from low to high"),
            ("*-5 * * * *", "minute"),
            ("*/0 * * * *", "1 or more"),
            ("*/x * * * *", "1 or more"),
            ("1//2 * * * *", "1 or more"),
            ("1,,2 * * * *", "minute"),
            (", * * * *", "minute"),
            ("٣ * * * *", "minute"),
            ("0 0 30 2 *", "never due"),
            ("0 0 31 4,6,9,11 *", "never due"),
            ("TZ= * * * * *", "time zone"),
            ("TZ=Mars/Olympus * * * * *", "Europe/Berlin"),
            ("TZ=Europe/Berlin", "expected five fields"),
            ("* " * 200, "at most 255"),
        ):
            error = self.assertRaises(Invalid, parse, text)
            self.assertIn(words, error.message, text)
            self.assertTrue(error.message.startswith("Cron: "), text)
            self.assertEqual(error.field, "cron_format")
            self.assertEqual(len(error.message.splitlines()), 1)

    def test_no_file_is_a_zone(self) -> None:
        """Files and directories beside the zones are no zones, nor is any other."""
        for name in (
            *("", "Europe", "zone.tab", "tzdata.zi", "leapseconds", "../UTC", "/UTC"),
            *("UTC/", "UTC\0", "Europe/../UTC", "a" * 300, "Ünited", "a/b/c/d"),
            *("right/Europe/Berlin", "posix/UTC", "posixrules", "localtime", "Factory"),
        ):
            error = self.assertRaises(Invalid, cron.zone_of, name)
            self.assertEqual(error.field, "timezone")

    @settings(max_examples=300, deadline=None)
    @given(st.text("0123456789*/,-?@ jJaAnN#LW", max_size=30))
    def test_any_text(self, text: str) -> None:
        """Any text is an expression or refused; the normal form means the same."""
        try:
            expression = parse(text)
        except Invalid:
            return
        if expression.interval is None:
            self.assertEqual(parse(expression.fields).parts, expression.parts)


_W = (1, 2, 3, 4, 5)


def _p(*parts: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return parts
