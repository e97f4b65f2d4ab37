"""Which settings of its template a task may override (pure functions).

A value equal to the template's own setting is not an override, since clients send back
the values they have read.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from typing_extensions import override

from semaphore_twisted.model.apps import App
from semaphore_twisted.model.documents import JsonObject, json_texts
from semaphore_twisted.model.errors import Invalid, at_field
from semaphore_twisted.model.ids import (
    EnvironmentId,
    InventoryId,
    RepositoryId,
    TaskId,
    TemplateId,
)
from semaphore_twisted.model.repositories import check_branch, check_commit
from semaphore_twisted.model.selections import (
    check_hosts,
    check_tag,
    check_task_arguments,
    listed,
    selected,
)
from semaphore_twisted.model.templates import TaskParams, Template
from semaphore_twisted.model.terraform import check_task_arguments as check_phases
from semaphore_twisted.model.terraform import phase_arguments
from semaphore_twisted.model.texts import (
    TASK_JSON,
    Branch,
    Message,
    Name,
    Path,
    TaskText,
    Unserved,
)
from semaphore_twisted.operations.projects.template_rules import (
    OF_PLANS,
    check_supported,
)
from semaphore_twisted.operations.projects.template_rules import (
    arguments as checked_arguments,
)


class AskedParams(msgspec.Struct, frozen=True, kw_only=True):
    """The ``params`` of a new task; a missing field means the template's setting.

    A list may be sent as comma-separated text.
    """

    debug: bool | None = None
    debug_level: int | None = None
    dry_run: bool | None = None
    diff: bool | None = None
    limit: tuple[TaskText, ...] | TaskText | None = None
    tags: tuple[TaskText, ...] | TaskText | None = None
    skip_tags: tuple[TaskText, ...] | TaskText | None = None
    plan: bool | None = None
    destroy: bool | None = None
    auto_approve: bool | None = None
    upgrade: bool | None = None
    reconfigure: bool | None = None
    migrate_state: bool | None = None
    skip_galaxy_install: Unserved = None


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that starts a task; only the template is required.

    *environment*, *secret* and *arguments* are JSON inside a string. *commit_hash*
    selects a commit; if the template does not permit a task to choose it, only a commit
    that the template has run before is accepted, so that a task can be repeated.
    """

    template_id: TemplateId
    environment: TaskText = ""
    secret: TaskText = ""
    playbook: Path = ""
    limit: TaskText = ""
    debug: bool = False
    dry_run: bool = False
    diff: bool = False
    arguments: TaskText | None = None
    git_branch: Branch | None = None
    commit_hash: Name | None = None
    message: Message = ""
    build_task_id: TaskId | None = None
    inventory_id: InventoryId | None = None
    params: Annotated[AskedParams, TASK_JSON] | None = None
    repository_id: RepositoryId | None = None
    environment_id: EnvironmentId | None = None
    runner_id: Unserved = None
    runner_tag: Unserved = None

    @override
    def __repr__(self) -> str:
        """Show only the template."""
        return f"NewTask(template_id={self.template_id})"


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """The checked overrides of a task, as columns of its row."""

    params: JsonObject
    hosts_limit: str
    debug: bool
    dry_run: bool
    diff: bool
    arguments: str | None
    git_branch: str | None
    commit_hash: str | None
    inventory_id: InventoryId | None


