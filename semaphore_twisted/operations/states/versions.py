"""The versions of a workspace's state: stored by Terraform, kept as a history.

A content is compressed and encrypted (``crypto.sealed_content``), its description is
beside it. The newest version that was not rescued is the present
state.
"""

from collections.abc import Callable

import msgspec
from attrs import frozen
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import (
    Conflict,
    NotFound,
)
from semaphore_twisted.model.ids import InventoryId, StateId, TaskId, UserId
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.state_files import (
    Locked,
    StateAccess,
    StateHead,
    with_serial,
)
from semaphore_twisted.model.states import StateVersion
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.inventory_use import check_no_tasks
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.states import access as of_access
from semaphore_twisted.operations.states import locks
from semaphore_twisted.operations.states.aliases import workspace
from semaphore_twisted.operations.states.contents import (
    SealedState,
    StoredState,
    opened,
    sealed,
)
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.state_tables import state
from semaphore_twisted.persistence.statements.projects import keys as of_keys
from semaphore_twisted.persistence.statements.projects import states as statements
from semaphore_twisted.persistence.statements.projects import workspaces


@frozen
class OldState:
    """The content of an old version, and the place of the one that repeats it.

    *newest* is the present version, *serial* that of the next one.
    """

    content: bytes
    newest: StateId
    serial: int
    project_uuid: str

    @override
    def __repr__(self) -> str:
        """Show no content."""
        return redacted(self, "newest", "serial")


class _Rescued(msgspec.Struct, frozen=True, kw_only=True):
    id: StateId
    serial: int
    lineage: str


class _Size(msgspec.Struct, frozen=True, kw_only=True):
    id: StateId
    stored: int


def read(
    conn: Connection, keyring: Keyring, alias: str, access: StateAccess
) -> bytes | None:
    """Return the present state of a workspace, or ``None`` if there is none."""
    of_access.again(conn, alias, access)
    newest = _latest(conn, access.inventory_id)
    if newest is None:
        return None
    return _opened(conn, keyring, access.inventory_id, newest.id)


def write(
    conn: Connection,
    alias: str,
    access: StateAccess,
    new: SealedState,
    *,
    lock_id: str | None = None,
    rescue: bool = False,
) -> StoredState | None:
    """Store the next version of a state.

    A task stores what it has done although its lock was removed by force; *rescue*
    stands for its lock, whose id it has not any more. If the present version has the
    same serial, nothing is stored, and this version is returned:
    ``contents.check_same`` compares it outside of the transaction, since opening it
    takes a while.

    :raises Locked: if another client has locked the state
    :raises Conflict: if the lock is gone, or the version is not the next one
    """
    of_access.again(conn, alias, access)
    held = locks.current(conn, access.inventory_id)
    if held is not None and held.lock_id != lock_id:
        own = rescue and held.task_id == access.task_id
        if not own:
            raise Locked(held.lock)
    if held is None and lock_id is not None and access.task_id is None:
        raise Conflict(
            "The lock of the state was removed meanwhile, so nothing was stored; lock"
            " the state again"
        )
    newest = _latest(conn, access.inventory_id)
    if newest is not None:
        head = new.head
        if head.lineage != newest.lineage:
            raise Conflict(
                f"lineage: this state is another one than version {newest.id}; delete"
                " the versions of the workspace first, or use another workspace"
            )
        if head.serial < newest.serial:
            raise Conflict(
                f"serial: the state has serial {newest.serial} already, and"
                f" {head.serial} was sent"
            )
        if head.serial == newest.serial:
            return _sealed_row(conn, access.inventory_id, newest.id)
    author = "" if held is None else held.lock.who
    if access.task_id is not None:
        _drop_rescued(conn, access.inventory_id, access.task_id, new.head)
    _insert(
        conn,
        new,
        access=(access.project_id, access.inventory_id),
        task_id=access.task_id,
        author=author,
    )
    return None


