"""Tests of the limits of texts in bodies."""

from typing import Annotated, Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.texts import TASK_JSON, LongText, Name, TaskText, check


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An object inside a body."""

    title: Name = ""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A body with each kind of limit."""

    name: Name = ""
    text: TaskText | None = None
    parts: Annotated[tuple[Part, ...], TASK_JSON] | None = None
    anything: Annotated[dict[str, Any], TASK_JSON] | None = None
    one_or_many: tuple[LongText, ...] | LongText = ""


class CheckTests(SynchronousTestCase):
    """A text over its limit is refused by the name of its field."""

    def refused(self, body: Body, present: Any = None) -> str:
        """Return why *body* is refused."""
        error: Invalid = self.assertRaises(Invalid, check, body, present)
        return error.message

    def test_characters(self) -> None:
        """A limit of characters counts code points, however many bytes they have."""
        check(Body(name="\U0001f600" * limits.NAME))
        self.assertEqual(
            self.refused(Body(name="\U0001f600" * (limits.NAME + 1))),
            "name: 256 characters; expected at most 255",
        )

    def test_bytes(self) -> None:
        """A limit of bytes counts the text in UTF-8."""
        check(Body(text="x" * limits.TASK_JSON))
        check(Body(text="\U0001f600" * (limits.TASK_JSON // 4)))
        for text in ("x" * (limits.TASK_JSON + 1), "é" * (limits.TASK_JSON // 2 + 1)):
            self.assertRegex(self.refused(Body(text=text)), r"^text: \d+ bytes; ")

    def test_nested(self) -> None:
        """Texts inside lists and objects are found, and so is their number."""
        long = "x" * 256
        body = Body(parts=(Part(), Part(title=long)))
        self.assertIn("parts[1].title: 256 characters", self.refused(body))
        body = Body(parts=(Part(title="y" * 200),) * 400)
        self.assertRegex(self.refused(body), r"^parts: \d+ bytes of JSON; ")
        body = Body(anything={"a": ["x" * limits.TASK_JSON]})
        self.assertRegex(self.refused(body), r"^anything: \d+ bytes of JSON; ")
        body = Body(one_or_many=("", "x" * (limits.TEXT + 1)))
        self.assertRegex(self.refused(body), r"^one_or_many\[1\]: \d+ bytes; ")

    def test_characters_that_break(self) -> None:
        """NUL is refused everywhere, an end of line where there is one line."""
        for body in (
            Body(name="a\0"),
            Body(text="a\0"),
            Body(parts=(Part(title="a\0"),)),
            Body(anything={"a": {"b": "\0"}}),
            Body(anything={"a\0": 1}),
            Body(one_or_many="\0"),
        ):
            self.assertIn("NUL", self.refused(body))
        for character in "\n\r\t\x1b\x7f":
            self.assertIn("control", self.refused(Body(name=f"a{character}b")))
        check(Body(text="a\n\tb\r\n"))

    def test_unchanged(self) -> None:
        """A stored value may be sent again, in the same field only."""
        long = "x" * 300
        present = Body(
            name=long,
            text=long * limits.TASK_JSON,
            parts=(Part(title=long),) * 400,
            anything={"a": "x" * limits.TASK_JSON},
        )
        check(present, present)
        check(Body(name="short", parts=(Part(title=long),)), present)
        self.assertIn("name", self.refused(Body(name=long + "x"), present))
        self.assertIn("name", self.refused(Body(name=long), Body(text=long)))
        grown = Body(parts=(*(present.parts or ()), Part()))
        self.assertIn("parts", self.refused(grown, present))
