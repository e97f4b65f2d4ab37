"""Statements about Terraform's states, their aliases and locks."""

from sqlalchemy import and_, bindparam, func, literal, or_, select

from semaphore_twisted.persistence.schema import access_key, project, task
from semaphore_twisted.persistence.state_tables import state, state_alias, state_lock

_a, _s, _l = state_alias.c, state.c, state_lock.c

_inventory = _s.inventory_id == bindparam("inventory_id")

#: What an alias leads to, and what its password is compared with; that of a task only
#: until the task has ended.
access = (
    select(
        _a.id,
        _a.project_id,
        project.c.uuid.label("project_uuid"),
        _a.inventory_id,
        _a.task_id,
        _a.digest,
        _a.auth_key_id.label("key_id"),
        access_key.c.secret.label("sealed"),
    )
    .join_from(state_alias, project, project.c.id == _a.project_id)
    .outerjoin(access_key, access_key.c.id == _a.auth_key_id)
    .outerjoin(task, task.c.id == _a.task_id)
    .where(
        _a.alias == bindparam("alias"),
        or_(
            _a.task_id.is_(None),
            and_(*(task.c.status != each for each in ("success", "error", "stopped"))),
        ),
    )
)

#: The access key of an alias, as it is stored.
key = select(
    access_key.c.id,
    access_key.c.uuid,
    access_key.c.name,
    access_key.c.type,
    access_key.c.project_id,
    project.c.uuid.label("project_uuid"),
    access_key.c.environment_id,
    literal("").label("owner"),
    access_key.c.secret,
).where(
    access_key.c.id == bindparam("id"),
    access_key.c.project_id == project.c.id,
    project.c.id == bindparam("project_id"),
)

#: The aliases of a workspace that outlive a task.
aliases = (
    select(_a.id, _a.alias, _a.auth_key_id)
    .where(
        _a.project_id == bindparam("project_id"),
        _a.inventory_id == bindparam("inventory_id"),
        _a.task_id.is_(None),
    )
    .order_by(_a.id)
)

#: The workspace to which an alias of a task leads.
of_task = (
    select(_a.project_id, _a.inventory_id)
    .where(_a.task_id == bindparam("task_id"))
    .limit(1)
)


_shown = select(
    _s.id,
    _s.project_id,
    _s.inventory_id,
    _s.created,
    _s.task_id,
    _s.user_id,
    _s.author,
    _s.serial,
    _s.lineage,
    _s.terraform_version,
    _s.size,
    _s.resources,
    _s.outputs,
    _s.restored_from,
    _s.rescued,
)

#: The versions of a workspace's state, newest first, without the content.
versions = _shown.where(_inventory).order_by(_s.id.desc())

#: The present version, and one by its id, without the content.
latest = versions.where(_s.rescued == 0).limit(1)
by_id = _shown.where(_inventory, _s.id == bindparam("id"))

#: The versions that were rescued from a task.
rescued = select(_s.id, _s.serial, _s.lineage).where(
    _inventory, _s.rescued == 1, _s.task_id == bindparam("task_id")
)

#: The encrypted content of a version.
sealed = select(
    _s.id,
    _s.uuid,
    project.c.uuid.label("project_uuid"),
    _s.serial,
    _s.size,
    _s.secret,
    _s.content,
).where(_inventory, _s.id == bindparam("id"), _s.project_id == project.c.id)

#: Ids and stored sizes of the versions, newest first.
sizes = (
    select(_s.id, func.length(_s.content).label("stored"))
    .where(_inventory)
    .order_by(_s.id.desc())
)

#: The lock of a workspace's state.
lock = select(_l.lock_id, _l.info, _l.created, _l.task_id).where(
    _l.inventory_id == bindparam("inventory_id")
)
