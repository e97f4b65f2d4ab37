"""Creates a project from its backup, in one transaction: the whole project or nothing.

Secrets are not in a backup, so keys and secret variables are created without one, and a
job that needs one of them is refused until it is entered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from semaphore_twisted.model import texts
from semaphore_twisted.model.errors import Invalid
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
from semaphore_twisted.operations.projects.backup_file import (
    InventoryInBackup,
    ProjectBackup,
    RepositoryInBackup,
    TemplateInBackup,
    VaultInBackup,
)
from semaphore_twisted.operations.projects.environments import NewEnvironment
from semaphore_twisted.operations.projects.inventories import NewInventory
from semaphore_twisted.operations.projects.projects import NewProject
from semaphore_twisted.operations.projects.repositories import NewRepository
from semaphore_twisted.operations.projects.template_rules import NewTemplate, NewVault
from semaphore_twisted.operations.projects.views import NewView
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory

N = TypeVar("N", bound=int)

#: Fields of a template that its backup has under the same name.
_PLAIN = (
    set(TemplateInBackup.__struct_fields__) & set(NewTemplate.__struct_fields__)
) - {"vaults"}


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
    anybody: bool = False,
) -> Project:
    """Create the project of *backup*, which the actor owns, with all its objects.

    The caller has checked it with :func:`check`.

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
    _Restoration(conn, owner, rules).add_all(backup)
    return project


@contextmanager
def _named(noun: str, name: str) -> Iterator[None]:
    """State in an error of the block which object of the backup is at fault."""
    try:
        yield
    except Invalid as error:
        raise Invalid(f"{noun} {quoted(name)}: {error.message}", field=noun) from None


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

    def add_all(self, backup: ProjectBackup) -> None:
        """Add all objects, each after those that it refers to."""
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
                added = views.create(
                    conn, owner, NewView(title=view.title, position=view.position)
                )
                self._views.add(view.title, ViewId(added.id))
        for repository in backup.repositories:
            with _named("repositories", repository.name):
                self._add_repository(repository)
        for each in backup.inventories:
            with _named("inventories", each.name):
                self._add_inventory(each)
        # a template that deploys refers to the one that builds
        for template in sorted(
            backup.templates, key=lambda each: bool(each.build_template)
        ):
            with _named("templates", template.name):
                self._add_template(template)
        for each in backup.inventories:
            with _named("inventories", each.name):
                holder = self._templates.of(each.template, "template")
                if holder is not None:
                    conn.update(
                        inventory, self._inventories[each.name], holder_id=holder
                    )

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
        )
        self._inventories.add(each.name, made.id)

    def _add_template(self, each: TemplateInBackup) -> None:
        repository = self._repositories.of(each.repository, "repository")
        if repository is None:
            raise Invalid("repository: a template needs one; expected a name")
        plain = {name: getattr(each, name) for name in _PLAIN}
        made = templates.create(
            self._conn,
            self._owner,
            NewTemplate(
                **plain,
                repository_id=repository,
                inventory_id=self._inventories.of(each.inventory, "inventory"),
                environment_id=self._environments.of(each.environment, "environment"),
                view_id=self._views.of(each.view, "view"),
                build_template_id=self._templates.of(
                    each.build_template, "build_template"
                ),
                vaults=tuple(map(self._vault, _vaults_of(each))),
            ),
        )
        self._templates.add(each.name, made.id)

    def _vault(self, vault: VaultInBackup) -> NewVault:
        return NewVault(
            name=vault.name,
            type=vault.type,
            vault_key_id=self._keys.of(vault.vault_key, "vault_key"),
        )


def _vaults_of(template: TemplateInBackup) -> tuple[VaultInBackup, ...]:
    """Return the vaults of *template*, in either form."""
    if template.vaults or not template.vault_key:
        return template.vaults
    return (VaultInBackup(vault_key=template.vault_key),)


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
