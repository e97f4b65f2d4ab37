"""Creates a project from its backup, in one transaction: the whole project or nothing.

Secrets are not in a backup, so keys and secret variables are created without one, and a
job that needs one of them is refused until it is entered.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import texts
from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.ids import (
    EnvironmentId,
    InventoryId,
    KeyId,
    RepositoryId,
    TemplateId,
    ViewId,
)
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.model.templates import SurveyType
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects import (
    environments,
    inventories,
    keys,
    projects,
    repositories,
    templates,
    views,
)
from semaphore_twisted.operations.projects.environments import NewEnvironment
from semaphore_twisted.operations.projects.inventories import NewInventory
from semaphore_twisted.operations.projects.projects import NewProject
from semaphore_twisted.operations.projects.repositories import NewRepository
from semaphore_twisted.operations.projects.template_rules import NewTemplate, NewVault
from semaphore_twisted.operations.schedules import rules as schedule_rules
from semaphore_twisted.operations.schedules import schedules
from semaphore_twisted.operations.schedules.rules import NewSchedule, ScheduledTask
from semaphore_twisted.operations.tasks.task_settings import TaskSettings
from semaphore_twisted.operations.transfer.backup_file import (
    InventoryInBackup,
    ProjectBackup,
    RepositoryInBackup,
    ScheduleInBackup,
    TaskInBackup,
    TemplateInBackup,
    VaultInBackup,
)
from semaphore_twisted.operations.webhooks import aliases, integrations
from semaphore_twisted.operations.webhooks.integrations import NewIntegration
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory

N = TypeVar("N", bound=int)
T = TypeVar("T", ScheduledTask, TaskSettings)

#: Fields of a template that its backup has under the same name.
_PLAIN = (
    set(TemplateInBackup.__struct_fields__) & set(NewTemplate.__struct_fields__)
) - {"vaults", "runner_tag", "jwt_params"}


def check(backup: ProjectBackup, rules: RepositoryRules) -> None:
    """Check that *backup* has something, and the addresses of its repositories.

    A repository of this machine is looked for on its disk, so this is not part of a
    transaction.

    :raises Invalid: naming the repository
    """
    texts.check(backup)
    if backup == ProjectBackup():
        raise Invalid("The backup is empty; expected meta, keys, templates and so on")
    for each in backup.repositories:
        with _named("repositories", each.name):
            repositories.check_place(_repository(each, KeyId(0), None), rules)


def restore(
    conn: Connection,
    actor: Actor,
    backup: ProjectBackup,
    *,
    rules: RepositoryRules,
    keyring: Keyring,
    usual_zone: str,
    schedules_off: bool = False,
    anybody: bool = False,
) -> Project:
    """Create the project of *backup*, which the actor owns, with all its objects.

    The caller has checked it with :func:`check`. With *schedules_off* all schedules
    are switched off, for example because the original project still runs.

    :raises NotPermitted: if the actor may not create projects
    :raises Invalid: naming the object at fault; nothing is stored then
    """
    texts.check(backup)
    meta = backup.meta
    new = NewProject(
        name=meta.name,
        alert=meta.alert,
        alert_chat=meta.alert_chat,
        max_parallel_tasks=meta.max_parallel_tasks,
        type=meta.type,
    )
    with _named("meta", meta.name):
        project = projects.create_empty(conn, actor, new, anybody=anybody)
    owner = projects.owner_of(project, actor)
    restoration = _Restoration(conn, owner, rules)
    restoration.add_resources(backup)
    restoration.add_templates(backup)
    restoration.add_schedules(
        _schedules_of(backup),
        keyring=keyring,
        usual_zone=usual_zone,
        off=schedules_off,
    )
    restoration.add_integrations(backup)
    return project


@contextmanager
def _named(noun: str, name: str) -> Iterator[None]:
    """State in an error of the block which object of the backup is at fault."""
    try:
        yield
    except (Invalid, Conflict) as error:
        sentence = f"{noun} {quoted(name)}: {error.message}"
        raise type(error)(sentence, field=noun) from None


class _Ids(dict[str, N]):
    """The ids of restored objects of one noun, by the name in the backup."""

    def __init__(self, noun: str) -> None:
        super().__init__()
        self.noun = noun

    def add(self, name: str, number: N) -> None:
        """Keep the id of the object *name*.

        :raises Invalid: if the name comes twice
        """
        if name in self:
            raise Invalid("this name comes twice; a name in a backup is unique")
        self[name] = number

    def of(self, name: str | None, field: str) -> N | None:
        """Return the id of the object that *field* names; ``None`` for no name.

        :raises Invalid: if the backup has no such object
        """
        if not name:
            return None
        if name not in self:
            raise Invalid(f"{field}: {self.noun} of the backup has no {quoted(name)}")
        return self[name]


class _Restoration:
    """Adds the objects of a backup to a new project."""

    def __init__(
        self,
        conn: Connection,
        owner: Actor,
        rules: RepositoryRules,
    ) -> None:
        self._conn, self._owner, self._rules = conn, owner, rules
        self._keys: _Ids[KeyId] = _Ids("keys")
        self._environments: _Ids[EnvironmentId] = _Ids("environments")
        self._repositories: _Ids[RepositoryId] = _Ids("repositories")
        self._inventories: _Ids[InventoryId] = _Ids("inventories")
        self._views: _Ids[ViewId] = _Ids("views")
        self._templates: _Ids[TemplateId] = _Ids("templates")
        self._no_key: KeyId | None = None
        #: the secret variables that templates ask for, by the template's name
        self._secrets: dict[str, tuple[str, ...]] = {}

    def add_resources(self, backup: ProjectBackup) -> None:
        """Add what templates refer to, each object after those that it refers to."""
        conn, owner = self._conn, self._owner
        for key in backup.keys:
            with _named("keys", key.name):
                number = keys.create_without_secret(conn, owner, key.name, key.type)
                self._keys.add(key.name, number)
                if key.type == KeyType.NONE and self._no_key is None:
                    self._no_key = number
        for group in backup.environments:
            with _named("environments", group.name):
                number_of_group = environments.create_without_values(
                    conn,
                    owner,
                    NewEnvironment(name=group.name, json=group.json, env=group.env),
                    ((each.type, each.name) for each in group.secrets),
                )
                self._environments.add(group.name, number_of_group)
        for view in backup.views:
            with _named("views", view.title):
                added = views.create(conn, owner, view)
                self._views.add(view.title, ViewId(added.id))
        for repository in backup.repositories:
            with _named("repositories", repository.name):
                self._add_repository(repository)
        for each in backup.inventories:
            with _named("inventories", each.name):
                self._add_inventory(each)

    def add_templates(self, backup: ProjectBackup) -> None:
        """Add the templates, and what refers to them among the resources."""
        for template in _builds_first(backup.templates):
            with _named("templates", template.name):
                self._add_template(template)
        for each in backup.inventories:
            with _named("inventories", each.name):
                holder = self._templates.of(each.template, "template")
                if holder is not None:
                    number = self._inventories[each.name]
                    self._conn.update(inventory, number, holder_id=holder)

    def add_schedules(
        self,
        backups: Iterable[ScheduleInBackup],
        *,
        keyring: Keyring,
        usual_zone: str,
        off: bool,
    ) -> None:
        """Add the schedules; with *off* they are switched off."""
        for each in backups:
            with _named("schedules", each.name):
                new = NewSchedule(
                    template_id=self._template_of(each.template),
                    name=each.name,
                    cron_format=each.cron_format,
                    timezone=each.timezone,
                    active=each.active and not off,
                    repository_id=self._watched(each),
                    type=each.type,
                    run_at=each.run_at,
                    delete_after_run=each.delete_after_run,
                    catch_up=each.catch_up,
                    overrun=each.overrun,
                    task_params=self._task(each.task_params, ScheduledTask),
                )
                if schedule_rules.has_passed(new, self._conn.now):
                    new = replace(new, active=False)
                schedules.create(
                    self._conn,
                    self._owner,
                    new,
                    keyring=keyring,
                    usual_zone=usual_zone,
                    missing=self._secrets.get(each.template, ()),
                )

    def _watched(self, schedule: ScheduleInBackup) -> RepositoryId | None:
        """Return the repository whose commits *schedule* waits for.

        :raises Invalid: if only its number is known: without it, each due time would
            start a task
        """
        name = schedule.checkable_repository or schedule.repository
        if schedule.repository_id and not name:
            raise Invalid(
                f"repository_id: {schedule.repository_id} is a number of another "
                "installation; expected checkable_repository with the repository's name"
            )
        return self._repositories.of(name, "checkable_repository")

    def add_integrations(self, backup: ProjectBackup) -> None:
        """Add the integrations with their parts and addresses."""
        for each in backup.integrations:
            with _named("integrations", each.name):
                made = integrations.create(
                    self._conn,
                    self._owner,
                    NewIntegration(
                        name=each.name,
                        template_id=self._template_of(each.template),
                        auth_method=each.auth_method,
                        auth_secret_id=self._keys.of(each.auth_secret, "auth_secret"),
                        auth_header=each.auth_header,
                        auth_algorithm=each.auth_algorithm,
                        auth_prefix=each.auth_prefix,
                        searchable=each.searchable,
                        keep_bodies=each.keep_bodies,
                        task_params=self._task(each.task_params, TaskSettings),
                        matchers=each.matchers,
                        extract_values=each.extract_values,
                    ),
                )
                for alias in each.aliases:
                    aliases.create(
                        self._conn, self._owner, made.id, site="", wanted=alias
                    )
        for alias in backup.integration_aliases:
            with _named("integration_aliases", alias):
                aliases.create(self._conn, self._owner, None, site="", wanted=alias)

    def _template_of(self, name: str) -> TemplateId:
        number = self._templates.of(name, "template")
        if number is None:
            raise Invalid("template: missing; expected the name of a template")
        return number

    def _task(self, task: TaskInBackup | None, of: type[T]) -> T | None:
        """Return *task* with the id of its inventory."""
        if task is None:
            return None
        number = self._inventories.of(
            task.inventory_name or task.inventory, "task_params.inventory_name"
        )
        return of(**{**task.served, "inventory_id": number})

    def _add_repository(self, repository: RepositoryInBackup) -> None:
        key = self._keys.of(repository.ssh_key, "ssh_key")
        certificate = self._keys.of(repository.client_certificate, "client_certificate")
        made = repositories.create(
            self._conn,
            self._owner,
            _repository(repository, key or self._key_of_type_none(), certificate),
            rules=self._rules,
        )
        self._repositories.add(repository.name, made.id)

    def _key_of_type_none(self) -> KeyId:
        """Return a key without a secret, which a repository without a key uses."""
        if self._no_key is None:
            name = "None"
            while name in self._keys:
                name += "-"
            self._no_key = keys.create_without_secret(
                self._conn, self._owner, name, KeyType.NONE
            )
        return self._no_key

    def _add_inventory(self, each: InventoryInBackup) -> None:
        made = inventories.create(
            self._conn,
            self._owner,
            NewInventory(
                name=each.name,
                type=each.type,
                inventory=each.inventory,
                ssh_key_id=self._keys.of(each.ssh_key, "ssh_key"),
                become_key_id=self._keys.of(each.become_key, "become_key"),
                repository_id=self._repositories.of(each.repository, "repository"),
            ),
            restored=True,
        )
        self._inventories.add(each.name, made.id)

    def _add_template(self, each: TemplateInBackup) -> None:
        repository = self._repositories.of(each.repository, "repository")
        if repository is None:
            raise Invalid("repository: a template needs one; expected a name")
        plain = {name: getattr(each, name) for name in _PLAIN}
        groups = each.environments or (each.environment,)
        number = templates.insert(
            self._conn,
            self._owner,
            NewTemplate(
                **plain,
                repository_id=repository,
                inventory_id=self._inventories.of(each.inventory, "inventory"),
                environment_ids=tuple(
                    number
                    for group in groups
                    if (number := self._environments.of(group, "environment"))
                ),
                view_id=self._views.of(each.view, "view"),
                build_template_id=self._templates.of(
                    each.build_template, "build_template"
                ),
                vaults=tuple(map(self._vault, _vaults_of(each))),
            ),
            restored=True,
        )
        self._templates.add(each.name, number)
        self._secrets[each.name] = tuple(
            variable.name
            for variable in each.survey_vars
            if variable.kind is SurveyType.SECRET
        )

    def _vault(self, vault: VaultInBackup) -> NewVault:
        return NewVault(
            name=vault.name,
            type=vault.type,
            script=vault.script,
            vault_key_id=self._keys.of(vault.vault_key, "vault_key"),
        )


def _builds_first(
    backups: Iterable[TemplateInBackup],
) -> Iterator[TemplateInBackup]:
    """Yield each template behind the one whose builds it deploys.

    Those of a circle come last; they are refused, since the other one is missing.
    """
    left = list(backups)
    added: set[str] = {""}
    while left:
        ready = [each for each in left if (each.build_template or "") in added]
        if not ready:
            break
        yield from ready
        left = [each for each in left if (each.build_template or "") not in added]
        added.update(each.name for each in ready)
    yield from left


def _vaults_of(template: TemplateInBackup) -> tuple[VaultInBackup, ...]:
    """Return the vaults of *template*, in either form."""
    if template.vaults or not template.vault_key:
        return template.vaults
    return (VaultInBackup(vault_key=template.vault_key),)


def _schedules_of(backup: ProjectBackup) -> tuple[ScheduleInBackup, ...]:
    """Return the schedules; of an old file those that its templates have."""
    if backup.schedules:
        return backup.schedules
    return tuple(
        ScheduleInBackup(
            name=each.name, template=each.name, cron_format=each.cron, active=True
        )
        for each in backup.templates
        if each.cron
    )


def _repository(
    repository: RepositoryInBackup, key: KeyId, certificate: KeyId | None
) -> NewRepository:
    return NewRepository(
        name=repository.name,
        git_url=repository.git_url,
        git_branch=repository.git_branch,
        ssh_key_id=key,
        client_certificate_id=certificate,
    )
