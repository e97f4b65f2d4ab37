"""The task that an integration starts: its stored settings, and extracted ones."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from typing_extensions import override

from semaphore_twisted.model import texts
from semaphore_twisted.model.documents import json_object
from semaphore_twisted.model.errors import Invalid, at_field
from semaphore_twisted.model.ids import InventoryId
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.templates import SurveyType, Template
from semaphore_twisted.model.texts import (
    TASK_JSON,
    Branch,
    Message,
    Name,
    TaskText,
    Unserved,
)
from semaphore_twisted.operations.tasks.overrides import AskedParams, NewTask

#: The settings of a task that an extracted value may become; a text, or yes and no.
TEXTS = frozenset({"message", "git_branch", "commit_hash"})
PARAMS = frozenset({"limit", "tags", "skip_tags"})
FLAGS = frozenset({"debug", "dry_run", "diff"})
SETTINGS = TEXTS | PARAMS | FLAGS

_YES, _NO = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", ""})


class TaskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The ``task_params`` of an integration: the task as a user would start it.

    *environment* (survey variables) and *arguments* are JSON inside a string.
    """

    environment: TaskText = ""
    arguments: TaskText | None = None
    git_branch: Branch | None = None
    commit_hash: Name | None = None
    message: Message = ""
    inventory_id: InventoryId | None = None
    params: Annotated[AskedParams, TASK_JSON] | None = None
    version: Unserved = None
    playbook: Unserved = None
    secret: Unserved = None

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return "TaskSettings(…)"

    @property
    def stored(self) -> dict[str, object] | None:
        """The settings that say something, for the row; ``None`` without any."""
        fields: dict[str, object] = msgspec.to_builtins(self)
        if fields["params"]:
            fields["params"] = {
                name: each
                for name, each in fields["params"].items()  # type: ignore[attr-defined]
                if each is not None
            }
        return {name: each for name, each in fields.items() if each} or None


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

    A value that was found takes precedence. The result is not yet checked against the
    template; ``tasks.draft`` does that, as for a task of a user.

    :raises Invalid: naming the setting that has a wrong form
    """
    settings = msgspec.convert(stored or {}, TaskSettings)
    with at_field("task_params"):
        variables = json_object(settings.environment, "environment")
    secrets: dict[str, str] = {}
    hidden = {
        each.name
        for each in template.survey_vars or ()
        if each.type is SurveyType.SECRET
    }
    for name, value in found.environment.items():
        if name in hidden:
            secrets[name] = value
        else:
            variables[name] = value
    fields = {
        name: getattr(settings, name)
        for name in (
            "arguments",
            "git_branch",
            "commit_hash",
            "message",
            "inventory_id",
        )
    }
    params = msgspec.to_builtins(settings.params or AskedParams())
    for name, value in found.task.items():
        if name in TEXTS:
            fields[name] = value
        elif name in PARAMS:
            params[name] = value
        else:
            params[name] = _flag(name, value)
    body = NewTask(
        template_id=template.id,
        environment=_json(variables),
        secret=_json(secrets),
        params=msgspec.convert(params, AskedParams),
        **fields,
    )
    texts.check(body)
    return body


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
