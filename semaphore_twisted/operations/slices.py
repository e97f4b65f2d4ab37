"""Tasks that are deleted some at a time, so that other writes come in between."""

from collections.abc import Sequence

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.limits import SLICE_PARTS
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import tasks as statements


def delete_some(conn: Connection, tasks: Sequence[TaskId]) -> None:
    """Delete *tasks* in their order, with their logs, as far as a slice goes."""
    left = SLICE_PARTS
    for task_id in tasks:
        if not empty_some(conn, task_id, left):
            return
        conn.delete(schema.task, task_id)
        left -= 1
        if left <= 0:
            return


def empty_some(conn: Connection, task_id: TaskId, parts: int = SLICE_PARTS) -> bool:
    """Delete *parts* of a task's log at most; tell whether none is left."""
    deleted = conn.run(statements.delete_parts, of_task=task_id, count=parts)
    return deleted < parts
