"""Statements about the plans of tasks."""

from sqlalchemy import bindparam, select, update

from semaphore_twisted.persistence.result_tables import task_plan

_c = task_plan.c

of_task = select(
    _c.summary, _c.approved, _c.user_id, _c.user_name, _c.decided, _c.comment
).where(_c.task_id == bindparam("task_id"))

#: Stores a decision, unless there is one.
decide = (
    update(task_plan)
    .where(_c.task_id == bindparam("of_task"), _c.approved.is_(None))
    .values(
        approved=bindparam("approves"),
        user_id=bindparam("by"),
        user_name=bindparam("named"),
        decided=bindparam("at"),
        comment=bindparam("said"),
    )
)
