"""Statements about access keys; they include the secrets of variable groups."""

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    func,
    or_,
    select,
    union,
)

from semaphore_twisted.persistence.integration_tables import integration
from semaphore_twisted.persistence.schema import (
    access_key,
    environment,
    inventory,
    project,
    repository,
    template,
    template_vault,
)
from semaphore_twisted.persistence.state_tables import state_alias
from semaphore_twisted.persistence.statements.sorting import sorted_by

_c = access_key.c

_shown = select(
    _c.id,
    _c.name,
    _c.type,
    _c.project_id,
    _c.secret.is_not(None).label("sealed"),
).where(_c.project_id == bindparam("project_id"), _c.environment_id.is_(None))

#: A key of a project by its id.
by_id = _shown.where(_c.id == bindparam("id"))

#: The ids of the keys of a project.
ids = sorted_by(
    select(_c.id).where(
        _c.project_id == bindparam("project_id"), _c.environment_id.is_(None)
    ),
    {"name": _c.name, "type": _c.type},
    _c.id,
    searched=(_c.name, _c.type),
)

type_of = select(_c.type).where(
    _c.project_id == bindparam("project_id"),
    _c.environment_id.is_(None),
    _c.id == bindparam("id"),
)

#: UUIDs of the row and of its project; a sealed value is bound to them.
row_uuid = select(_c.uuid).where(_c.id == bindparam("id"))
project_uuid = select(project.c.uuid).where(project.c.id == bindparam("id"))

#: What is known about a key besides its content.
facts = select(_c.changed, _c.last_used, _c.last_used_by, _c.public_key).where(
    _c.id == bindparam("id")
)

_template = select(template.c.id, template.c.name).where(
    template.c.project_id == bindparam("project_id")
)

#: Templates that use the key as a vault password.
templates = (
    _template.where(
        template.c.id.in_(
            select(template_vault.c.template_id).where(
                template_vault.c.vault_key_id == bindparam("id")
            )
        )
    )
).order_by(template.c.id)

repositories = (
    select(repository.c.id, repository.c.name)
    .where(
        repository.c.project_id == bindparam("project_id"),
        or_(
            repository.c.ssh_key_id == bindparam("id"),
            repository.c.client_certificate_id == bindparam("id"),
        ),
    )
    .order_by(repository.c.id)
)

_inventory = select(inventory.c.id, inventory.c.name).where(
    inventory.c.project_id == bindparam("project_id")
)

inventories = union(
    _inventory.where(inventory.c.ssh_key_id == bindparam("id")),
    _inventory.where(inventory.c.become_key_id == bindparam("id")),
    _inventory.where(
        inventory.c.id.in_(
            select(state_alias.c.inventory_id).where(
                state_alias.c.auth_key_id == bindparam("id")
            )
        )
    ),
)


#: How many aliases of states a key protects.
count_aliases = select(func.count()).where(state_alias.c.auth_key_id == bindparam("id"))


def _templates_of(
    table: Table, reference: ColumnElement[int], *uses: ColumnElement[int]
) -> Select[tuple[int, int, str]]:
    """Return the templates whose *reference* is a row of *table* that uses the key.

    ``through`` is the row's id.
    """
    using = select(table.c.id).where(or_(*(each == bindparam("id") for each in uses)))
    return (
        select(reference.label("through"), template.c.id, template.c.name)
        .where(template.c.project_id == bindparam("project_id"), reference.in_(using))
        .order_by(template.c.id)
    )


templates_of_inventories = _templates_of(
    inventory,
    template.c.inventory_id,
    inventory.c.ssh_key_id,
    inventory.c.become_key_id,
)

templates_of_repositories = _templates_of(
    repository,
    template.c.repository_id,
    repository.c.ssh_key_id,
    repository.c.client_certificate_id,
)


def _users(
    column: ColumnElement[int], *uses: ColumnElement[bool]
) -> ColumnElement[int]:
    """Return how many different values of *column* one of *uses* selects."""
    return (
        select(func.count(column.distinct()))
        .where(or_(*uses))
        .correlate(access_key)
        .scalar_subquery()
    )


#: What is known about each key of a project, and how many objects use it.
overview = (
    select(
        _c.id,
        _c.public_key,
        _c.changed,
        _c.last_used,
        _c.last_used_by,
        _users(
            template_vault.c.template_id, template_vault.c.vault_key_id == _c.id
        ).label("templates"),
        _users(
            inventory.c.id,
            inventory.c.ssh_key_id == _c.id,
            inventory.c.become_key_id == _c.id,
            inventory.c.id.in_(
                select(state_alias.c.inventory_id)
                .where(state_alias.c.auth_key_id == _c.id)
                .correlate(access_key)
            ),
        ).label("inventories"),
        _users(
            repository.c.id,
            repository.c.ssh_key_id == _c.id,
            repository.c.client_certificate_id == _c.id,
        ).label("repositories"),
        _users(integration.c.id, integration.c.auth_secret_id == _c.id).label(
            "integrations"
        ),
    )
    .where(_c.project_id == bindparam("project_id"), _c.environment_id.is_(None))
    .order_by(_c.id)
    .limit(bindparam("most"))
)

#: The secrets of a variable group.
of_environment = (
    select(_c.id, _c.name, _c.owner.label("type"))
    .join(environment, environment.c.id == _c.environment_id)
    .where(
        _c.environment_id == bindparam("environment_id"),
        environment.c.project_id == bindparam("project_id"),
    )
    .order_by(_c.id)
)
