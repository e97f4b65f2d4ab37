"""Tests of the answers to a survey."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.templates import SurveyType, SurveyValue, SurveyVariable
from semaphore_twisted.operations.projects.survey import answers


def variable(
    name: str, kind: SurveyType = SurveyType.STRING, **more: Any
) -> SurveyVariable:
    """Return a variable of a survey."""
    return SurveyVariable(name=name, type=kind, **more)


ENUM = variable(
    "size", SurveyType.ENUM, values=(SurveyValue(value="s"), SurveyValue(value="7"))
)


class SurveyTests(SynchronousTestCase):
    """The answers that a task may have."""

    def check(
        self, *survey: SurveyVariable, secret: object = None, **given: object
    ) -> dict[str, Any]:
        """Return the checked plain answers."""
        encode = msgspec.json.encode
        return answers(
            survey,
            environment=encode(given).decode() if given else "",
            secret=encode(secret).decode() if secret else "",
        ).variables

    def refusal(
        self, *survey: SurveyVariable, secret: object = None, **given: object
    ) -> str:
        """Return why the answers are refused."""
        error = self.assertRaises(Invalid, self.check, *survey, secret=secret, **given)
        return str(error.message)

    def test_undeclared(self) -> None:
        """A variable that the template does not ask for is refused by name."""
        for name in ("ansible_connection", "ansible_python_interpreter"):
            self.assertIn(name, self.refusal(variable("x"), x="1", **{name: "y"}))
            self.assertIn(name, self.refusal(**{name: "y"}))

    def test_stored_by_an_older_release(self) -> None:
        """A variable that decides what runs keeps its default, and takes no answer."""
        survey = variable("ansible_connection", default_value="ssh")
        self.assertEqual(self.check(survey), {"ansible_connection": "ssh"})
        same = self.check(survey, ansible_connection="ssh")
        self.assertEqual(same, {"ansible_connection": "ssh"})
        answer = self.refusal(survey, ansible_connection="local")
        self.assertIn("ansible_connection", answer)
        hidden = variable("ansible_become_exe", SurveyType.SECRET)
        answer = self.refusal(hidden, secret={"ansible_become_exe": "x"})
        self.assertIn("ansible_become_exe", answer)
        account = variable("ansible_user")
        self.assertIn("invalid login", self.refusal(account, ansible_user="-oX=y"))

    def test_nothing_asked(self) -> None:
        """Without a survey an empty object, an empty text and null are accepted."""
        for text in ("", "{}", " ", "null"):
            found = answers((), environment=text, secret=text)
            self.assertEqual((found.variables, found.secrets), ({}, {}))

    def test_not_an_object(self) -> None:
        """Any value but a JSON object is refused."""
        for text in ("[]", "x", '"a"', "1"):
            self.assertRaises(Invalid, answers, (), environment=text, secret="")

    def test_twice(self) -> None:
        """A variable that is answered twice is refused, and deep nesting too."""
        for text in ('{"x": "1", "x": "2"}', '{"x": ' + "[" * 3000 + "]" * 3000 + "}"):
            for sent in (
                {"environment": text, "secret": ""},
                {"environment": "", "secret": text},
            ):
                self.assertRaises(Invalid, answers, (variable("x"),), **sent)

    def test_required(self) -> None:
        """A required variable that is missing or empty is named."""
        survey = variable("target", required=True)
        self.assertIn("target", self.refusal(survey))
        self.assertIn("target", self.refusal(survey, target=""))
        self.assertIn("target", self.refusal(survey, target=None))
        hidden = variable("word", SurveyType.SECRET, required=True)
        self.assertIn("word", self.refusal(hidden))

    def test_empty_optional(self) -> None:
        """An empty answer to an optional variable of any type is omitted."""
        for kind in set(SurveyType) - {SurveyType.SECRET}:
            survey = variable("x", kind, values=ENUM.values, minimum="")
            self.assertEqual(self.check(survey, x=""), {})
            self.assertEqual(self.check(survey, x=None), {})
            self.assertEqual(self.check(survey, x=[]), {})
            self.assertEqual(self.check(survey), {})
        hidden = variable("x", SurveyType.SECRET)
        found = answers((hidden,), environment="", secret='{"x": ""}')
        self.assertEqual(found.secrets, {})

    def test_zero_and_false(self) -> None:
        """The integer 0 and the boolean false are sent."""
        survey = (variable("n", SurveyType.INTEGER), variable("b"))
        self.assertEqual(self.check(*survey, n=0, b=False), {"n": 0, "b": False})

    def test_defaults(self) -> None:
        """Defaults are applied on the server, for required ones too."""
        survey = (
            variable("a", default_value="one", required=True),
            variable("n", SurveyType.INTEGER, default_value="7"),
        )
        self.assertEqual(self.check(*survey), {"a": "one", "n": 7})
        self.assertEqual(self.check(*survey, a="two", n=8), {"a": "two", "n": 8})

    def test_other_defaults(self) -> None:
        """A default has the type of an answer, and false is an answer."""
        survey = (
            variable("s", SurveyType.SELECT, values=ENUM.values, default_value=("7",)),
            variable("b", SurveyType.BOOLEAN, default_value="true"),
            variable("d", SurveyType.DATE, default_value="2026-01-31"),
        )
        expected = {"s": ["7"], "b": True, "d": "2026-01-31"}
        self.assertEqual(self.check(*survey), expected)
        self.assertEqual(self.check(*survey, b=False)["b"], False)
        self.assertEqual(self.check(*survey, s=["s", "7"])["s"], ["s", "7"])

    def test_field(self) -> None:
        """A refusal names the place of the answer."""
        for kind, sent in (
            (SurveyType.INTEGER, {"environment": '{"n": "x"}', "secret": ""}),
            (SurveyType.SECRET, {"environment": "", "secret": '{"n": 1}'}),
        ):
            error = self.assertRaises(Invalid, answers, (variable("n", kind),), **sent)
            place = "secret" if sent["secret"] else "environment"
            self.assertEqual(error.field, f"{place}.n")

    def test_integer(self) -> None:
        """An integer given as text becomes an integer."""
        survey = variable("n", SurveyType.INTEGER)
        self.assertEqual(self.check(survey, n="-12"), {"n": -12})
        for wrong in ("1.5", "x", 1.5, True, "٣"):
            self.assertIn("n", self.refusal(survey, n=wrong))

    def test_enum(self) -> None:
        """A choice must be one of the values; a number is as good as its text."""
        self.assertEqual(self.check(ENUM, size="s"), {"size": "s"})
        self.assertEqual(self.check(ENUM, size=7), {"size": "7"})
        self.assertIn("size", self.refusal(ENUM, size="xl"))

    def test_one_value(self) -> None:
        """A list or an object is no answer."""
        self.assertIn("x", self.refusal(variable("x"), x=["a"]))
        self.assertIn("x", self.refusal(variable("x"), x={"a": 1}))

    def test_secret(self) -> None:
        """A secret is returned separately, with its exact text."""
        hidden = variable("word", SurveyType.SECRET)
        text = 'a$b"c\n{{ d }}'
        secret = msgspec.json.encode({"word": text}).decode()
        found = answers((hidden,), environment="", secret=secret)
        self.assertEqual((found.variables, found.secrets), ({}, {"word": text}))
        self.assertNotIn("$", repr(found))
        self.assertIn("secret", self.refusal(hidden, word="x"))
        self.assertIn("x", self.refusal(variable("x"), secret={"x": "y"}))

    def test_refusal_shows_no_secret(self) -> None:
        """A refusal names the variable of a secret, never its value."""
        hidden = variable("word", SurveyType.SECRET)
        message = self.refusal(hidden, secret={"word": ["hush"]})
        self.assertIn("word", message)
        self.assertNotIn("hush", message)
