"""Statements for figures about the installation."""

from sqlalchemy import func, select

from semaphore_twisted.persistence.schema import task

#: How many tasks there are of each status.
tasks_by_status = select(
    task.c.status.label("status"), func.count().label("count")
).group_by(task.c.status)
