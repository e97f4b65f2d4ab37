"""Statements about apps, and about the templates that use them."""

from sqlalchemy import bindparam, func, select

from semaphore_twisted.persistence.schema import template
from semaphore_twisted.persistence.template_tables import app

_c = app.c
_SHOWN = (
    *(_c.id, _c.active, _c.priority, _c.title, _c.icon, _c.color, _c.dark_color),
    *(_c.path, _c.args),
)

every = select(*_SHOWN).order_by(_c.id)

number = select(func.count()).select_from(app)

#: How many templates of all projects use each app.
templates = select(template.c.app, func.count().label("count")).group_by(template.c.app)

templates_of = (
    select(func.count()).select_from(template).where(template.c.app == bindparam("of"))
)
