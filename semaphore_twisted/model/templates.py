"""Templates: the program that a task runs, its inputs and its survey."""

from enum import StrEnum

import msgspec

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.ids import (
    EnvironmentId,
    InventoryId,
    KeyId,
    ProjectId,
    RepositoryId,
    TemplateId,
    ViewId,
)
from semaphore_twisted.model.tasks import TaskInList


class SurveyType(StrEnum):
    """Types of survey variables; the empty text means string.

    ``text`` is a long text, ``select`` a list of values. ``bool`` and ``date`` are not
    Semaphore's. Semaphore's Terraform provider writes ``string`` and ``integer``, and
    takes another word in the answer for a change that it has not made.
    """

    STRING = ""
    INTEGER = "int"
    ENUM = "enum"
    SECRET = "secret"
    TEXT = "text"
    SELECT = "select"
    BOOLEAN = "bool"
    DATE = "date"
    STRING_OF_TERRAFORM = "string"
    INTEGER_OF_TERRAFORM = "integer"


#: The types with two words, and the one that decides.
_SAME_TYPES = {
    SurveyType.STRING_OF_TERRAFORM: SurveyType.STRING,
    SurveyType.INTEGER_OF_TERRAFORM: SurveyType.INTEGER,
}


class SurveyTarget(StrEnum):
    """How an answer reaches the program; the empty text means as a variable."""

    VARIABLE = ""
    ENVIRONMENT = "env"


class SurveyValue(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of an enumeration."""

    name: str = ""
    value: str = ""


class SurveyVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable whose value the user enters when starting a task.

    *pattern*, *minimum* and *maximum* are not Semaphore's, and absent without a value.
    The limits are those of an integer or of a date, of the characters of a text, or of
    the number of values of a ``select``.
    """

    name: str
    title: str = ""
    required: bool = False
    type: SurveyType = SurveyType.STRING
    description: str = ""
    #: a list only for the type ``select``
    default_value: str | tuple[str, ...] = ""
    values: tuple[SurveyValue, ...] | None = None
    #: a regular expression of RE2 for the whole text
    pattern: str | msgspec.UnsetType = msgspec.UNSET
    minimum: str | msgspec.UnsetType = msgspec.UNSET
    maximum: str | msgspec.UnsetType = msgspec.UNSET
    #: absent for a variable of Ansible or an argument of a script
    target: SurveyTarget | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def kind(self) -> SurveyType:
        """The type that decides: the same for both words of a type."""
        return _SAME_TYPES.get(self.type, self.type)

    @property
    def in_environment(self) -> bool:
        """Whether the answer is a variable of the process environment."""
        return self.target is SurveyTarget.ENVIRONMENT


class TemplateVault(msgspec.Struct, frozen=True, kw_only=True):
    """A vault password of a template: the vault's id, with the key or the script.

    *type* is ``password``, with a key, or ``script``: a path in the repository.
    """

    id: int = 0
    project_id: ProjectId | None = None
    template_id: TemplateId | None = None
    vault_key_id: KeyId | None
    name: str | None = None
    type: str = "password"
    script: str | None = None


class TaskParams(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that a task may override, with the template's defaults.

    A list may be sent as comma-separated text; it is stored as a list.
    """

    debug: bool = False
    debug_level: int = 4
    dry_run: bool = False
    diff: bool = False
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    allow_debug: bool = False
    allow_override_inventory: bool = False
    allow_override_limit: bool = False
    allow_override_tags: bool = False
    allow_override_skip_tags: bool = False
    #: of apps that plan: whether to plan only, to destroy everything, to apply without
    #: an approval; and the options of ``init``
    plan: bool = False
    destroy: bool = False
    auto_approve: bool = False
    upgrade: bool = False
    reconfigure: bool = False
    migrate_state: bool = False
    #: whether a task may set these; the last is not Semaphore's
    allow_destroy: bool = False
    allow_auto_approve: bool = False
    allow_migrate_state: bool = False
    #: whether the state is kept by this server, and the file that declares it
    override_backend: bool = False
    backend_filename: str = ""
    #: seconds that an approval may take; 0 for a day. It is not Semaphore's.
    approval_timeout_sec: int = 0


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template, as the API shows it."""

    id: TemplateId
    project_id: ProjectId
    inventory_id: InventoryId | None
    repository_id: RepositoryId
    #: the first of *environment_ids*
    environment_id: EnvironmentId | None
    #: the variable groups; a later one wins
    environment_ids: tuple[EnvironmentId, ...] = ()
    name: str
    playbook: str
    #: a JSON list of strings inside a string, or ``None``; an app that plans may have
    #: an object of such lists, one for each phase
    arguments: str | None
    allow_override_args_in_task: bool
    description: str | None
    vaults: tuple[TemplateVault, ...] | None
    type: str
    start_version: str | None
    build_template_id: TemplateId | None
    view_id: ViewId | None
    last_task: TaskInList | None
    autorun: bool
    git_branch: str | None
    survey_vars: tuple[SurveyVariable, ...] | None
    suppress_success_alerts: bool
    app: str
    tasks: int
    #: ``None`` in an answer without any: Semaphore's Terraform provider takes an empty
    #: object for parameters that it did not send
    task_params: JsonObject | None
    allow_override_branch_in_task: bool
    allow_parallel_tasks: bool
    #: seconds that a run may take, ended tasks that are kept, and days for which they
    #: are kept; 0 for no limit of its own. These are not Semaphore's.
    max_task_duration_sec: int = 0
    max_tasks: int = 0
    max_task_age_days: int = 0
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def variable_names(self) -> frozenset[str]:
        """The variables that the survey asks for."""
        return frozenset(each.name for each in self.survey_vars or ())
