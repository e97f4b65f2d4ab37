"""Checks the answers to a template's survey (pure functions).

Each way to start a task goes through :func:`answers`: the page, the API, a schedule, a
webhook and a build that starts a deployment.

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
from semaphore_twisted.model.errors import Invalid, at_field
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.surveys import Answer, answer_of, is_empty
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
        is_secret = each.kind is SurveyType.SECRET
        where = "secret" if is_secret else "environment"
        with at_field(f"{where}.{each.name}"):
            value = _answer(each, (secrets if is_secret else given).get(each.name), app)
        if value is None:
            continue
        if is_secret:
            hidden[each.name] = str(value)
        else:
            variables[each.name] = value
    return Answers(variables, hidden)


def _answer(variable: SurveyVariable, sent: object, app: App) -> Answer | None:
    """Return the value of an answer or of the default, ``None`` without either.

    :raises Invalid: if it does not follow the rules, or is required and missing
    """
    value = sent
    if is_empty(value):
        value = variable.default_value
    elif value != variable.default_value:
        # An older version stored templates without this check; the defaults that
        # their authors set remain valid.
        check_survey((variable,), app)
    if is_empty(value):
        if variable.required:
            raise Invalid(f"The variable {quoted(variable.name)} is required")
        return None
    found = answer_of(variable, value)
    check_answer(variable, found, app)
    return found


def _sent(text: str, what: str) -> dict[str, object]:
    return {} if text.strip() == "null" else json_object(text, what)


def _refuse_undeclared(
    survey: Sequence[SurveyVariable],
    given: Mapping[str, object],
    secrets: Mapping[str, object],
) -> None:
    types = {each.name: each.kind for each in survey}
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
