"""What forbids to delete an inventory, or to make another one of it.

The checks belong in the transaction that makes the change.
"""

import msgspec

from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.model.ids import InventoryId
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import workspaces
from semaphore_twisted.persistence.statements.tasks import tasks as of_tasks

#: Most tasks that a refusal names.
_NAMED = 5

#: The start of the refusal to take a workspace away from its template.
HELD = "The workspace cannot be taken from its template"


class _Lock(msgspec.Struct, frozen=True):
    lock_id: str
    who: str


def check_no_tasks(conn: Connection, inventory_id: InventoryId, refusal: str) -> None:
    """Check that no unfinished task uses an inventory.

    *refusal* is the start of the sentence, such as "The inventory cannot be deleted".

    :raises Conflict: naming the tasks
    """
    found = conn.column(
        of_tasks.unfinished_of_inventory, inventory_id=inventory_id, count=_NAMED + 1
    )
    if found:
        more = " and others" if len(found) > _NAMED else ""
        tasks = ", ".join(f"{each}" for each in found[:_NAMED])
        raise Conflict(
            f"{refusal}: tasks that have not ended use it ({tasks}{more}); stop them,"
            " or wait for their end"
        )


def check_unused(conn: Connection, inventory_id: InventoryId, refusal: str) -> None:
    """Check that no unfinished task uses an inventory, and that it has no state.

    A lock and an alias of the state count, too: their clients are about to store one.
    *refusal* is the start of the sentence.

    :raises Conflict: naming what uses it, and what to do
    """
    check_no_tasks(conn, inventory_id, refusal)
    lock = conn.one(workspaces.lock, _Lock, inventory_id=inventory_id)
    if lock is not None:
        who = quoted(lock.who) if lock.who else "another client"
        raise Conflict(
            f"{refusal}: its state is locked by {who} (lock"
            f" {quoted(lock.lock_id)}); wait for the end of that, or remove the lock"
        )
    states = conn.scalar(workspaces.count_states, inventory_id=inventory_id)
    if states:
        raise Conflict(
            f"{refusal}: it has a state (versions: {states}); delete that first, or add"
            " another workspace"
        )
    aliases = conn.scalar(workspaces.count_aliases, inventory_id=inventory_id)
    if aliases:
        raise Conflict(
            f"{refusal}: its state has aliases ({aliases}), by which clients read and"
            " store it; delete them first"
        )
