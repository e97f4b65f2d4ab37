"""Validation of templates (pure functions)."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, TypeGuard

import msgspec
from typing_extensions import override

from semaphore_twisted.model import texts
from semaphore_twisted.model.answers import check_answer, check_survey
from semaphore_twisted.model.apps import ANSIBLE, App, AppTable
from semaphore_twisted.model.documents import JsonObject, json_texts
from semaphore_twisted.model.errors import Invalid, at_field
from semaphore_twisted.model.expressions import check_plain
from semaphore_twisted.model.ids import (
    EnvironmentId,
    InventoryId,
    KeyId,
    RepositoryId,
    TemplateId,
    ViewId,
)
from semaphore_twisted.model.refusals import invalid, quoted
from semaphore_twisted.model.repositories import check_branch
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.selections import check_hosts, check_tag, selected
from semaphore_twisted.model.surveys import check_rules
from semaphore_twisted.model.templates import (
    SurveyType,
    SurveyValue,
    SurveyVariable,
    TaskParams,
    Template,
)
from semaphore_twisted.model.terraform import (
    LONGEST_APPROVAL,
    USUAL_APPROVAL,
    check_arguments,
    check_backend_file,
    phase_arguments,
)
from semaphore_twisted.model.texts import (
    SURVEY,
    TASK_JSON,
    Branch,
    Description,
    Message,
    Name,
    Path,
    TaskText,
    Unserved,
)
from semaphore_twisted.model.wording import sentence
from semaphore_twisted.operations.projects.references import (
    check_name,
    check_text,
    unique,
)

#: The types by the words that clients send: the Ansible collections bnc.semaphore and
#: ebdruplab.semaphoreui send a word for the empty type.
_TYPES = {"": "", "task": "", "job": "", "build": "build", "deploy": "deploy"}
_VAULT_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_MOST_VERBOSE = 6
#: The largest values of a template's own limits: a year, a million tasks, a century.
_LIMITS = {
    "max_task_duration_sec": 31_536_000,
    "max_tasks": 1_000_000,
    "max_task_age_days": 36_500,
}


#: Parameters that other apps would ignore, although they decide what runs.
_OF_ANSIBLE = ("dry_run", "diff", "limit", "tags", "skip_tags")
#: Those of apps that plan.
OF_PLANS = (
    *("plan", "destroy", "auto_approve", "upgrade", "reconfigure", "migrate_state"),
    *("override_backend", "backend_filename"),
)


class UnservedParams(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of ``task_params`` that Semaphore or its API document has besides.

    Its Terraform provider sends a template those of a task, with *params* inside.
    """

    params: Unserved = None
    environment: Unserved = None
    arguments: Unserved = None
    git_branch: Unserved = None
    version: Unserved = None
    inventory_id: Unserved = None
    skip_galaxy_install: Unserved = None

    @override
    def __repr__(self) -> str:
        """Show no values: some may be secret."""
        return redacted(self)


class SentParams(msgspec.Struct, frozen=True, kw_only=True):
    """A body with ``task_params``, so that an error names the whole field."""

    task_params: UnservedParams


class NewVault(msgspec.Struct, frozen=True, kw_only=True):
    """A vault password of a template, as it is sent."""

    vault_key_id: KeyId | None = None
    name: Name | None = None
    type: Name = "password"
    script: Path | None = None


class CheckedVault(msgspec.Struct, frozen=True, kw_only=True):
    """A checked vault password: its name if it has one, and the key or the script."""

    name: str | None
    type: str
    key_id: KeyId | None = None
    script: str | None = None


class NewSurveyValue(SurveyValue, frozen=True, kw_only=True):
    """One choice of an enumeration, as it is sent."""

    name: Message = ""
    value: Message = ""


