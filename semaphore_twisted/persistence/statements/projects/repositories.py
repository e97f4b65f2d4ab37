"""Statements about repositories."""

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import inventory, repository, template
from semaphore_twisted.persistence.statements.sorting import sorted_by

_c = repository.c

_shown = select(
    _c.id,
    _c.name,
    _c.project_id,
    _c.git_url,
    _c.git_branch,
    _c.ssh_key_id,
    _c.client_certificate_id,
).where(_c.project_id == bindparam("project_id"))

#: A repository of a project by its id.
by_id = _shown.where(_c.id == bindparam("id"))

#: The URLs of all repositories.
addresses = select(_c.id, _c.git_url, _c.project_id)

#: The ids of the repositories of a project.
ids = sorted_by(
    select(_c.id).where(_c.project_id == bindparam("project_id")),
    {"name": _c.name, "git_url": _c.git_url},
    _c.id,
    searched=(_c.name, _c.git_url, _c.git_branch),
)

templates = (
    select(template.c.id, template.c.name)
    .where(
        template.c.project_id == bindparam("project_id"),
        template.c.repository_id == bindparam("id"),
    )
    .order_by(template.c.id)
)

inventories = (
    select(inventory.c.id, inventory.c.name)
    .where(
        inventory.c.project_id == bindparam("project_id"),
        inventory.c.repository_id == bindparam("id"),
    )
    .order_by(inventory.c.id)
)
