"""The task that an integration starts: its stored settings, and extracted ones."""

from collections.abc import Mapping

import msgspec
from typing_extensions import override

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.documents import json_object
from semaphore_twisted.model.errors import Invalid, at_field
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.templates import SurveyType, Template
from semaphore_twisted.operations.tasks.overrides import AskedParams, NewTask
from semaphore_twisted.operations.tasks.task_settings import TaskSettings

#: The settings of a task that an extracted value may become; a text, or yes and no.
TEXTS = frozenset({"message", "git_branch", "commit_hash"})
PARAMS = frozenset({"limit", "tags", "skip_tags"})
FLAGS = frozenset({"debug", "dry_run", "diff"})
SETTINGS = TEXTS | PARAMS | FLAGS

_YES, _NO = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", ""})


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """Values from a delivery: *environment* by survey variable, *task* by setting."""

    environment: dict[str, str] = {}
    task: dict[str, str] = {}

    @override
    def __repr__(self) -> str:
        """Show only the names."""
        return f"Extracted({sorted(self.environment)}, {sorted(self.task)})"


def new_task(
    template: Template, stored: Mapping[str, object] | None, found: Extracted
) -> NewTask:
    """Return the task of *template* with the *stored* settings and those *found*.

    A value that was found takes precedence; a message is shortened. The result is not
    yet checked against the template; ``tasks.draft`` does that, as for a user's task.

    :raises Invalid: naming the setting that has a wrong form
    """
    settings = msgspec.convert(stored or {}, TaskSettings)
    with at_field("task_params"):
        variables = json_object(settings.environment, "environment")
    secrets: dict[str, str] = {}
    hidden = {
        each.name
        for each in template.survey_vars or ()
        if each.kind is SurveyType.SECRET
    }
    for name, value in found.environment.items():
        if name in hidden:
            secrets[name] = value
        else:
            variables[name] = value
    fields = settings.served
    params = msgspec.to_builtins(settings.params or AskedParams())
    for name, value in found.task.items():
        if name in TEXTS:
            fields[name] = _short(value) if name == "message" else value
            continue
        if name in PARAMS and not value.strip():  # it would select everything
            raise Invalid(invalid(name, value, "a text that is not empty"))
        fields.pop(name, None)  # the stored setting may be outside of the params too
        params[name] = value if name in PARAMS else _flag(name, value)
    fields.update(
        environment=_json(variables),
        secret=_json(secrets),
        params=msgspec.convert(params, AskedParams),
    )
    body = NewTask(template_id=template.id, **fields)
    texts.check(body)
    return body


def _short(message: str) -> str:
    """Return a message that fits; that of a commit may have any length."""
    if len(message) <= limits.MESSAGE:
        return message
    return f"{message[: limits.MESSAGE - 1]}…"


def _json(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode() if values else ""


def _flag(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Invalid(invalid(name, value, "true or false"))


def check_setting(name: str) -> None:
    """Accept the name of a setting that an extracted value may become.

    :raises Invalid: if a delivery must not decide about it
    """
    if name not in SETTINGS:
        raise Invalid(
            invalid("variable", name, f"one of {', '.join(sorted(SETTINGS))}"),
            field="variable",
        )
