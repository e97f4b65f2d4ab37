"""Checks the answers to a template's survey (pure functions).

A task accepts declared variables only, also from an administrator: a crafted
``ansible_connection`` would run a program on the server. Secret answers are sent and
stored separately. An empty optional answer counts as missing.
"""

from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from semaphore_twisted.model.answers import check_answer, check_survey
from semaphore_twisted.model.apps import ANSIBLE, App
from semaphore_twisted.model.documents import JsonObject, json_object
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import SurveyType, SurveyVariable


class Answers(msgspec.Struct, frozen=True):
    """The checked answers; *secrets* are texts."""

    variables: JsonObject
    secrets: dict[str, str]

    @override
    def __repr__(self) -> str:
        """Show only the names of the variables."""
        return f"Answers({sorted(self.variables)}, {sorted(self.secrets)})"


def answers(
    survey: Sequence[SurveyVariable],
    *,
    environment: str,
    secret: str,
    app: App = ANSIBLE,
) -> Answers:
    """Check the JSON texts *environment* and *secret* of a task against *survey*.

    :raises Invalid: naming the variable that is missing, undeclared or wrong; never
        with the value of a secret
    """
    given = _sent(environment, "environment")
    secrets = _sent(secret, "secret")
    _refuse_undeclared(survey, given, secrets)
    variables: dict[str, object] = {}
    hidden: dict[str, str] = {}
    for each in survey:
        is_secret = each.type is SurveyType.SECRET
        value = (secrets if is_secret else given).get(each.name)
        if _empty(value):
            value = each.default_value
        elif value != each.default_value:
            # An older version stored templates without this check; the defaults that
            # their authors set remain valid.
            check_survey((each,), app)
        if _empty(value):
            if each.required:
                raise Invalid(f"The variable {quoted(each.name)} is required")
            continue
        if is_secret:
            hidden[each.name] = _text(each, value)
            check_answer(each, hidden[each.name], app)
        else:
            variables[each.name] = _checked(each, value)
            check_answer(each, variables[each.name], app)
    return Answers(variables, hidden)


def _sent(text: str, what: str) -> dict[str, object]:
    return {} if text.strip() == "null" else json_object(text, what)


def _refuse_undeclared(
    survey: Sequence[SurveyVariable],
    given: Mapping[str, object],
    secrets: Mapping[str, object],
) -> None:
    types = {each.name: each.type for each in survey}
    undeclared = [name for name in (*given, *secrets) if name not in types]
    if undeclared:
        names = ", ".join(quoted(name) for name in sorted(set(undeclared)))
        raise Invalid(f"The template does not ask for {names}")
    for name in given:
        if types[name] is SurveyType.SECRET:
            raise Invalid(f"The variable {quoted(name)} is secret: send it in secret")
    for name in secrets:
        if types[name] is not SurveyType.SECRET:
            raise Invalid(
                f"The variable {quoted(name)} is not secret: send it otherwise"
            )


def _empty(value: object) -> bool:
    return value is None or value == ""


def _text(variable: SurveyVariable, value: object) -> str:
    if isinstance(value, str):
        return value
    raise Invalid(f"The variable {quoted(variable.name)} must be a text")


def _checked(variable: SurveyVariable, value: object) -> str | float:
    if not isinstance(value, str | int | float):
        raise Invalid(f"The variable {quoted(variable.name)} must be one value")
    if variable.type is SurveyType.INTEGER:
        return _integer(variable, value)
    if variable.type is SurveyType.ENUM:
        return _choice(variable, value)
    return value


def _integer(variable: SurveyVariable, value: str | float) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        digits = value.strip()
        number = digits.removeprefix("-")
        if number.isascii() and number.isdigit() and len(number) <= 18:
            return int(digits)
    raise Invalid(f"The variable {quoted(variable.name)} must be an integer")


def _choice(variable: SurveyVariable, value: str | float) -> str:
    choices = [each.value for each in variable.values or ()]
    if isinstance(value, str) and value in choices:
        return value
    if not isinstance(value, str | bool) and str(value) in choices:
        return str(value)
    listed = ", ".join(quoted(choice) for choice in choices)
    raise Invalid(f"The variable {quoted(variable.name)} must be one of {listed}")
