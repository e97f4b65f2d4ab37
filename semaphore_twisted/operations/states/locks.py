"""The locks of states: at most one for each workspace."""

from datetime import datetime

import msgspec

from semaphore_twisted.model.errors import Conflict, NotFound
from semaphore_twisted.model.ids import InventoryId, TaskId
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.state_files import Locked, LockInfo, StateAccess
from semaphore_twisted.model.states import StateLock
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.states import access as of_access
from semaphore_twisted.operations.states.aliases import workspace
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.state_tables import state_lock
from semaphore_twisted.persistence.statements.projects import states as statements


class LockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A lock as it is stored; *info* is its client's own description."""

    lock_id: str
    info: str
    created: datetime
    task_id: TaskId | None

    @property
    def lock(self) -> LockInfo:
        """The description by the client."""
        return msgspec.json.decode(self.info, type=LockInfo)


def current(conn: Connection, inventory_id: InventoryId) -> LockRow | None:
    """Return the lock of a workspace, if it is locked."""
    return conn.one(statements.lock, LockRow, inventory_id=inventory_id)


def lock(conn: Connection, alias: str, access: StateAccess, wanted: LockInfo) -> None:
    """Lock the state; a lock that the client has already is no error.

    :raises Locked: if another client has locked it
    """
    of_access.again(conn, alias, access)
    held = current(conn, access.inventory_id)
    if held is not None:
        if held.lock_id != wanted.id:
            raise Locked(held.lock)
        return
    conn.insert(
        state_lock,
        inventory_id=access.inventory_id,
        lock_id=wanted.id,
        info=msgspec.json.encode(wanted).decode(),
        created=conn.now,
        task_id=access.task_id,
    )


def unlock(conn: Connection, alias: str, access: StateAccess, held: LockInfo) -> None:
    """Remove a lock; without one there is nothing to do.

    :raises Conflict: if the lock is another one
    """
    of_access.again(conn, alias, access)
    row = current(conn, access.inventory_id)
    if row is None:
        return
    if row.lock_id != held.id:
        raise Conflict(f"The state has another lock: {Locked(row.lock).message}")
    conn.delete(state_lock, access.inventory_id)


def listed(
    conn: Connection, actor: Actor, inventory_id: InventoryId
) -> list[StateLock]:
    """Return the lock of a workspace's state, or none."""
    workspace(conn, actor, inventory_id)
    row = current(conn, inventory_id)
    if row is None:
        return []
    lock = StateLock(
        lock_id=row.lock_id,
        who=row.lock.who,
        operation=row.lock.operation,
        created=row.created,
        task_id=row.task_id,
    )
    return [lock]


def force_unlock(
    conn: Connection, actor: Actor, inventory_id: InventoryId, *, lock_id: str
) -> None:
    """Remove the lock *lock_id* that another client has, and record it.

    :raises NotFound: if the state is not locked
    :raises Conflict: if the lock is another one by now
    """
    held = next(iter(listed(conn, actor, inventory_id)), None)
    if held is None:
        raise NotFound
    if held.lock_id != lock_id:
        raise Conflict(
            f"lock_id: the lock is {quoted(held.lock_id)} by now; read it again"
        )
    conn.delete(state_lock, inventory_id)
    name = workspace(conn, actor, inventory_id).name
    events.INVENTORY.record(
        conn,
        actor,
        inventory_id,
        name,
        f"updated: lock of the state, held by {quoted(held.who)}, removed by force",
    )


def check_unlocked(conn: Connection, inventory_id: InventoryId) -> None:
    """Refuse a change of a locked state.

    :raises Conflict: naming who has locked it
    """
    held = current(conn, inventory_id)
    if held is not None:
        raise Conflict(Locked(held.lock).message)
