"""Operations on inventories."""

import posixpath
from collections.abc import Sequence

import msgspec

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.errors import Invalid, NotFound, at_field
from semaphore_twisted.model.expressions import check_plain
from semaphore_twisted.model.ids import InventoryId, KeyId, RepositoryId, TemplateId
from semaphore_twisted.model.inventories import WORKSPACES, Inventory, InventoryType
from semaphore_twisted.model.texts import LongText, Name, Unserved
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.inventory_rules import checked_text
from semaphore_twisted.operations.projects.inventory_use import (
    HELD,
    check_no_tasks,
    check_unused,
)
from semaphore_twisted.operations.projects.references import (
    References,
    check,
    check_name,
    check_text,
    id_or_none,
    named,
    project_of,
    refuse_if_used,
)
from semaphore_twisted.operations.vpn import inventory as vpn_inventory
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory
from semaphore_twisted.persistence.statements.projects import inventories as statements
from semaphore_twisted.persistence.statements.projects import keys as of_keys
from semaphore_twisted.persistence.statements.projects import (
    repositories as of_repositories,
)
from semaphore_twisted.persistence.statements.projects import templates as of_templates

_TYPES = frozenset(InventoryType)


class NewInventory(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes an inventory."""

    name: Name = ""
    type: Name = ""
    inventory: LongText = ""
    ssh_key_id: KeyId | None = None
    become_key_id: KeyId | None = None
    repository_id: RepositoryId | None = None
    holder_id: TemplateId | None = None
    template_id: TemplateId | None = None
    runner_tag: Unserved = None


#: The orders in which they are listed.
ORDERS = statements.ids


def page(
    conn: Connection, actor: Actor, numbers: Sequence[int]
) -> tuple[list[Inventory], int]:
    """Return the inventories of the first *numbers*, and how many were read."""
    return conn.batch(
        statements.by_id,
        Inventory,
        numbers,
        size=limits.BATCH,
        project_id=project_of(actor),
    )


def get(conn: Connection, actor: Actor, inventory_id: InventoryId) -> Inventory:
    """Return an inventory."""
    stored_inventory = conn.one(
        statements.by_id, Inventory, id=inventory_id, project_id=project_of(actor)
    )
    if stored_inventory is None:
        raise NotFound
    return stored_inventory


def references(conn: Connection, actor: Actor, inventory_id: InventoryId) -> References:
    """Return the objects that use an inventory."""
    get(conn, actor, inventory_id)
    project_id = project_of(actor)
    return References(
        templates=named(conn, statements.templates, project_id, inventory_id),
        integrations=named(conn, statements.integrations, project_id, inventory_id)
        or msgspec.UNSET,
        schedules=named(conn, statements.schedules, project_id, inventory_id),
    )


def create(
    conn: Connection, actor: Actor, new: NewInventory, *, restored: bool = False
) -> Inventory:
    """Create an inventory.

    One that is *restored* may be a file without a path, as Semaphore's can be; a task
    with it is refused.
    """
    if new.type not in _TYPES:
        raise Invalid("Not supported inventory type", field="type")
    values = _values(conn, actor, new, without_path=restored)
    number = conn.insert(inventory, project_id=project_of(actor), **values)
    events.INVENTORY.record(conn, actor, number, new.name, "created")
    return get(conn, actor, InventoryId(number))


def change(
    conn: Connection, actor: Actor, inventory_id: InventoryId, new: NewInventory
) -> None:
    """Replace an inventory.

    :raises Conflict: if its type, its name as a workspace or its template would change
        while a task uses it, or the first two while it has a state
    """
    stored = get(conn, actor, inventory_id)
    texts.check(new, stored)
    if new.type not in _TYPES:
        raise Invalid(f"unknown inventory type: {new.type[:50]}", field="type")
    values = _values(conn, actor, new)
    if new.type != stored.type:
        with at_field("type"):
            check_unused(conn, inventory_id, "The inventory cannot get another type")
    if stored.type in WORKSPACES and values["inventory"] != stored.inventory:
        with at_field("inventory"):
            check_unused(conn, inventory_id, "The workspace cannot be renamed")
    if stored.holder_id not in {None, values["holder_id"]}:
        with at_field("holder_id"):
            check_no_tasks(conn, inventory_id, HELD)
    conn.update(inventory, inventory_id, **values, checked=None)
    events.INVENTORY.record(conn, actor, inventory_id, new.name, "updated")


def delete(conn: Connection, actor: Actor, inventory_id: InventoryId) -> None:
    """Delete an unused inventory.

    :raises InUse: naming the objects that use it
    :raises Conflict: if a task that has not ended uses it, or if it has a state
    """
    stored_inventory = get(conn, actor, inventory_id)
    refuse_if_used(references(conn, actor, inventory_id), "Inventory")
    check_unused(conn, inventory_id, "The inventory cannot be deleted")
    conn.delete(inventory, inventory_id)
    events.INVENTORY.record(conn, actor, inventory_id, stored_inventory.name, "deleted")


def _check_path(path: str) -> None:
    """Refuse the path of a file that is not inside the repository."""
    normal = posixpath.normpath(path) if path else "."
    outside = normal.startswith(("/", "../", "-")) or normal in {".", ".."}
    if outside or path != path.strip() or "," in path:
        raise Invalid("Invalid inventory file pathname. Must be: path/to/inventory.")
    check_text(path, "inventory's path")
    check_plain(path, "inventory")


def _checked(new: NewInventory, *, without_path: bool) -> str:
    """Return the checked text of *new*; *without_path* the path of a file may lack."""
    if new.type == InventoryType.FILE and (new.inventory or not without_path):
        _check_path(new.inventory)
    if new.type == InventoryType.VPN:
        vpn_inventory.parse(new.inventory)
    if "\0" in new.inventory:
        raise Invalid("The inventory has a NUL character")
    return checked_text(new.type, new.inventory)


def _values(
    conn: Connection, actor: Actor, new: NewInventory, *, without_path: bool = False
) -> dict[str, object]:
    check_name(new.name, "Inventory name can not be empty")
    with at_field("inventory"):
        text = _checked(new, without_path=without_path)
    values = {
        "ssh_key_id": id_or_none(new.ssh_key_id),
        "become_key_id": id_or_none(new.become_key_id),
        "repository_id": id_or_none(new.repository_id),
        "holder_id": id_or_none(new.holder_id) or id_or_none(new.template_id),
    }
    for field, statement in (
        ("ssh_key_id", of_keys.type_of),
        ("become_key_id", of_keys.type_of),
        ("repository_id", of_repositories.by_id),
        ("holder_id", of_templates.type_of),
    ):
        check(
            conn,
            statement,
            project_id=project_of(actor),
            number=values[field],
            field=field,
        )
    return {
        **values,
        "name": new.name,
        "type": new.type,
        "inventory": text,
    }
