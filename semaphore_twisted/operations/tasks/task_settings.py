"""The stored settings of the tasks that a schedule or an integration starts.

They are the fields of a new task, except those that are stated beside them (the
template) or that belong to one run only.
"""

from typing import Annotated, TypeVar

import msgspec
from typing_extensions import override

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import DomainError, Invalid
from semaphore_twisted.model.ids import InventoryId
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.texts import (
    TASK_JSON,
    Branch,
    Message,
    Name,
    TaskText,
    Unserved,
)
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.operations.tasks.overrides import AskedParams, NewTask
from semaphore_twisted.persistence.engine import Connection

#: The fields of :class:`TaskSettings` that a new task has under the same name.
SERVED = (
    "environment",
    "arguments",
    "git_branch",
    "commit_hash",
    "message",
    "limit",
    "debug",
    "dry_run",
    "diff",
    "inventory_id",
    "params",
)


class TaskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The ``task_params`` of a schedule or an integration; as in a new task.

    *environment* (the values of survey variables) and *arguments* are JSON inside a
    string.
    """

    environment: TaskText = ""
    arguments: TaskText | None = None
    git_branch: Branch | None = None
    commit_hash: Name | None = None
    message: Message = ""
    limit: TaskText = ""
    debug: bool = False
    dry_run: bool = False
    diff: bool = False
    inventory_id: InventoryId | None = None
    params: Annotated[AskedParams, TASK_JSON] | None = None
    secret: Unserved = None
    playbook: Unserved = None
    version: Unserved = None
    build_task_id: Unserved = None
    repository_id: Unserved = None
    environment_id: Unserved = None
    runner_id: Unserved = None
    runner_tag: Unserved = None

    @override
    def __repr__(self) -> str:
        """Show no values: some may be secret."""
        return f"{type(self).__name__}(…)"

    @property
    def served(self) -> JsonObject:
        """The fields of a new task that these settings have."""
        return {name: getattr(self, name) for name in SERVED}

    @property
    def stored(self) -> JsonObject:
        """The settings that say something, for a row; no value of a secret variable."""
        plain = msgspec.to_builtins(self)
        fields = {name: value for name in SERVED if (value := plain[name])}
        if params := fields.get("params"):
            fields["params"] = {k: v for k, v in params.items() if v is not None}
        return fields


S = TypeVar("S", bound=TaskSettings)


def stored_settings(stored: JsonObject, of: type[S]) -> S:
    """Return the *stored* settings of a row.

    :raises Invalid: if they are damaged
    """
    try:
        return msgspec.convert(stored, of)
    except msgspec.ValidationError:
        raise Invalid(
            "task_params: the stored ones are damaged; send new ones",
            field="task_params",
        ) from None


def check_settings(conn: Connection, template: Template, body: NewTask) -> None:
    """Check a task of *template* that is stored for later by the rules of a new task.

    :raises Invalid: as for a new task; the field is inside ``task_params``
    """
    try:
        _ = tasks.draft(conn, template, body, user_id=None)
    except DomainError as error:
        if error.field != "template_id":
            inside = error.field and f".{error.field}"
            error.field = f"task_params{inside}"
        raise
