"""The types of survey variables, and their rules."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.surveys import answer_of, check_rules
from semaphore_twisted.model.templates import SurveyType, SurveyValue, SurveyVariable

STRING, INTEGER, ENUM, SECRET, TEXT, SELECT, BOOLEAN, DATE, *_ = SurveyType
VALUES = tuple(SurveyValue(value=each) for each in ("web", "db", "7"))


def variable(kind: SurveyType, **rules: Any) -> SurveyVariable:
    """Return a variable of a survey."""
    values = VALUES if kind in {ENUM, SELECT} else None
    return SurveyVariable(name="x", type=kind, values=values, **rules)


class AnswerTests(SynchronousTestCase):
    """:func:`answer_of`."""

    def refusal(self, of: SurveyVariable, sent: object) -> str:
        """Return why an answer is refused."""
        error = self.assertRaises(Invalid, answer_of, of, sent)
        self.assertIn('"x"', error.message)
        return str(error.message)

    def test_types(self) -> None:
        """Each type accepts its values, and texts that stand for them."""
        for kind, sent, expected in (
            (STRING, "a\nb", "a\nb"),
            (STRING, 1.5, 1.5),
            (TEXT, "a\n{{ b }}\n", "a\n{{ b }}\n"),
            (SECRET, " a ", " a "),
            (INTEGER, "-3", -3),
            (ENUM, 7, "7"),
            (SELECT, ["db", 7], ["db", "7"]),
            (SELECT, "web", ["web"]),
            (SELECT, '["web", "7"]', ["web", "7"]),
            (BOOLEAN, False, False),
            (BOOLEAN, "True", True),
            (DATE, "2024-02-29", "2024-02-29"),
        ):
            found = answer_of(variable(kind), sent)
            self.assertEqual((found, type(found)), (expected, type(expected)))

    def test_two_words(self) -> None:
        """The second word of a type has the rules of the first one."""
        for word, kind, sent in (("string", STRING, "a"), ("integer", INTEGER, "7")):
            found = variable(SurveyType(word))
            self.assertIs(found.kind, kind)
            self.assertEqual(answer_of(found, sent), answer_of(variable(kind), sent))
        self.assertIn("integer", self.refusal(variable(SurveyType("integer")), "x"))

    def test_wrong_types(self) -> None:
        """A value of another type is refused by the name of the variable."""
        for kind, wrong in (
            (STRING, ["a"]),
            (TEXT, {"a": 1}),
            (SECRET, 1),
            (INTEGER, "1e3"),
            (INTEGER, 1.0),
            (INTEGER, 10**18),
            (INTEGER, True),
            (ENUM, "no"),
            (ENUM, ["web"]),
            (SELECT, ["web", "no"]),
            (SELECT, ["web", "web"]),
            (SELECT, [["web"]]),
            (SELECT, '["web"'),
            (SELECT, '["no"]'),
            (SELECT, {"web": 1}),
            (BOOLEAN, 1),
            (BOOLEAN, "yes"),
            (DATE, "2026-02-29"),
            (DATE, "20260228"),
            (DATE, "2026-W01-1"),
            (DATE, "2026-01-01T00:00"),
            (DATE, 20260101),
        ):
            self.refusal(variable(kind), wrong)

    def test_limits(self) -> None:
        """A limit holds for the number, the day, the characters or the values."""
        for kind, rules, good, wrong, words in (
            (INTEGER, ("1", "10"), (1, "10"), (0, 11, "-1"), "be 1 to 10"),
            (INTEGER, ("-5", ""), (-5, 0), (-6,), "be at least -5"),
            (STRING, ("", "3"), ("äöü", 123), ("abcd",), "at most 3 characters"),
            (TEXT, ("2", ""), ("a\n",), ("a",), "at least 2 characters"),
            (SECRET, ("8", ""), ("12345678",), ("1234567",), "at least 8 characters"),
            (SELECT, ("2", "2"), (["web", "db"],), ("web",), "have 2 to 2 values"),
            (
                DATE,
                ("2026-01-01", "2026-12-31"),
                ("2026-01-01", "2026-12-31"),
                ("2025-12-31", "2027-01-01"),
                "be 2026-01-01 to 2026-12-31",
            ),
        ):
            bounded = variable(kind, minimum=rules[0], maximum=rules[1])
            check_rules((bounded,))
            for each in good:
                answer_of(bounded, each)
            for each in wrong:
                self.assertIn(words, self.refusal(bounded, each))

    def test_pattern(self) -> None:
        """A text must match the regular expression; a refusal never shows it."""
        for kind in (STRING, TEXT, SECRET):
            release = variable(kind, pattern="v[0-9]+")
            self.assertEqual(answer_of(release, "v12"), "v12")
            message = self.refusal(release, "hush")
            self.assertIn('must match the regular expression "v[0-9]+"', message)
            self.assertNotIn("hush", message)
        self.assertEqual(answer_of(variable(STRING, pattern=r"\d+"), 12), 12)

    def test_too_long_for_a_pattern(self) -> None:
        """The refusal of a long text that would match is about its size."""
        for kind in (STRING, TEXT, SECRET):
            release = variable(kind, pattern="v(?s:.*)")
            long = "v" + "1" * (limits.PATTERN_TEXT - 1)
            self.assertEqual(answer_of(release, long), long)
            for text in (f"{long}1", f"{long[:-1]}ä"):
                message = self.refusal(release, text)
                self.assertIn("too long", message)
                self.assertIn(f"at most {limits.PATTERN_TEXT} bytes", message)
                self.assertNotIn("must match", message)


class RulesTests(SynchronousTestCase):
    """:func:`check_rules`."""

    def refusal(self, *survey: SurveyVariable) -> str:
        """Return why a survey is refused."""
        return str(self.assertRaises(Invalid, check_rules, survey).message)

    def test_defaults(self) -> None:
        """A default follows the rules of an answer."""
        for kind, good, wrong in (
            (INTEGER, "7", "x"),
            (ENUM, "db", "no"),
            (SELECT, ("web", "db"), ("web", "no")),
            (SELECT, "web", "no"),
            (SELECT, (), ("web", "web")),
            (BOOLEAN, "false", "0"),
            (DATE, "2026-02-28", "2026-02-30"),
        ):
            check_rules((variable(kind, default_value=good),))
            self.refusal(variable(kind, default_value=wrong))
        self.refusal(variable(STRING, default_value=("a",)))
        self.refusal(variable(STRING, default_value="b", pattern="a"))
        self.refusal(variable(STRING, default_value="ab", maximum="1"))
        self.assertIn(
            "variable group", self.refusal(variable(SECRET, default_value="x"))
        )

    def test_unsuitable(self) -> None:
        """A rule that its type does not have is refused, and one that cannot be met."""
        for words, of in (
            ("no values to choose", SurveyVariable(name="x", type=SELECT)),
            ("regular expression", variable(INTEGER, pattern="1")),
            ("regular expression", variable(SELECT, pattern="a")),
            ("is no regular expression", variable(STRING, pattern="(")),
            ("has none", variable(ENUM, minimum="1")),
            ("has none", variable(BOOLEAN, maximum="1")),
            ("minimum: the limit", variable(INTEGER, minimum="a")),
            ("maximum: the limit", variable(STRING, maximum="-1")),
            ("maximum: the limit", variable(DATE, maximum="1")),
            ("above its maximum", variable(INTEGER, minimum="2", maximum="1")),
        ):
            self.assertIn(words, self.refusal(of))

    def test_many_patterns(self) -> None:
        """The expressions of a survey have a limit together."""
        heavy = "[a-z]{1,200}"
        check_rules([variable(STRING, pattern=heavy)])
        message = self.refusal(*(variable(STRING, pattern=heavy) for _ in range(50)))
        self.assertIn("instructions together", message)
