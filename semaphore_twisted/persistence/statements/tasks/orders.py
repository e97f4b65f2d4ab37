"""Statements for the data of a job: template, keys, sources and variables."""

from sqlalchemy import ColumnElement, Table, and_, bindparam, func, select, update

from semaphore_twisted.persistence.schema import (
    access_key,
    environment,
    inventory,
    project,
    repository,
    user,
)


def _in_project(table: Table) -> ColumnElement[bool]:
    """Return the condition for one row of *table*, which must be in the project."""
    return and_(
        table.c.id == bindparam("id"), table.c.project_id == bindparam("project_id")
    )


_key = select(
    access_key.c.id,
    access_key.c.uuid,
    access_key.c.name,
    access_key.c.type,
    access_key.c.project_id,
    project.c.uuid.label("project_uuid"),
    access_key.c.environment_id,
    access_key.c.owner,
    access_key.c.secret,
).join(project, project.c.id == access_key.c.project_id)

#: An access key of a project as it is stored.
key = _key.where(_in_project(access_key))

#: Records that a job received access keys; *keys* is a JSON list of their ids.
keys_used = (
    update(access_key)
    .where(
        access_key.c.id.in_(
            select(func.json_each(bindparam("keys")).table_valued("value").c.value)
        )
    )
    .values(last_used=bindparam("now"), last_used_by=bindparam("use"))
)

#: The secret variables of a variable group.
secrets_of_environment = _key.where(
    access_key.c.environment_id == bindparam("environment_id")
).order_by(access_key.c.id)

repository_by_id = select(
    repository.c.id,
    repository.c.name,
    repository.c.project_id,
    repository.c.git_url,
    repository.c.git_branch,
    repository.c.ssh_key_id,
    repository.c.client_certificate_id,
).where(_in_project(repository))

inventory_by_id = select(
    inventory.c.id,
    inventory.c.name,
    inventory.c.project_id,
    inventory.c.inventory,
    inventory.c.ssh_key_id,
    inventory.c.become_key_id,
    inventory.c.type,
    inventory.c.holder_id,
    inventory.c.repository_id,
).where(_in_project(inventory))

environment_by_id = select(
    environment.c.id,
    environment.c.name,
    environment.c.project_id,
    environment.c.json,
    environment.c.env,
).where(_in_project(environment))

username = select(user.c.username).where(user.c.id == bindparam("id"))
