"""Query parameters are decoded as their route declares them."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.web.http.parameters import decoded


class _Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class _Query(msgspec.Struct, frozen=True, kw_only=True):
    count: Annotated[int, Meta(ge=1, le=9)] = 5
    since: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(
        default=None, name="from"
    )
    day: date | None = None
    number: Annotated[int, Meta(ge=1, le=9)] | None = None
    color: _Color = _Color.RED
    whole: bool = False
    text: Annotated[str, Meta(max_length=3)] = ""


class ParameterTests(SynchronousTestCase):
    """Values of each type, and their refusal."""

    def test_values(self) -> None:
        """Each parameter has its type; a renamed one has its other name."""
        sent = {
            "count": "9",
            "from": "2026-01-02T03:04:05Z",
            "day": "2026-01-02",
            "color": "blue",
            "whole": "1",
            "text": "abc",
            "since": "unknown names are ignored",
        }
        self.assertEqual(
            decoded(sent, _Query),
            _Query(
                count=9,
                since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                day=date(2026, 1, 2),
                color=_Color.BLUE,
                whole=True,
                text="abc",
            ),
        )

    def test_absent(self) -> None:
        """An empty parameter is an absent one."""
        empty = {"count": "", "from": "", "color": "", "whole": ""}
        for sent in ({}, empty):
            self.assertEqual(decoded(sent, _Query), _Query())

    def test_refused(self) -> None:
        """The sentence has the parameter, the value and what is accepted."""
        for name, value, expected in (
            ("count", "0", "1 to 9"),
            ("count", "10", "1 to 9"),
            ("count", "1e3", "1 to 9"),
            ("count", "9" * 40, "1 to 9"),
            ("from", "2026-01-02", "a time such as 2026-01-31T12:00:00Z"),
            ("from", "2026-01-02T03:04:05", "a time such as 2026-01-31T12:00:00Z"),
            ("day", "2026-02-30", "a date such as 2026-01-31"),
            ("color", "green", '"red", "blue"'),
            ("day", "null", "a date such as 2026-01-31"),
            ("from", "null", "a time such as 2026-01-31T12:00:00Z"),
            ("from", "-1", "a time such as 2026-01-31T12:00:00Z"),
            ("from", "1767323045", "a time such as 2026-01-31T12:00:00Z"),
            ("number", "null", "1 to 9"),
            ("number", "3e0", "1 to 9"),
            ("number", "+3", "1 to 9"),
            ("number", "\u0663", "1 to 9"),
            ("whole", "2", "0 or 1"),
            ("text", "abcd", "at most 3 characters"),
        ):
            error = self.assertRaises(Invalid, decoded, {name: value}, _Query)
            self.assertEqual(
                error.message, f'{name}: invalid value "{value}"; expected {expected}'
            )
