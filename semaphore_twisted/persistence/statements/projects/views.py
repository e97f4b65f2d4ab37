"""Statements about views of projects."""

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import view

_SHOWN = (
    view.c.id,
    view.c.project_id,
    view.c.title,
    view.c.position,
    view.c.hidden,
    view.c.type,
    view.c.sort_column,
    view.c.sort_reverse,
)

of_project = (
    select(*_SHOWN)
    .where(view.c.project_id == bindparam("project_id"))
    .order_by(view.c.position, view.c.id)
)

by_id = select(*_SHOWN).where(
    view.c.project_id == bindparam("project_id"), view.c.id == bindparam("view_id")
)
