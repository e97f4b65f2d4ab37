"""Collects the inputs of a task and decrypts its secrets to make a job order."""

from collections.abc import Callable, Container, Iterable, Mapping
from functools import partial
from typing import TypeVar

import msgspec
from attrs import define, field
from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.crypto import clientcertificates
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.jobs.job_inputs import (
    CheckOrder,
    InventorySource,
    JobOrder,
    RepositorySource,
    VaultPassword,
)
from semaphore_twisted.model.apps import ANSIBLE, is_ansible
from semaphore_twisted.model.checks import CheckKind, CheckTarget
from semaphore_twisted.model.documents import JsonObject, json_object
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import (
    EnvironmentId,
    InventoryId,
    KeyId,
    ProjectId,
    RepositoryId,
    TaskId,
)
from semaphore_twisted.model.inventories import (
    Environment,
    Inventory,
    InventoryType,
)
from semaphore_twisted.model.keys import (
    ClientCertificate,
    KeyRow,
    NoSecret,
    OpenedSecret,
    Text,
)
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.surveys import environment_names
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.operations import apps
from semaphore_twisted.operations.tasks.builds import incoming_version
from semaphore_twisted.operations.tasks.overrides import inventory_of
from semaphore_twisted.operations.tasks.secrets import open_answers, open_secret
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.operations.vpn import inventory as vpn_inventory
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import orders
from semaphore_twisted.persistence.statements.tasks import tasks as statements
from semaphore_twisted.tasks.job_directories import job_name_of

T = TypeVar("T")


class _Sealed(msgspec.Struct, frozen=True):
    uuid: str
    project_uuid: str
    secret: str | None
    used_inventory_id: InventoryId | None


class _Variables(msgspec.Struct, frozen=True):
    """The variables of groups: plain and secret, extra variables and environment."""

    plain: JsonObject
    environ: dict[str, str]
    secret: dict[str, str]
    secret_environ: dict[str, str]

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


def order(conn: Connection, keyring: Keyring, task_id: TaskId) -> JobOrder:
    """Return the job order of a task, with all secrets decrypted.

    Variables of the task take precedence over those of the variable groups.

    :raises Invalid: if an object that the task needs is missing or damaged
    :raises SecretUnreadable: naming the key that cannot be decrypted
    """
    task = conn.one(statements.by_id, Task, id=task_id)
    sealed = conn.one(statements.machinery, _Sealed, id=task_id)
    if task is None or sealed is None:
        raise Invalid(f"Task {task_id} was deleted")
    _check_sound(f"Task {task_id}", task.fault)
    inputs = Inputs(conn, task.project_id, partial(open_secret, keyring))
    answers = open_answers(
        keyring,
        sealed.secret,
        task_id=task_id,
        row_uuid=sealed.uuid,
        project_uuid=sealed.project_uuid,
    )
    return inputs.order(
        task, job_name_of(sealed.uuid), answers, sealed.used_inventory_id
    )


def check_order(
    conn: Connection,
    keyring: Keyring,
    target: CheckTarget,
    job_name: str,
    repository_id: RepositoryId | None,
    *,
    branch: str = "",
) -> CheckOrder:
    """Return the order of the check of *target*, with all secrets decrypted.

    *repository_id* is the repository with the file of an inventory that has none,
    *branch* a branch instead of the repository's own.

    :raises Invalid: if an object that the check needs is missing or damaged
    :raises SecretUnreadable: naming the key that cannot be decrypted
    """
    inputs = Inputs(conn, target.project_id, partial(open_secret, keyring))
    inventory = None
    if target.kind is CheckKind.INVENTORY:
        inventory = inputs.inventory(InventoryId(target.number))
    else:
        repository_id = RepositoryId(target.number)
    source = None if repository_id is None else inputs.source(repository_id)
    if source is not None and branch:
        source = replace(source, branch=branch)
    return CheckOrder(
        job_name=job_name,
        inventory=inventory,
        source=source,
        keys=frozenset(inputs.keys),
        ansible=apps.table(conn).get(ANSIBLE.id),
    )


def _without(pairs: Mapping[str, T], names: Container[str]) -> dict[str, T]:
    """Return *pairs* without the variables that *names* override."""
    return {name: value for name, value in pairs.items() if name not in names}


def _merged(groups: Iterable[_Variables]) -> _Variables:
    """Return the variables of all *groups*; those of a later group win."""
    merged = _Variables({}, {}, {}, {})
    for each in groups:
        names = each.plain.keys() | each.secret.keys()
        environ = each.environ.keys() | each.secret_environ.keys()
        merged = _Variables(
            plain={**_without(merged.plain, names), **each.plain},
            environ={**_without(merged.environ, environ), **each.environ},
            secret={**_without(merged.secret, names), **each.secret},
            secret_environ={
                **_without(merged.secret_environ, environ),
                **each.secret_environ,
            },
        )
    return merged


class _Repository(msgspec.Struct, frozen=True, kw_only=True):
    id: RepositoryId
    name: str
    git_url: str
    git_branch: str
    ssh_key_id: KeyId
    client_certificate_id: KeyId | None


