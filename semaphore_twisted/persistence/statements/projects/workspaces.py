"""Statements about workspaces that every server needs, with or without states."""

from sqlalchemy import bindparam, delete, func, select

from semaphore_twisted.persistence.state_tables import state, state_alias, state_lock

#: How many versions of its state a workspace has.
count_states = select(func.count()).where(
    state.c.inventory_id == bindparam("inventory_id")
)

#: How many aliases of its state it has, without those of tasks.
count_aliases = select(func.count()).where(
    state_alias.c.inventory_id == bindparam("inventory_id"),
    state_alias.c.task_id.is_(None),
)

#: Who has locked its state.
lock = select(
    state_lock.c.lock_id,
    func.coalesce(func.json_extract(state_lock.c.info, "$.Who"), "").label("who"),
).where(state_lock.c.inventory_id == bindparam("inventory_id"))

delete_aliases_of_task = delete(state_alias).where(
    state_alias.c.task_id == bindparam("task_id")
)
delete_locks_of_task = delete(state_lock).where(
    state_lock.c.task_id == bindparam("task_id")
)
