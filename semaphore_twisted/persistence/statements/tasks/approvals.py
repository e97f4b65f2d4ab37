"""Statements about the approvals that tasks wait for."""

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.result_tables import task_approval

token = select(task_approval.c.token).where(
    task_approval.c.task_id == bindparam("task_id")
)

#: When the approval that a task waits for ends.
until = select(task_approval.c.until).where(
    task_approval.c.task_id == bindparam("task_id")
)
