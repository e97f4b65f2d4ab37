"""Statements about the inventories of tasks."""

from sqlalchemy import ColumnElement, bindparam, func, select, update

from semaphore_twisted.persistence.schema import task, template


def inventory_of(
    stored: ColumnElement[int], own: ColumnElement[int]
) -> ColumnElement[int]:
    """Return the inventory of a task; ``NULL`` for none.

    It is the task's ``used_inventory_id`` (*stored*), where 0 is none. A task of an
    older release may have ``NULL`` there: then it is its ``inventory_id`` (*own*), else
    that of its template, which the statement has to join.
    """
    return func.nullif(func.coalesce(stored, own, template.c.inventory_id), 0)


#: The inventory of a task whose template is joined.
of_task = inventory_of(task.c.used_inventory_id, task.c.inventory_id)

#: Stores the inventory of a task that has none stored, as an older release left it.
fix = (
    update(task)
    .where(task.c.id == bindparam("task_id"), task.c.used_inventory_id.is_(None))
    .values(
        used_inventory_id=func.coalesce(
            task.c.inventory_id,
            select(template.c.inventory_id)
            .where(template.c.id == task.c.template_id)
            .scalar_subquery(),
            0,
        )
    )
)