@define
class Inputs:
    """Collects the inputs of tasks of one project.

    *decrypt* returns the content of an access key; *keys* are those that it was called
    for.
    """

    conn: Connection
    project: ProjectId
    decrypt: Callable[[KeyRow], OpenedSecret]
    keys: set[KeyId] = field(factory=set)

    def order(
        self,
        task: Task,
        job_name: str,
        answers: dict[str, str],
        stored: InventoryId | None = None,
    ) -> JobOrder:
        """Return the job order of *task*.

        *answers* are its secret variables, *stored* is the inventory that is stored
        with it (:func:`.overrides.inventory_of`).
        """
        template = template_of(self.conn, self.project, task.template_id)
        _check_sound(f"The template {quoted(template.name)}", template.fault)
        table = apps.table(self.conn)
        _ = table.usable(template.app)
        group = _merged(map(self._group, template.environment_ids))
        asked = json_object(task.environment, "The task's variables", unique=False)
        in_environment = environment_names(template.survey_vars or ())
        answered = {*asked, *answers}
        # a script receives secret variables of a group in its environment, too
        as_variables = answered - in_environment
        environ = answered & in_environment
        replaced = as_variables if is_ansible(template.app) else answered
        source = self.source(template.repository_id)
        inventory_id = inventory_of(template, task.inventory_id, stored)
        inventory = self.inventory(inventory_id)
        vaults = tuple(
            VaultPassword(
                name=vault.name or "default",
                password=self._key(vault.vault_key_id),
                script=vault.script or "",
            )
            for vault in template.vaults or ()
        )
        return JobOrder(
            task=task,
            job_name=job_name,
            template=template,
            username=self.conn.scalar(orders.username, id=task.user_id) or "",
            source=source,
            inventory=inventory,
            inventory_id=inventory_id,
            vaults=vaults,
            variables=_without(group.plain, as_variables),
            answers=_without(asked, {*answers, *environ}),
            secret_variables=_without(group.secret, replaced),
            secret_answers=_without(answers, environ),
            environment={
                **_without(group.environ, environ),
                **{
                    name: _environ_text(value)
                    for name, value in asked.items()
                    if name in environ and name not in answers
                },
            },
            secret_environment={
                **_without(group.secret_environ, environ),
                **{name: text for name, text in answers.items() if name in environ},
            },
            incoming_version=incoming_version(self.conn, task),
            keys=frozenset(self.keys),
            apps=table,
        )

    def source(self, number: RepositoryId) -> RepositorySource:
        """Return the repository *number* with its key and certificate."""
        repository = self.conn.one(
            orders.repository_by_id, _Repository, id=number, project_id=self.project
        )
        if repository is None:
            raise Invalid(f"The repository {number} is missing")
        return RepositorySource(
            repository_id=repository.id,
            url=repository.git_url,
            branch=repository.git_branch,
            key=self._key(repository.ssh_key_id),
            certificate=self._certificate(repository),
        )

    def inventory(self, number: InventoryId | None) -> InventorySource | None:
        """Return the inventory *number* with its keys; ``None`` for none."""
        if number is None:
            return None
        inventory = self.conn.one(
            orders.inventory_by_id, Inventory, id=number, project_id=self.project
        )
        if inventory is None:
            raise Invalid(f"The inventory {number} is missing")
        _check_sound(f"The inventory {quoted(inventory.name)}", inventory.fault)
        source = None
        if inventory.repository_id is not None:
            source = self.source(inventory.repository_id)
        kind, text = inventory.type, inventory.inventory
        if kind is InventoryType.VPN:  # the hosts that are registered at this time
            kind = InventoryType.STATIC_YAML
            text = vpn_inventory.content(self.conn, self.project, text)
        return InventorySource(
            type=kind,
            inventory=text,
            key=self._key(inventory.ssh_key_id),
            become=self._key(inventory.become_key_id),
            source=source,
        )

    def _key(self, key_id: KeyId | None) -> OpenedSecret:
        if key_id is None:
            return NoSecret()
        row = self.conn.one(orders.key, KeyRow, id=key_id, project_id=self.project)
        if row is None:
            raise Invalid(f"The access key {key_id} is missing")
        return self._opened(row)

    def _opened(self, row: KeyRow) -> OpenedSecret:
        self.keys.add(row.id)
        return self.decrypt(row)

    def _certificate(self, repository: _Repository) -> ClientCertificate | None:
        opened = self._key(repository.client_certificate_id)
        if isinstance(opened, NoSecret):
            return None
        if not isinstance(opened, ClientCertificate):
            raise Invalid(
                f"The client certificate of the repository {quoted(repository.name)} "
                "is a key of another kind by now"
            )
        clientcertificates.check_time(opened, self.conn.now)
        return opened

    def _group(self, number: EnvironmentId) -> _Variables:
        environment = self.conn.one(
            orders.environment_by_id, Environment, id=number, project_id=self.project
        )
        if environment is None:
            raise Invalid(f"The variable group {number} is missing")
        _check_sound(
            f"The variable group {quoted(environment.name)}", environment.fault
        )
        whose = f"The variable group {quoted(environment.name)}"
        opened: dict[str, dict[str, str]] = {"env": {}, "var": {}}
        rows = self.conn.all(
            orders.secrets_of_environment, KeyRow, environment_id=number
        )
        for row in rows:
            secret = self._opened(row)
            if isinstance(secret, Text):
                opened.setdefault(row.owner, {})[row.name] = secret.text
        plain = json_object(environment.json, whose, unique=False)
        environ = json_object(environment.env or "", whose, unique=False)
        return _Variables(
            plain={k: v for k, v in plain.items() if k not in opened["var"]},
            environ={
                name: _environ_text(value)
                for name, value in environ.items()
                if value is not None and name not in opened["env"]
            },
            secret=opened["var"],
            secret_environ=opened["env"],
        )


def _check_sound(whose: str, fault: str | msgspec.UnsetType) -> None:
    if fault:
        raise Invalid(f"{whose}: {fault}")


def _environ_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
