"""Statements about environments; their secrets are in ``statements.keys``."""

from sqlalchemy import bindparam, or_, select

from semaphore_twisted.persistence.schema import (
    environment,
    template,
    template_environment,
)
from semaphore_twisted.persistence.statements.sorting import sorted_by

_c = environment.c

_shown = select(_c.id, _c.name, _c.project_id, _c.json, _c.env).where(
    _c.project_id == bindparam("project_id")
)

#: An environment of a project by its id.
by_id = _shown.where(_c.id == bindparam("id"))

#: The ids of the environments of a project.
ids = sorted_by(
    select(_c.id).where(_c.project_id == bindparam("project_id")),
    {"name": _c.name},
    _c.id,
    searched=(_c.name,),
)

templates = (
    select(template.c.id, template.c.name)
    .where(
        template.c.project_id == bindparam("project_id"),
        or_(
            template.c.environment_id == bindparam("id"),
            template.c.id.in_(
                select(template_environment.c.template_id).where(
                    template_environment.c.environment_id == bindparam("id")
                )
            ),
        ),
    )
    .order_by(template.c.id)
)
