"""The workspaces of a template: inventories that belong to it, and its default.

A workspace belongs to the template that its ``holder_id`` names; the default is the
template's ``inventory_id``.
"""

from semaphore_twisted.model.errors import Conflict, Invalid
from semaphore_twisted.model.ids import InventoryId, TemplateId
from semaphore_twisted.model.inventories import (
    DEFAULT_WORKSPACE,
    WORKSPACE_OF_APP,
    WORKSPACES,
    Inventory,
)
from semaphore_twisted.model.limits import NAME
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects import inventories, templates
from semaphore_twisted.operations.projects.inventories import NewInventory
from semaphore_twisted.operations.projects.inventory_use import HELD, check_no_tasks
from semaphore_twisted.operations.projects.template_rules import NewTemplate
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory, template


def create_template(conn: Connection, actor: Actor, new: NewTemplate) -> Template:
    """Create a template; one of Terraform without inventory gets a workspace.

    The workspace is called after the template, as in Semaphore, and belongs to it.
    """
    number = templates.insert(conn, actor, new)
    kind = WORKSPACE_OF_APP.get(new.app)
    if kind is not None and not new.inventory_id:
        ending = f" - {DEFAULT_WORKSPACE}"
        made = inventories.create(
            conn,
            actor,
            NewInventory(
                name=new.name[: NAME - len(ending)] + ending,
                type=kind,
                inventory=DEFAULT_WORKSPACE,
                holder_id=number,
            ),
        )
        conn.update(template, number, inventory_id=made.id)
    return templates.get(conn, actor, number)


def attach(
    conn: Connection, actor: Actor, template_id: TemplateId, number: InventoryId
) -> None:
    """Make a workspace one of the template's."""
    found = _workspace(conn, actor, template_id, number)
    if found.holder_id not in {None, template_id}:
        raise Conflict(
            f"The workspace {quoted(found.name)} belongs to template"
            f" {found.holder_id}; detach it there first"
        )
    conn.update(inventory, number, holder_id=template_id)
    events.INVENTORY.record(conn, actor, number, found.name, "updated")


def detach(
    conn: Connection, actor: Actor, template_id: TemplateId, number: InventoryId
) -> None:
    """Make a workspace one that belongs to no template.

    :raises Conflict: if it belongs to another one, is the template's default, or a task
        uses it that has not ended
    """
    found = _workspace(conn, actor, template_id, number)
    if found.holder_id != template_id:
        raise Conflict(
            f"The workspace {quoted(found.name)} does not belong to this template"
        )
    if templates.get(conn, actor, template_id).inventory_id == number:
        raise Conflict(
            f"The workspace {quoted(found.name)} is the default of the template; make"
            " another one the default first"
        )
    check_no_tasks(conn, number, HELD)
    conn.update(inventory, number, holder_id=None)
    events.INVENTORY.record(conn, actor, number, found.name, "updated")


def set_default(
    conn: Connection, actor: Actor, template_id: TemplateId, number: InventoryId
) -> None:
    """Let the runs of a template use a workspace unless they ask for another one."""
    _workspace(conn, actor, template_id, number)
    conn.update(template, template_id, inventory_id=number)
    name = templates.get(conn, actor, template_id).name
    events.TEMPLATE.record(conn, actor, template_id, name, "updated")


def _workspace(
    conn: Connection, actor: Actor, template_id: TemplateId, number: InventoryId
) -> Inventory:
    """Return the workspace *number*, which suits the template.

    :raises NotFound: if the project does not have both
    :raises Invalid: if the inventory is no workspace of the template's app
    """
    app = templates.get(conn, actor, template_id).app
    found = inventories.get(conn, actor, number)
    wanted = WORKSPACE_OF_APP.get(app)
    if found.type not in WORKSPACES or found.type != wanted:
        accepted = f"expected {wanted}" if wanted else f"{app} has no workspaces"
        raise Invalid(
            f"The inventory {quoted(found.name)} is of the type {found.type};"
            f" {accepted}"
        )
    return found
