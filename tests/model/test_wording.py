"""Tests of the errors for wrong values."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.wording import sentence


class Kind(StrEnum):
    """Some choices."""

    ONE = "one"
    TWO = "two"


class Part(msgspec.Struct, forbid_unknown_fields=True):
    """An inner object."""

    kind: Kind = Kind.ONE
    number: int = 0


class Whole(msgspec.Struct):
    """An object."""

    name: Name
    number: int | None = None
    flag: bool = False
    ratio: float = 0.0
    time: datetime | None = None
    part: Part | None = None
    parts: tuple[Part, ...] | None = None
    texts: tuple[str, ...] | str | None = None
    pairs: dict[str, int] = {}
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(description="x")] = ()
    few: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0)], ...],
        msgspec.Meta(min_length=1, max_length=2),
    ] = (0,)


class SentenceTests(SynchronousTestCase):
    """The place and the expected value, without a decoder's words."""

    def said(self, **more: Any) -> str:
        """Return what is said of an object with *more*."""
        error = self.assertRaises(
            msgspec.ValidationError, msgspec.convert, {"name": "a", **more}, Whole
        )
        found = sentence(error, Whole)
        self.assertNotRegex(found, r"[`$]|Expected|Object")
        return found

    def test_types(self) -> None:
        """Each type has its word."""
        for field, value, words in (
            ("name", 1, "a text"),
            ("number", "1", "an integer or null"),
            ("number", 1.5, "an integer or null"),
            ("few", [], "a list with at least 1 element"),
            ("few", [1, 2, 3], "a list with at most 2 elements"),
            ("flag", 1, "true or false"),
            ("ratio", "x", "a number"),
            ("time", 1, "a time such as 2026-01-31T12:00:00Z or null"),
            ("time", "today", "a time such as 2026-01-31T12:00:00Z"),
            ("part", [], "an object or null"),
            ("parts", {}, "a list or null"),
            ("texts", 1, "a text or a list or null"),
            ("pairs", [], "an object"),
        ):
            self.assertEqual(self.said(**{field: value}), f"{field} must be {words}")

    def test_places(self) -> None:
        """Places inside lists and objects are named."""
        found = self.said(parts=[{}, {"number": "x"}])
        self.assertEqual(found, "parts[1].number must be an integer")
        self.assertEqual(self.said(few=[-1]), "few[0] must be an integer, at least 0")
        self.assertEqual(self.said(texts=[1]), "texts[0] must be a text")
        self.assertEqual(self.said(pairs={"a": "x"}), "pairs[...] must be an integer")
        self.assertEqual(self.said(part={"x": 1}), "part.x: unknown field")

    def test_choices(self) -> None:
        """Where there are choices they are listed."""
        expected = 'invalid value "three"; expected "one", "two"'
        self.assertEqual(self.said(part={"kind": "three"}), f"part.kind: {expected}")
        found = self.said(parts=[{"kind": "three"}])
        self.assertEqual(found, f"parts[0].kind: {expected}")
        self.assertEqual(self.said(kinds=["three"]), f"kinds[0]: {expected}")

    def test_whole(self) -> None:
        """So is what is wrong with the whole."""
        for value, said in (
            ({}, "name is required"),
            ([], "The body must be an object"),
            ("x", "The body must be an object"),
        ):
            error = self.assertRaises(
                msgspec.ValidationError, msgspec.convert, value, Whole
            )
            self.assertEqual(sentence(error, Whole), said)

    def test_no_json(self) -> None:
        """Invalid JSON is called so, with the position if it is known."""
        for text, said in (
            (b"{", "The body is not valid JSON"),
            (b"{}x", "The body is not valid JSON (byte 3)"),
            (b'{"a":}', "The body is not valid JSON (byte 5)"),
            (b'"\\ud800"', "The body is not valid JSON"),
        ):
            error = self.assertRaises(msgspec.DecodeError, msgspec.json.decode, text)
            self.assertEqual(sentence(error), said)