class TemplateSource(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of a template's repository.

    *branch* is the repository's branch; *ran* returns whether the template has run a
    commit from its own branch before.
    """

    branch: str = ""
    ran: Callable[[str], bool] = lambda _: False


def allowed(
    template: Template, body: NewTask, source: TemplateSource, app: App
) -> Allowed:
    """Return the overrides in *body*; *app* is the template's.

    :raises Invalid: naming each override that *template* does not permit, or a value of
        the wrong form
    """
    own = msgspec.convert(_plain(template.task_params or {}), TaskParams)
    params = _params(body)
    arguments = checked_arguments(body.arguments, app)
    branch, commit = body.git_branch or None, _commit(body.commit_hash)
    own_branch = template.git_branch or source.branch
    refused = [
        name
        for name, asked, may in (
            ("playbook", _differs(body.playbook, template.playbook), False),
            (
                "arguments",
                _other_arguments(arguments, template, app),
                template.allow_override_args_in_task,
            ),
            (
                "git_branch",
                _differs(branch, own_branch),
                template.allow_override_branch_in_task,
            ),
            (
                "commit_hash",
                _differs(commit, own_branch),
                template.allow_override_branch_in_task
                or (commit is not None and source.ran(commit)),
            ),
            (
                "repository_id",
                _differs(body.repository_id, template.repository_id),
                False,
            ),
            (
                "environment_id",
                _differs(body.environment_id, template.environment_id),
                False,
            ),
            (
                "inventory_id",
                _differs(body.inventory_id, template.inventory_id),
                own.allow_override_inventory,
            ),
            (
                "limit",
                _differs(params.get("limit"), own.limit),
                own.allow_override_limit,
            ),
            ("tags", _differs(params.get("tags"), own.tags), own.allow_override_tags),
            (
                "skip_tags",
                _differs(params.get("skip_tags"), own.skip_tags),
                own.allow_override_skip_tags,
            ),
            (
                "debug",
                bool(params.get("debug")) and not own.debug,
                own.allow_debug,
            ),
            (
                "debug_level",
                params.get("debug_level") not in {None, own.debug_level},
                own.allow_debug,
            ),
            *(
                (name, bool(params.get(name)) and not getattr(own, name), may)
                for name, may in (
                    ("destroy", own.allow_destroy),
                    ("auto_approve", own.allow_auto_approve),
                    ("migrate_state", own.allow_migrate_state),
                )
            ),
        )
        if asked and not may
    ]
    check_supported(app, {"dry_run": own.dry_run})
    check_supported(app, params, "params.")
    if not app.plans:
        params = {key: each for key, each in params.items() if key not in OF_PLANS}
    if refused:
        raise Invalid(
            f"The template does not let a task set {', '.join(refused)}",
            field=refused[0] if len(refused) == 1 else "",
        )
    with at_field("git_branch"):
        check_branch(branch or "")
    if _other_arguments(arguments, template, app):
        with at_field("arguments"):
            _check_arguments(arguments, app, template.variable_names)
    _check_selection(params, own)
    return Allowed(
        params=params,
        hosts_limit=",".join(params.get("limit", ())),
        debug=bool(params.get("debug")),
        dry_run=bool(params.get("dry_run")),
        diff=bool(params.get("diff")),
        arguments=arguments,
        git_branch=branch,
        commit_hash=commit,
        inventory_id=body.inventory_id or None,
    )


def inventory_of(
    template: Template, chosen: InventoryId | None, stored: InventoryId | None = None
) -> InventoryId | None:
    """Return the inventory of a run.

    It is *stored* since the task was created, with 0 for none. For a task that is new,
    or of an older release, nothing is stored: then it is the one that the task has
    *chosen*, else the template's.
    """
    if stored is not None:
        return stored or None
    return chosen or template.inventory_id


def _check_arguments(arguments: str | None, app: App, declared: frozenset[str]) -> None:
    """Refuse restricted arguments; a script interprets its own arguments.

    An app that runs a directory has no script: its program interprets the words, of
    which one may be the address of other code (``pulumi up URL``, Pulumi's manual).
    """
    if app.plans:
        check_phases(phase_arguments(arguments, "task"))
        return
    words = msgspec.json.decode(arguments or "[]", type=tuple[str, ...])
    if app.is_ansible:
        check_task_arguments(words, declared)
    elif app.runs_directory and words:
        raise Invalid(
            f"arguments: a task cannot give arguments to {app.title}; write them in "
            "the template"
        )


def _check_selection(params: JsonObject, own: TaskParams) -> None:
    """Refuse limits and tags that are more than plain names and patterns."""
    if params.get("limit") != own.limit:
        for part in params.get("limit", ()):
            check_hosts(part)
    for field in ("tags", "skip_tags"):
        for tag in params.get(field, ()):
            check_tag(tag, field)


def _commit(sent: str | None) -> str | None:
    """Return the commit that was sent, in lower case, or ``None``.

    :raises Invalid: if it is shortened or not a hash
    """
    if not sent:
        return None
    with at_field("commit_hash"):
        check_commit(sent)
    return sent.lower()


def _other_arguments(asked: str | None, template: Template, app: App) -> bool:
    """Return whether a task's arguments differ from the template's, as lists."""
    if asked is None or asked == template.arguments:
        return False
    if app.plans:
        own_phases = phase_arguments(template.arguments, "template")
        return phase_arguments(asked, "task") != own_phases
    sentence = "template arguments must be valid JSON: a list of texts"
    own = json_texts(template.arguments or "", sentence)
    return json_texts(asked, sentence) != own


def _differs(asked: object, own: object) -> bool:
    return bool(asked) and asked != own


def _plain(stored: dict[str, object]) -> JsonObject:
    """Return stored parameters, with comma-separated texts converted to lists."""
    plain = {name: value for name, value in stored.items() if value is not None}
    for name in ("limit", "tags", "skip_tags"):
        if isinstance(text := plain.get(name), str):
            plain[name] = listed(text)
    return plain


def _params(body: NewTask) -> JsonObject:
    """Return the parameters in *body*, inside and outside of ``params``."""
    sent = msgspec.to_builtins(body.params or AskedParams())
    params: JsonObject = {
        name: value
        for name, value in sent.items()
        if value is not None and name in TaskParams.__struct_fields__
    }
    for name in ("debug", "dry_run", "diff"):
        if getattr(body, name):
            params[name] = True
    if body.limit and not params.get("limit"):
        params["limit"] = body.limit
    for name in ("limit", "tags", "skip_tags"):
        if name in params:
            params[name] = _listed(params[name], name)
    level = params.get("debug_level")
    if level is not None and not 0 <= level <= 6:
        raise Invalid("debug_level must be between 1 and 6")
    if level == 0:
        del params["debug_level"]
    return params


def _listed(value: str | list[str], name: str) -> tuple[str, ...]:
    found = selected(value, name)
    if any("\0" in part for part in found):
        raise Invalid("A parameter has a NUL character")
    return found
