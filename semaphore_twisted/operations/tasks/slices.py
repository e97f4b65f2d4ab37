"""Deletes tasks in slices, so that other writes can run in between."""

from collections.abc import Sequence

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.limits import SLICE_PARTS
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import results
from semaphore_twisted.persistence.statements.tasks import tasks as statements

#: Rows of results that are deleted like one chunk of a log.
_RESULTS = 10


def delete_some(conn: Connection, tasks: Sequence[TaskId]) -> None:
    """Delete *tasks* in order, with their logs, up to the size of a slice."""
    left = SLICE_PARTS
    for task_id in tasks:
        if not empty_some(conn, task_id, left):
            return
        conn.delete(schema.task, task_id)
        left -= 1
        if left <= 0:
            return


def empty_some(conn: Connection, task_id: TaskId, parts: int = SLICE_PARTS) -> bool:
    """Delete at most *parts* chunks of a task's log; return whether none is left.

    Then its results are deleted, of which many are as large as a chunk.
    """
    if conn.run(statements.delete_parts, of_task=task_id, count=parts) == parts:
        return False
    count = parts * _RESULTS
    return all(
        conn.run(each, of_task=task_id, count=count) < count
        for each in results.delete_some
    )