def keep_aside(
    conn: Connection,
    alias: str,
    access: StateAccess,
    new: SealedState,
    *,
    task_id: TaskId,
    why: str,
) -> str:
    """Store a state that is not the next version; return a line for a log.

    *alias* is that of the task *task_id*, *why* is the reason. A task has at most one
    rescued version, the last.
    """
    of_access.again(conn, alias, access)
    inventory_id = access.inventory_id
    _drop_rescued(conn, inventory_id, task_id)
    number = _insert(
        conn,
        new,
        access=(access.project_id, inventory_id),
        task_id=task_id,
        rescued=True,
    )
    return (
        f"WARNING: the state was rescued as version {number} of the workspace, and is"
        f" not the present one; compare both, and roll back to it if it is right. {why}"
    )


def _drop_rescued(
    conn: Connection,
    inventory_id: InventoryId,
    task_id: TaskId,
    after: StateHead | None = None,
) -> None:
    """Delete the rescued versions of a task, or those that *after* continues."""
    for each in conn.all(
        statements.rescued, _Rescued, inventory_id=inventory_id, task_id=task_id
    ):
        if after is None or (
            each.lineage == after.lineage and each.serial <= after.serial
        ):
            conn.delete(state, each.id)


def listed(
    conn: Connection, actor: Actor, inventory_id: InventoryId
) -> list[StateVersion]:
    """Return the versions of a workspace's state, newest first."""
    workspace(conn, actor, inventory_id)
    return conn.all(statements.versions, StateVersion, inventory_id=inventory_id)


def latest(conn: Connection, actor: Actor, inventory_id: InventoryId) -> StateVersion:
    """Return the present version.

    :raises NotFound: if there is none
    """
    workspace(conn, actor, inventory_id)
    newest = _latest(conn, inventory_id)
    if newest is None:
        raise NotFound
    return newest


def get(
    conn: Connection, actor: Actor, inventory_id: InventoryId, state_id: StateId
) -> StateVersion:
    """Return one version."""
    workspace(conn, actor, inventory_id)
    found = conn.one(
        statements.by_id, StateVersion, inventory_id=inventory_id, id=state_id
    )
    if found is None:
        raise NotFound
    return found


def content_of(
    conn: Connection,
    actor: Actor,
    keyring: Keyring,
    inventory_id: InventoryId,
    state_id: StateId,
) -> bytes:
    """Return the content of a version, which has secrets."""
    get(conn, actor, inventory_id, state_id)
    return _opened(conn, keyring, inventory_id, state_id)


def record_reading(
    conn: Connection, actor: Actor, inventory_id: InventoryId, state_id: StateId
) -> None:
    """Record that the actor reads the content of a version."""
    found = get(conn, actor, inventory_id, state_id)
    _record(conn, actor, inventory_id, f"serial {found.serial} of the state was read")


def for_roll_back(
    conn: Connection,
    actor: Actor,
    keyring: Keyring,
    inventory_id: InventoryId,
    state_id: StateId,
) -> OldState:
    """Return the content of an old version, to be stored once more.

    The old version may be a rescued one; then there may be no present one.

    :raises Conflict: if the state is locked, or the version is the present one
    """
    old, newest = _old_and_newest(conn, actor, inventory_id, state_id)
    return OldState(
        content=_opened(conn, keyring, inventory_id, state_id),
        newest=newest.id,
        serial=max(newest.serial, old.serial) + 1,
        project_uuid=conn.scalar(of_keys.project_uuid, id=project_of(actor)),
    )


def sealed_again(
    old: OldState, *, keyring: Keyring, uuid: str, entropy: Callable[[int], bytes]
) -> SealedState:
    """Encrypt an old content with its new serial; this takes a while.

    :raises Invalid: if it is no state any more, or nested too deeply
    :raises TooLarge: if it is over the limit
    """
    return sealed(
        with_serial(old.content, old.serial),
        keyring=keyring,
        project_uuid=old.project_uuid,
        uuid=uuid,
        entropy=entropy,
        limit=limits.STATE_RESCUED,
    )


def roll_back(
    conn: Connection,
    actor: Actor,
    inventory_id: InventoryId,
    state_id: StateId,
    new: SealedState,
    *,
    after: StateId,
) -> StateVersion | None:
    """Store the content of an old version as the next one, with a higher serial.

    Return ``None``, and store nothing, if the present version is not *after* any more.

    :raises Conflict: if the state is locked, or the version is the present one
    """
    old, newest = _old_and_newest(conn, actor, inventory_id, state_id)
    if newest.id != after:
        return None
    number = _insert(
        conn,
        new,
        access=(project_of(actor), inventory_id),
        user_id=actor.user.id,
        author=actor.user.name,
        restored_from=old.id,
    )
    _record(
        conn,
        actor,
        inventory_id,
        f"state rolled back to serial {old.serial}, as serial {new.head.serial}",
    )
    return get(conn, actor, inventory_id, number)


