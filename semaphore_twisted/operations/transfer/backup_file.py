"""The file of a project's backup, in Semaphore's format: objects linked by name.

The fields of Semaphore 2.10 to 2.16 keep their names (``GET /project/{id}/backup``).
What Semaphore's file does not have is added beside them, such as the names of secret
variables, the repository and template of an inventory, and client certificates. No
secret is in the file; the addresses of integrations are.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.schedules import CatchUp, Overrun, ScheduleType
from semaphore_twisted.model.texts import (
    SCHEDULE_TASK,
    SECRETS,
    SURVEY,
    TASK_JSON,
    Address,
    Branch,
    Description,
    LongText,
    Name,
    Path,
    TaskText,
    Unserved,
)
from semaphore_twisted.operations.projects.template_rules import NewSurveyVariable
from semaphore_twisted.operations.projects.views import NewView
from semaphore_twisted.operations.tasks.task_settings import TaskSettings
from semaphore_twisted.operations.webhooks.parts import NewMatcher, NewValue

#: The name of a project whose backup has none.
NAMELESS = "Restored project"


class MetaInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """The project's own settings."""

    name: Name = NAMELESS
    alert: bool = False
    alert_chat: Name | None = None
    max_parallel_tasks: int = 0
    type: Name = ""


class KeyInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """An access key without its secret."""

    name: Name = ""
    type: Name = ""


class SecretInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a secret variable; *type* is ``env`` or ``var``."""

    name: Name = ""
    type: Name = ""


class EnvironmentInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A variable group without the values of its secrets."""

    name: Name = ""
    json: LongText = ""
    env: LongText | None = None
    secrets: Annotated[tuple[SecretInBackup, ...], SECRETS] = ()


class RepositoryInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A repository; its keys are named."""

    name: Name = ""
    git_url: Address = ""
    git_branch: Branch = ""
    ssh_key: Name | None = None
    client_certificate: Name | None = None


class InventoryInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory; *template* is the template that holds it."""

    name: Name = ""
    type: Name = ""
    inventory: LongText = ""
    ssh_key: Name | None = None
    become_key: Name | None = None
    repository: Name | None = None
    template: Name | None = None
    runner_tag: Unserved = None


class ViewInBackup(NewView, frozen=True, kw_only=True):
    """A view, a tab of the templates."""


class VaultInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A vault password of a template; its key is named."""

    name: Name | None = None
    vault_key: Name | None = None
    type: Name = "password"
    script: Path | None = None


class TemplateInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A template; the objects that it uses are named.

    *environment* is the first of *environments*.
    *vault_key* is the only vault password in files of Semaphore before 2.10.24. *cron*
    is the first schedule in files that do not list schedules.
    """

    name: Name = ""
    description: Description | None = None
    app: Name = ""
    type: Name = ""
    playbook: Path = ""
    repository: Name = ""
    inventory: Name | None = None
    environment: Name | None = None
    environments: Annotated[tuple[Name, ...], TASK_JSON] | None = None
    view: Name | None = None
    build_template: Name | None = None
    start_version: Name | None = None
    autorun: bool = False
    git_branch: Branch | None = None
    arguments: TaskText | None = None
    survey_vars: Annotated[tuple[NewSurveyVariable, ...], SURVEY] = ()
    vaults: Annotated[tuple[VaultInBackup, ...], TASK_JSON] = ()
    vault_key: Name | None = None
    task_params: Annotated[JsonObject, TASK_JSON] | None = None
    suppress_success_alerts: bool = False
    allow_override_args_in_task: bool = False
    allow_override_branch_in_task: bool = False
    allow_parallel_tasks: bool = False
    max_task_duration_sec: int = 0
    max_tasks: int = 0
    max_task_age_days: int = 0
    cron: Name | None = None
    runner_tag: Unserved = None
    jwt_params: Unserved = None
    roles: Unserved = None


class TaskInBackup(TaskSettings, frozen=True, kw_only=True):
    """The parameters of the tasks of a schedule or an integration, without secrets.

    The inventory is named; a number would be that of another installation.
    """

    inventory: Name | None = None
    inventory_id: Unserved = None


class ScheduleInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule; its template and repository are named."""

    name: Name = ""
    template: Name = ""
    cron_format: Name = ""
    timezone: Name = ""
    active: bool = False
    repository: Name | None = None
    type: ScheduleType = ScheduleType.CRON
    run_at: datetime | None = None
    delete_after_run: bool = False
    catch_up: CatchUp = CatchUp.NONE
    overrun: Overrun = Overrun.QUEUE
    task_params: Annotated[TaskInBackup, SCHEDULE_TASK] | None = None


class IntegrationInBackup(msgspec.Struct, frozen=True, kw_only=True):
    """An integration with its parts and addresses; template and key are named."""

    name: Name = ""
    template: Name = ""
    auth_method: Name = ""
    auth_secret: Name | None = None
    auth_header: Name = ""
    auth_algorithm: Name = ""
    auth_prefix: Name = ""
    searchable: bool = False
    keep_bodies: bool = False
    task_params: TaskInBackup | None = None
    matchers: tuple[NewMatcher, ...] = ()
    extract_values: tuple[NewValue, ...] = ()
    aliases: tuple[Name, ...] = ()


class ProjectBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A project with its objects.

    A name is unique in its list, since the other objects refer to it.
    """

    meta: MetaInBackup = MetaInBackup()
    keys: tuple[KeyInBackup, ...] = ()
    environments: tuple[EnvironmentInBackup, ...] = ()
    repositories: tuple[RepositoryInBackup, ...] = ()
    inventories: tuple[InventoryInBackup, ...] = ()
    views: tuple[ViewInBackup, ...] = ()
    templates: tuple[TemplateInBackup, ...] = ()
    schedules: tuple[ScheduleInBackup, ...] = ()
    integrations: tuple[IntegrationInBackup, ...] = ()
    integration_aliases: tuple[Name, ...] = ()
    secret_storages: Unserved = ()
    roles: Unserved = ()
