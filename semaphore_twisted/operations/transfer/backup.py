"""Writes the backup of a project: all its objects, and no secret."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Conflict, Invalid, TooLarge
from semaphore_twisted.model.ids import EnvironmentId
from semaphore_twisted.model.integrations import (
    Integration,
    IntegrationMatcher,
    IntegrationValue,
)
from semaphore_twisted.model.lists import Wanted
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.schedules import Schedule
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import lists
from semaphore_twisted.operations.projects import (
    environments,
    inventories,
    keys,
    projects,
    repositories,
    templates,
    views,
)
from semaphore_twisted.operations.schedules import schedules
from semaphore_twisted.operations.tasks.task_settings import stored_settings
from semaphore_twisted.operations.transfer.backup_file import (
    EnvironmentInBackup,
    IntegrationInBackup,
    InventoryInBackup,
    KeyInBackup,
    MetaInBackup,
    ProjectBackup,
    RepositoryInBackup,
    ScheduleInBackup,
    SecretInBackup,
    TaskInBackup,
    TemplateInBackup,
    VaultInBackup,
    ViewInBackup,
)
from semaphore_twisted.operations.webhooks import aliases, integrations, parts
from semaphore_twisted.operations.webhooks.parts import NewMatcher, NewValue
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.sorting import Sorted

T = TypeVar("T", bound=msgspec.Struct)
P = TypeVar("P", NewMatcher, NewValue)

#: The unique names of objects in a backup, by the objects' ids.
Names = Mapping[int, str]

_Page = Callable[[Connection, Actor, Sequence[int]], tuple[list[T], int]]


def encoded(conn: Connection, actor: Actor) -> bytes:
    """Return the backup of the actor's current project as JSON.

    Fields that are ``null`` are left out, as in Semaphore's files.

    :raises TooLarge: if it is larger than ``PROJECT_BACKUP`` bytes
    """
    plain = _without_nulls(msgspec.to_builtins(build(conn, actor)))
    found = msgspec.json.encode(plain)
    if len(found) > limits.PROJECT_BACKUP:
        raise _too_large()
    return found


def build(conn: Connection, actor: Actor) -> ProjectBackup:
    """Return the backup of the actor's current project.

    Each list is sorted by name. Of several objects with the same name the first keeps
    it, and the others get a number, since a link needs one name.

    :raises TooLarge: if the texts are larger than ``PROJECT_BACKUP`` bytes together
    :raises Conflict: if an object is damaged: a guess in its place would change runs
    """
    reader = _Reader(conn, actor)
    project = projects.get(conn, actor)
    stored_keys = reader.every(keys.ORDERS, keys.page)
    stored_groups = reader.every(environments.ORDERS, environments.page)
    stored_repositories = reader.every(repositories.ORDERS, repositories.page)
    stored_inventories = reader.every(inventories.ORDERS, inventories.page)
    stored_templates = reader.every(templates.ORDERS, templates.page)
    stored_views = [_intact(each) for each in views.list_views(conn, actor)]
    stored_schedules = schedules.listed(conn, actor, "UTC", commits=True)
    key = unique_names((each.id, each.name) for each in stored_keys)
    group = unique_names((each.id, each.name) for each in stored_groups)
    repository = unique_names((each.id, each.name) for each in stored_repositories)
    inventory = unique_names((each.id, each.name) for each in stored_inventories)
    template = unique_names((each.id, each.name) for each in stored_templates)
    view = unique_names((each.id, each.title) for each in stored_views)
    return ProjectBackup(
        meta=MetaInBackup(
            name=project.name,
            alert=project.alert,
            alert_chat=project.alert_chat,
            max_parallel_tasks=project.max_parallel_tasks,
            type=project.type,
        ),
        keys=_sorted(
            KeyInBackup(name=key[each.id], type=each.type) for each in stored_keys
        ),
        environments=_sorted(
            EnvironmentInBackup(
                name=group[each.id],
                json=each.json,
                env=each.env,
                secrets=_secrets(conn, actor, each.id),
            )
            for each in stored_groups
        ),
        repositories=_sorted(
            RepositoryInBackup(
                name=repository[each.id],
                git_url=each.git_url,
                git_branch=each.git_branch,
                ssh_key=key.get(each.ssh_key_id),
                client_certificate=_link(key, each.client_certificate_id or None),
            )
            for each in stored_repositories
        ),
        inventories=_sorted(
            InventoryInBackup(
                name=inventory[each.id],
                type=each.type,
                inventory=each.inventory,
                ssh_key=_link(key, each.ssh_key_id),
                become_key=_link(key, each.become_key_id),
                repository=_link(repository, each.repository_id),
                template=_link(template, each.holder_id),
            )
            for each in stored_inventories
        ),
        views=tuple(
            replace(
                msgspec.convert(each, ViewInBackup, from_attributes=True),
                title=view[each.id],
            )
            for each in stored_views
        ),
        templates=_sorted(
            replace(
                _template(each),
                name=template[each.id],
                repository=repository[each.repository_id],
                inventory=_link(inventory, each.inventory_id),
                environment=_link(group, each.environment_id),
                environments=tuple(group[number] for number in each.environment_ids),
                view=_link(view, each.view_id),
                build_template=_link(template, each.build_template_id),
                vaults=tuple(
                    VaultInBackup(
                        name=vault.name,
                        type=vault.type,
                        vault_key=_link(key, vault.vault_key_id),
                        script=vault.script,
                    )
                    for vault in each.vaults or ()
                ),
            )
            for each in stored_templates
        ),
        schedules=_sorted(
            ScheduleInBackup(
                name=each.name,
                template=template[each.template_id],
                cron_format=each.cron_format,
                timezone=each.timezone,
                active=each.active,
                checkable_repository=_link(repository, each.repository_id),
                type=each.type,
                run_at=each.run_at,
                delete_after_run=each.delete_after_run,
                catch_up=each.catch_up,
                overrun=each.overrun,
                task_params=_task(each, inventory),
            )
            for each in map(_intact, stored_schedules)
        ),
        integrations=_sorted(
            IntegrationInBackup(
                name=each.name,
                template=template[each.template_id],
                auth_method=each.auth_method,
                auth_secret=_link(key, each.auth_secret_id),
                auth_header=each.auth_header,
                auth_algorithm=each.auth_algorithm or "",
                auth_prefix=each.auth_prefix or "",
                searchable=each.searchable,
                keep_bodies=bool(each.keep_bodies),
                task_params=_task(each, inventory),
                matchers=tuple(
                    _part(part, NewMatcher)
                    for part in parts.matchers(conn, actor, each.id)
                ),
                extract_values=tuple(
                    _part(part, NewValue) for part in parts.values(conn, actor, each.id)
                ),
                aliases=aliases.texts(conn, actor, each.id),
            )
            for each in reader.every(integrations.ORDERS, integrations.page)
        ),
        integration_aliases=aliases.texts(conn, actor, None),
    )


def _too_large() -> TooLarge:
    return TooLarge(
        f"The project's backup: larger than {limits.PROJECT_BACKUP >> 20} MiB; shorten "
        "its inventories or copy the whole database (semaphore backup)"
    )


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _without_nulls(each)
            for name, each in value.items()
            if each is not None
        }
    if isinstance(value, list | tuple):
        return [_without_nulls(each) for each in value]
    return value


def unique_names(named: Iterable[tuple[int, str]]) -> Names:
    """Return a unique name for each object, by id.

    The object with the lowest id keeps a name that is used several times.
    """
    names: dict[int, str] = {}
    rows = sorted(named)
    taken = {name for _, name in rows}
    used: set[str] = set()
    for number, name in rows:
        unique, count = name, 1
        while unique in used or (count > 1 and unique in taken):
            count += 1
            unique = f"{name[: limits.NAME - 8]} - {count}"
        used.add(unique)
        names[number] = unique
    return names


class _Reader:
    """Reads all objects of a project, as long as they fit into one backup."""

    def __init__(self, conn: Connection, actor: Actor) -> None:
        self._conn, self._actor = conn, actor
        self._size = 0

    def every(self, orders: Sorted, page: _Page[T]) -> list[T]:
        """Return the objects that *page* reads, in the order of their ids."""
        part = lists.select(self._conn, self._actor, orders, Wanted())
        left = sorted(part.ids)
        objects: list[T] = []
        while left:
            found, taken = page(self._conn, self._actor, left)
            left = left[taken:]
            self._size += sum(len(msgspec.json.encode(each)) for each in found)
            if self._size > limits.PROJECT_BACKUP:
                raise _too_large()
            objects.extend(map(_intact, found))
        return objects


def _secrets(
    conn: Connection, actor: Actor, number: EnvironmentId
) -> tuple[SecretInBackup, ...]:
    secrets = environments.get(conn, actor, number).secrets or ()
    named = (SecretInBackup(name=each.name, type=each.type) for each in secrets)
    return tuple(sorted(named, key=lambda each: (each.type, each.name)))


def _template(template: Template) -> TemplateInBackup:
    """Return the fields of *template* that are not links."""
    stored = msgspec.to_builtins(template)
    fields = {name: each for name in _PLAIN if (each := stored[name]) is not None}
    return msgspec.convert(fields, TemplateInBackup)


def _part(part: IntegrationMatcher | IntegrationValue, of: type[P]) -> P:
    """Return a part of an integration as one that is new."""
    plain = msgspec.to_builtins(_intact(part))
    del plain["integration_id"]
    return msgspec.convert(plain, of)


def _intact(stored: T) -> T:
    """Return *stored*; a damaged one would run something else after a restore.

    :raises Conflict: if it is damaged
    """
    if fault := getattr(stored, "fault", msgspec.UNSET):
        raise _damaged(stored, fault)
    return stored


def _damaged(stored: msgspec.Struct, fault: str) -> Conflict:
    called = getattr(stored, "name", "") or getattr(stored, "title", "")
    return Conflict(f"{quoted(called)} is damaged, so no backup is made: {fault}")


def _task(of: Schedule | Integration, inventory: Names) -> TaskInBackup | None:
    """Return the stored parameters of a task, with the name of their inventory.

    :raises Conflict: if they are damaged
    """
    if of.task_params is None:
        return None
    plain = {name: each for name, each in of.task_params.items() if name != _ID}
    try:
        settings = stored_settings(plain, TaskInBackup)
    except Invalid as error:
        raise _damaged(of, error.message) from None
    number = of.task_params.get(_ID)
    # without a name the restored task would run on the template's own hosts
    named = inventory.get(number, f"(deleted, id {number})") if number else None
    return replace(settings, inventory_name=named)


#: The inventory of a task, which is named in a backup.
_ID = "inventory_id"

#: Fields of a template that its backup has under the same name.
_PLAIN = (set(TemplateInBackup.__struct_fields__) & set(Template.__struct_fields__)) - {
    "name",
    "vaults",
}


def _link(names: Names, number: int | None) -> str | None:
    return None if number is None else names.get(number)


def _sorted(objects: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(objects, key=lambda each: str(getattr(each, "name", ""))))
