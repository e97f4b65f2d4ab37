"""Regular expressions that users write: what is accepted, and how long it takes."""

import time

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.limits import PATTERN_SIZE, PATTERN_TEXT
from semaphore_twisted.model.patterns import is_too_long, matches, size_of


class PatternTests(SynchronousTestCase):
    """:func:`size_of` and :func:`matches`."""

    def test_whole_text(self) -> None:
        """An expression is compared with the whole text, not with a part of it."""
        for pattern, text, expected in (
            (r"v\d+\.\d+", "v1.2", True),
            (r"v\d+\.\d+", "v1.2.3", False),
            (r"v\d+\.\d+", "xv1.2", False),
            ("a|b", "b", True),
            ("a|b", "ab", False),
            ("a", "a\n", False),
            ("[äö]+", "öä", True),
            (r"(?i)prod", "PROD", True),
            ("", "", True),
        ):
            self.assertEqual(matches(pattern, text), expected, (pattern, text))

    def test_no_expression(self) -> None:
        """What RE2 does not know is refused with its reason."""
        for pattern in ("(", "a{2000}", r"(a)\1", "(?=a)", "[z-a]"):
            error = self.assertRaises(Invalid, size_of, pattern)
            self.assertIn("is no regular expression of RE2", error.message)
            self.assertFalse(matches(pattern, "a"))

    def test_large(self) -> None:
        """An expression whose program is too large is refused, and matches nothing."""
        for pattern in (r"((a{0,31}){0,31})*b", r"[\pL\pN]{1,40}", r"(\pL{9}){99}"):
            error = self.assertRaises(Invalid, size_of, pattern)
            self.assertRegex(error.message, "instructions|too large")
            self.assertFalse(matches(pattern, "a"))
        self.assertLess(size_of(r"\pL+"), PATTERN_SIZE)

    def test_long_text(self) -> None:
        """A text of more than the limit matches nothing."""
        self.assertTrue(matches("a*", "a" * PATTERN_TEXT))
        self.assertFalse(matches("a*", "a" * (PATTERN_TEXT + 1)))
        self.assertFalse(matches("ä*", "ä" * PATTERN_TEXT))
        self.assertFalse(matches("a*", "\ud800"))
        self.assertFalse(is_too_long("a" * PATTERN_TEXT))
        self.assertTrue(is_too_long("ä" * PATTERN_TEXT))

    def test_time(self) -> None:
        """Expressions that take other libraries for ever are quick."""
        text = "a" * (PATTERN_TEXT - 1) + "!"
        for pattern in (
            r"(a+)+",
            r"(a|a)*b",
            r"(a*)*b",
            r"((a{0,30}){0,30})*b",
            r"(.*)(a|b){200}.*(a|b){200}x",
            "|".join(["a*b"] * 200),
        ):
            began = time.process_time()
            self.assertFalse(matches(pattern, text), pattern)
            self.assertLess(time.process_time() - began, 1.0, pattern)