def _old_and_newest(
    conn: Connection, actor: Actor, inventory_id: InventoryId, state_id: StateId
) -> tuple[StateVersion, StateVersion]:
    """Return the version that may be rolled back to, and the present one.

    The former may be a rescued one. It stands for the present one if there is none.
    """
    old = get(conn, actor, inventory_id, state_id)
    locks.check_unlocked(conn, inventory_id)
    newest = _latest(conn, inventory_id) or old
    if newest.id == old.id and not old.rescued:
        raise Conflict(f"Version {old.id} is the present state")
    return old, newest


def delete(
    conn: Connection, actor: Actor, inventory_id: InventoryId, state_id: StateId
) -> None:
    """Delete a version; the present one only if it is the last one left.

    :raises Conflict: if there are older versions, which would become the present state,
        the state is locked, or a task that has not ended uses the last version
    """
    old = get(conn, actor, inventory_id, state_id)
    locks.check_unlocked(conn, inventory_id)
    newest = _latest(conn, inventory_id)
    if newest is not None and newest.id == old.id:
        if conn.scalar(workspaces.count_states, inventory_id=inventory_id) > 1:
            raise Conflict(
                f"Version {old.id} is the present state; delete the other versions"
                " first, or roll back to one of them"
            )
        check_no_tasks(conn, inventory_id, "The state cannot be deleted")
    conn.delete(state, state_id)
    _record(conn, actor, inventory_id, f"serial {old.serial} of the state deleted")


def _latest(conn: Connection, inventory_id: InventoryId) -> StateVersion | None:
    return conn.one(statements.latest, StateVersion, inventory_id=inventory_id)


def _sealed_row(
    conn: Connection, inventory_id: InventoryId, state_id: StateId
) -> StoredState:
    row = conn.one(
        statements.sealed, StoredState, inventory_id=inventory_id, id=state_id
    )
    if row is None:
        raise NotFound
    return row


def _opened(
    conn: Connection, keyring: Keyring, inventory_id: InventoryId, state_id: StateId
) -> bytes:
    """Return the content of a version.

    :raises SecretUnreadable: naming the version
    """
    return opened(keyring, _sealed_row(conn, inventory_id, state_id))


def _insert(
    conn: Connection,
    new: SealedState,
    *,
    access: tuple[int, InventoryId],
    task_id: TaskId | None = None,
    user_id: UserId | None = None,
    author: str = "",
    restored_from: StateId | None = None,
    rescued: bool = False,
) -> StateId:
    """Store a version, and delete the oldest ones beyond the limits."""
    project_id, inventory_id = access
    number = conn.insert(
        state,
        uuid=new.uuid,
        project_id=project_id,
        inventory_id=inventory_id,
        created=conn.now,
        task_id=task_id,
        user_id=user_id,
        author=author,
        serial=new.head.serial,
        lineage=new.head.lineage,
        terraform_version=new.head.terraform_version[:50],
        size=new.size,
        resources=len(new.head.resources),
        outputs=list(new.head.output_names),
        restored_from=restored_from,
        secret=new.secret,
        content=new.content,
        rescued=int(rescued),
    )
    present = _latest(conn, inventory_id)
    kept = {number, number if present is None else present.id}
    stored = 0
    sizes = conn.all(statements.sizes, _Size, inventory_id=inventory_id)
    for place, each in enumerate(sizes):
        stored += each.stored
        over = stored > limits.STATE_HISTORY or place >= limits.STATE_VERSIONS
        if over and each.id not in kept:
            conn.delete(state, each.id)
    return StateId(number)


def _record(
    conn: Connection, actor: Actor, inventory_id: InventoryId, what: str
) -> None:
    name = workspace(conn, actor, inventory_id).name
    events.INVENTORY.record(conn, actor, inventory_id, name, f"updated: {what}")