class NewSurveyVariable(SurveyVariable, frozen=True, kw_only=True):
    """A survey variable, as it is sent."""

    name: Name
    title: Name = ""
    description: Description = ""
    default_value: TaskText | tuple[TaskText, ...] = ""
    values: tuple[NewSurveyValue, ...] | None = None
    pattern: Message | msgspec.UnsetType = msgspec.UNSET
    minimum: Name | msgspec.UnsetType = msgspec.UNSET
    maximum: Name | msgspec.UnsetType = msgspec.UNSET


class NewTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a template.

    *arguments* is a JSON list of strings inside a string. An app that plans takes it
    for its plan, or an object of such lists with the keys init, plan and apply.
    """

    name: Name = ""
    description: Description | None = None
    app: Name = ""
    type: Name = ""
    playbook: Path = ""
    repository_id: RepositoryId = RepositoryId(0)
    inventory_id: InventoryId | None = None
    environment_id: EnvironmentId | None = None
    environment_ids: Annotated[tuple[EnvironmentId, ...], TASK_JSON] | None = None
    view_id: ViewId | None = None
    build_template_id: TemplateId | None = None
    start_version: Name | None = None
    autorun: bool = False
    git_branch: Branch | None = None
    arguments: TaskText | None = None
    survey_vars: Annotated[tuple[NewSurveyVariable, ...], SURVEY] | None = None
    vaults: Annotated[tuple[NewVault, ...], TASK_JSON] | None = None
    task_params: Annotated[JsonObject, TASK_JSON] | None = None
    suppress_success_alerts: bool = False
    allow_override_args_in_task: bool = False
    allow_override_branch_in_task: bool = False
    allow_parallel_tasks: bool = False
    max_task_duration_sec: int = 0
    max_tasks: int = 0
    max_task_age_days: int = 0
    #: the only vault password, as sent by clients of Semaphore before 2.10
    vault_key_id: KeyId | None = None
    runner_tag: Unserved = None
    jwt_params: Unserved = None
    executor_image: Unserved = None
    working_directory: Unserved = None
    #: Semaphore's API document has it; the limit of a template is in *task_params*
    limit: Unserved = None


def checked(
    new: NewTemplate, apps: AppTable, *, kept: str | None = None
) -> dict[str, object]:
    """Return the columns of *new* that are not references to other objects.

    *kept* is the app that the template has already, or that a backup has: it may be
    one of *apps* that is switched off.

    :raises Invalid: naming the invalid value
    """
    app = _app(new.app, apps, kept)
    check_name(new.name, "template name can not be empty")
    if app.needs_inventory and not new.inventory_id:
        raise Invalid("template inventory can not be empty", field="inventory_id")
    with at_field("playbook"):
        _check_playbook(new.playbook, app)
    if new.type not in _TYPES:
        raise Invalid(
            f"The type of a template is build, deploy or empty: {new.type}",
            field="type",
        )
    with at_field("git_branch"):
        check_branch(new.git_branch or "")
    version = new.start_version if new.type == "build" else None
    with at_field("start_version"):
        check_text(version or "", "start version")
    survey = tuple(map(_plain_default, new.survey_vars or ()))
    with at_field("task_params"):
        params = task_params(new.task_params or {})
        check_supported(app, params)
    with at_field("survey_vars"):
        _check_survey(survey, app)
    with at_field("arguments"):
        checked_arguments = arguments(new.arguments, app)
    return {
        "name": new.name,
        "description": new.description,
        "app": app.id,
        "type": _TYPES[new.type],
        "playbook": new.playbook,
        "start_version": version or None,
        "autorun": new.autorun,
        "git_branch": new.git_branch or None,
        "arguments": checked_arguments,
        "survey_vars": tuple(map(_stored, survey)) or None,
        "task_params": params,
        "suppress_success_alerts": new.suppress_success_alerts,
        "allow_override_args_in_task": new.allow_override_args_in_task,
        "allow_override_branch_in_task": new.allow_override_branch_in_task,
        "allow_parallel_tasks": new.allow_parallel_tasks,
        **_limits(new),
    }


def _limits(new: NewTemplate) -> dict[str, int]:
    """Return the template's own limits.

    :raises Invalid: naming the one that is out of range
    """
    found: dict[str, int] = {name: getattr(new, name) for name in _LIMITS}
    for name, value in found.items():
        if not 0 <= value <= _LIMITS[name]:
            raise Invalid(
                f"{name}: invalid value {value}; expected 1 to {_LIMITS[name]}, or 0 "
                "for no limit"
            )
    return found


def _plain_default(new: SurveyVariable) -> SurveyVariable:
    """Return a variable whose default is no list, unless it has several values.

    Semaphore accepts a list of one text for each type.
    """
    default = new.default_value
    if isinstance(default, str) or new.kind is SurveyType.SELECT or len(default) > 1:
        return new
    return msgspec.structs.replace(new, default_value="".join(default))


def _stored(new: SurveyVariable) -> SurveyVariable:
    """Return a variable without the fields that are empty or only sent."""
    named = {name: getattr(new, name) for name in SurveyVariable.__struct_fields__}
    rules = ("pattern", "minimum", "maximum", "target")
    empty = {name: msgspec.UNSET for name in rules if not named[name]}
    return SurveyVariable(**{**named, **empty})


def _app(name: str, apps: AppTable, kept: str | None) -> App:
    app = apps.find(name)
    if app is None:
        raise Invalid(f"Invalid app id: {name[:50]}", field="app")
    with at_field("app"):
        return app if app.id == kept else apps.usable(name)


def _check_playbook(playbook: str, app: App) -> None:
    if not playbook.strip():
        if app.plans and not playbook:
            return  # the whole repository
        raise Invalid("template playbook can not be empty")
    _check_path(playbook, "playbook")
    if app.is_ansible:
        check_plain(playbook, "playbook")


def _check_path(path: str, what: str) -> None:
    check_text(path, f"{what}'s path")
    outside = path.startswith(("-", "/")) or ".." in path.split("/")
    if outside or not path.strip():
        raise Invalid(f"The {what} must be a path inside the repository")


def arguments(text: str | None, app: App = ANSIBLE) -> str | None:
    """Return arguments if they are a JSON list of strings; ``None`` if it is empty.

    An app that plans may have an object of such lists.

    :raises Invalid: naming the argument that is not accepted
    """
    if app.plans:
        phases = phase_arguments(text, "template")
        check_arguments(phases)
        for argument in chain.from_iterable(phases.phases.values()):
            _check_argument(argument, app)
        return text if any(phases.phases.values()) else None
    found = json_texts(
        text or "",
        "template arguments must be valid JSON: a list of texts, such as"
        ' ["--limit", "web"]',
    )
    for argument in found:
        _check_argument(argument, app)
    return text if found else None


def _check_argument(argument: str, app: App) -> None:
    if "\0" in argument:
        raise Invalid("An argument has a NUL character")
    option = argument.partition("=")[0]
    short = app.is_ansible and re.match(r"-[A-Za-z] ", option)
    long = "-" if app.plans else "--"
    if short or (option.startswith(long) and " " in option):
        raise Invalid(
            f"The argument {quoted(argument)} has two in one text; split it, such "
            'as ["--limit", "web"]'
        )


def _check_survey(survey: Sequence[SurveyVariable], app: App) -> None:
    check_survey(survey, app)
    check_rules(survey)
    for each in survey:
        if isinstance(each.default_value, str) and each.default_value:
            check_answer(each, each.default_value, app)
    unique([each.name for each in survey], "variable")


def task_params(sent: dict[str, object]) -> dict[str, object]:
    """Return the known parameters, with comma-separated texts converted to lists.

    :raises Invalid: if one has the wrong type, or is not served
    """
    texts.check(msgspec.convert({"task_params": sent}, SentParams))
    plain = {
        name: value
        for name, value in sent.items()
        if value is not None and name in TaskParams.__struct_fields__
    }
    for name in ("limit", "tags", "skip_tags"):
        if _is_selection(given := plain.get(name)):
            plain[name] = list(selected(given, name))
    if plain.get("debug_level") == 0:
        del plain["debug_level"]
    try:
        params = msgspec.convert(plain, TaskParams)
    except msgspec.ValidationError as error:
        said = sentence(error, TaskParams, root="the value")
        raise Invalid(f"task_params: {said}") from None
    if not 1 <= params.debug_level <= _MOST_VERBOSE:
        raise Invalid("task_params: debug_level must be between 1 and 6")
    if not 0 <= params.approval_timeout_sec <= LONGEST_APPROVAL:
        raise Invalid(
            invalid(
                "task_params: approval_timeout_sec",
                params.approval_timeout_sec,
                f"1 to {LONGEST_APPROVAL} seconds, or 0 for {USUAL_APPROVAL}",
            )
        )
    check_backend_file(params.backend_filename)
    for part in params.limit:
        check_hosts(part, names_only=False)
    for field, tags in (("tags", params.tags), ("skip_tags", params.skip_tags)):
        for tag in tags:
            check_tag(tag, field)
    return plain


def _is_selection(sent: object) -> TypeGuard[str | list[str]]:
    """Whether *sent* is a text or a list of texts."""
    return isinstance(sent, str) or (
        isinstance(sent, list) and all(isinstance(each, str) for each in sent)
    )


def check_supported(app: App, params: Mapping[str, object], prefix: str = "") -> None:
    """Refuse parameters that the app would ignore, although they affect the run.

    :raises Invalid: naming the first of them, after *prefix*
    """
    refused = (
        *(() if app.is_ansible else _OF_ANSIBLE),
        *(() if app.plans else OF_PLANS),
    )
    for name in refused:
        if params.get(name):
            called = name.replace("_", " ")
            raise Invalid(f"{prefix}{name}: {called} is not supported for {app.id}")


def checked_vaults(vaults: Sequence[NewVault]) -> tuple[CheckedVault, ...]:
    """Return the checked *vaults*; one of them may have no name.

    :raises Invalid: naming what a vault lacks
    """
    found = tuple(map(_vault, vaults))
    unique([each.name or "default" for each in found], "vault")
    return found


def _vault(new: NewVault) -> CheckedVault:
    if new.name and not _VAULT_NAME.fullmatch(new.name):
        raise Invalid(f"{quoted(new.name)} cannot be the name of a vault")
    name = new.name or None
    if new.type == "script":
        _check_path(new.script or "", "vault script")
        check_plain(new.script or "", "script")
        return CheckedVault(name=name, type="script", script=new.script)
    if new.type not in {"", "password"}:
        raise Invalid(f"The type of a vault is password or script: {new.type[:50]}")
    if new.script:
        raise Invalid("A vault with a script has the type script")
    if not new.vault_key_id:
        raise Invalid("A vault needs a key: vault_key_id")
    return CheckedVault(name=name, type="password", key_id=new.vault_key_id)


def vaults_of(new: NewTemplate) -> tuple[NewVault, ...]:
    """Return the vaults in *new*, in either form."""
    if new.vaults or not new.vault_key_id:
        return new.vaults or ()
    return (NewVault(vault_key_id=new.vault_key_id),)


def groups_of(
    new: NewTemplate, stored: Template | None = None
) -> tuple[EnvironmentId, ...]:
    """Return the variable groups in *new*, in either form; a later one wins.

    A client that knows the single id only sends back the list that it has read, so the
    single id counts if it differs from that of *stored* while the list does not.
    """
    single = (new.environment_id,) if new.environment_id else ()
    if new.environment_ids is None:
        return single
    sent = tuple(each for each in new.environment_ids if each)
    before = () if stored is None else stored.environment_ids
    if single and single != before[:1] and sent in {before, ()}:
        return single
    return tuple(reversed(dict.fromkeys(reversed(sent))))
