"""Statements about inventories."""

from sqlalchemy import Select, Table, bindparam, case, func, select

from semaphore_twisted.persistence.integration_tables import integration
from semaphore_twisted.persistence.schema import inventory, schedule, template
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

#: Its type.
type_of = select(_c.type).where(
    _c.project_id == bindparam("project_id"), _c.id == bindparam("id")
)

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


def _with_parameter(table: Table) -> Select[tuple[int, str]]:
    """Return the rows of *table* whose ``task_params`` name the inventory."""
    params = table.c.task_params
    number = func.json_extract(params, "$.inventory_id")
    return (
        select(table.c.id, table.c.name)
        .where(
            table.c.project_id == bindparam("project_id"),
            # damaged JSON would be an error of the whole statement
            case((func.json_valid(params) == 1, number)) == bindparam("id"),
        )
        .order_by(table.c.id)
    )


#: The schedules and the integrations whose tasks run on the inventory.
schedules = _with_parameter(schedule)
integrations = _with_parameter(integration)
