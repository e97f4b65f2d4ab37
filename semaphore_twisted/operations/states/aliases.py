"""The aliases of a workspace's state: addresses that Terraform reads and writes.

The project's aliases have an access key with login and password. A task has an alias
of its own with a random password; both end with the task.
"""

import base64

import msgspec
from attrs import frozen
from typing_extensions import override

from semaphore_twisted.crypto import tokens
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound
from semaphore_twisted.model.ids import AliasId, InventoryId, KeyId, ProjectId, TaskId
from semaphore_twisted.model.inventories import WORKSPACES, Inventory
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.states import BACKEND, NewStateAlias, StateAlias
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import inventories
from semaphore_twisted.operations.projects.references import check, project_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.state_tables import state_alias
from semaphore_twisted.persistence.statements.projects import keys as of_keys
from semaphore_twisted.persistence.statements.projects import states as statements
from semaphore_twisted.persistence.statements.projects import workspaces

#: Bytes of randomness of an alias: 32 characters, as in Semaphore.
_BYTES = 20

#: Characters of an alias in an event.
_SHOWN = 4


class _Alias(msgspec.Struct, frozen=True, kw_only=True):
    id: AliasId
    alias: str
    auth_key_id: KeyId


class _OfTask(msgspec.Struct, frozen=True, kw_only=True):
    project_id: ProjectId
    inventory_id: InventoryId


@frozen
class TaskAlias:
    """The alias of a task, with its password."""

    alias: str
    password: str

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


def workspace(conn: Connection, actor: Actor, inventory_id: InventoryId) -> Inventory:
    """Return the inventory of a workspace.

    :raises NotFound: if there is no such inventory, or it is no workspace
    """
    found = inventories.get(conn, actor, inventory_id)
    if found.type not in WORKSPACES:
        raise NotFound
    return found


def listed(
    conn: Connection, actor: Actor, inventory_id: InventoryId, *, site: str
) -> list[StateAlias]:
    """Return the aliases of a workspace; *site* is the site's URL."""
    return [_shown(each, site) for each in _rows(conn, actor, inventory_id)]


def get(
    conn: Connection,
    actor: Actor,
    inventory_id: InventoryId,
    alias_id: AliasId,
    *,
    site: str,
) -> StateAlias:
    """Return an alias of a workspace."""
    return _shown(_row(conn, actor, inventory_id, alias_id), site)


def create(
    conn: Connection,
    actor: Actor,
    inventory_id: InventoryId,
    new: NewStateAlias,
    *,
    site: str,
) -> StateAlias:
    """Create an alias of a workspace.

    :raises Conflict: if the workspace has too many
    :raises Invalid: if the access key has no login and password
    """
    rows = _rows(conn, actor, inventory_id)
    if len(rows) >= limits.STATE_ALIASES:
        raise Conflict(
            f"The workspace has {len(rows)} aliases, and may not have more; delete one"
        )
    key_id = _key(conn, actor, new)
    alias = _random(conn, _BYTES)
    number = conn.insert(
        state_alias,
        project_id=project_of(actor),
        inventory_id=inventory_id,
        alias=alias,
        auth_key_id=key_id,
    )
    _record(conn, actor, inventory_id, alias, "added")
    return get(conn, actor, inventory_id, AliasId(number), site=site)


def change(
    conn: Connection,
    actor: Actor,
    inventory_id: InventoryId,
    alias_id: AliasId,
    new: NewStateAlias,
) -> None:
    """Protect an alias with another access key."""
    row = _row(conn, actor, inventory_id, alias_id)
    conn.update(state_alias, alias_id, auth_key_id=_key(conn, actor, new))
    _record(conn, actor, inventory_id, row.alias, "changed")


def delete(
    conn: Connection, actor: Actor, inventory_id: InventoryId, alias_id: AliasId
) -> None:
    """Delete an alias; clients that use it are refused from then on."""
    row = _row(conn, actor, inventory_id, alias_id)
    conn.delete(state_alias, alias_id)
    _record(conn, actor, inventory_id, row.alias, "removed")


def create_for_task(
    conn: Connection,
    *,
    project_id: ProjectId,
    inventory_id: InventoryId,
    task_id: TaskId,
) -> TaskAlias:
    """Create the alias of a task, instead of an earlier one."""
    conn.run(workspaces.delete_aliases_of_task, task_id=task_id)
    return _for_task(conn, project_id, inventory_id, task_id)


def create_again(conn: Connection, task_id: TaskId) -> TaskAlias | None:
    """Create one more alias of a task, whose earlier ones remain.

    Return ``None`` if it has none, since the server does not keep its state.
    """
    found = conn.one(statements.of_task, _OfTask, task_id=task_id)
    if found is None:
        return None
    return _for_task(conn, found.project_id, found.inventory_id, task_id)


def _for_task(
    conn: Connection,
    project_id: ProjectId,
    inventory_id: InventoryId,
    task_id: TaskId,
) -> TaskAlias:
    alias, password = _random(conn, _BYTES), tokens.new_session_id(conn.entropy)
    conn.insert(
        state_alias,
        project_id=project_id,
        inventory_id=inventory_id,
        alias=alias,
        task_id=task_id,
        digest=tokens.digest(password),
    )
    return TaskAlias(alias, password)


def _rows(conn: Connection, actor: Actor, inventory_id: InventoryId) -> list[_Alias]:
    workspace(conn, actor, inventory_id)
    return conn.all(
        statements.aliases,
        _Alias,
        project_id=project_of(actor),
        inventory_id=inventory_id,
    )


def _row(
    conn: Connection, actor: Actor, inventory_id: InventoryId, alias_id: AliasId
) -> _Alias:
    for each in _rows(conn, actor, inventory_id):
        if each.id == alias_id:
            return each
    raise NotFound


def _shown(row: _Alias, site: str) -> StateAlias:
    return StateAlias(
        id=row.id, url=site + BACKEND + row.alias, auth_key_id=row.auth_key_id
    )


def _key(conn: Connection, actor: Actor, new: NewStateAlias) -> int:
    if not new.auth_key_id:
        raise Invalid(
            "auth_key_id: a value is missing; expected an access key with login and"
            " password, which Terraform sends"
        )
    kind = check(
        conn,
        of_keys.type_of,
        project_id=project_of(actor),
        number=new.auth_key_id,
        field="auth_key_id",
    )
    if kind != KeyType.LOGIN_PASSWORD:
        raise Invalid(
            f"auth_key_id: the key {new.auth_key_id} is of the type {kind}; expected"
            f" {KeyType.LOGIN_PASSWORD}"
        )
    return int(new.auth_key_id)


def _record(
    conn: Connection, actor: Actor, inventory_id: InventoryId, alias: str, what: str
) -> None:
    name = workspace(conn, actor, inventory_id).name
    events.INVENTORY.record(
        conn,
        actor,
        inventory_id,
        name,
        f"updated: alias {alias[:_SHOWN]}… of the state {what}",
    )


def _random(conn: Connection, count: int) -> str:
    return base64.b32encode(conn.entropy(count)).decode("ascii").lower()
