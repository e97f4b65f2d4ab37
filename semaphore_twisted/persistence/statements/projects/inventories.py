"""Statements about inventories."""

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import inventory, template
from semaphore_twisted.persistence.statements.sorting import sorted_by

_c = inventory.c

_shown = select(
    _c.id,
    _c.name,
    _c.project_id,
    _c.inventory,
    _c.ssh_key_id,
    _c.become_key_id,
    _c.type,
    _c.holder_id,
    _c.repository_id,
).where(_c.project_id == bindparam("project_id"))

#: An inventory of a project by its id.
by_id = _shown.where(_c.id == bindparam("id"))

#: The ids of the inventories of a project.
ids = sorted_by(
    select(_c.id).where(_c.project_id == bindparam("project_id")),
    {"name": _c.name, "type": _c.type},
    _c.id,
    searched=(_c.name, _c.type),
)

templates = (
    select(template.c.id, template.c.name)
    .where(
        template.c.project_id == bindparam("project_id"),
        template.c.inventory_id == bindparam("id"),
    )
    .order_by(template.c.id)
)
