"""Statements about the plans of tasks."""

from sqlalchemy import bindparam, func, select, update

from semaphore_twisted.persistence.result_tables import task_plan
from semaphore_twisted.persistence.state_tables import state, state_alias

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

_serial = (
    select(state.c.serial)
    .where(state.c.inventory_id == state_alias.c.inventory_id, state.c.rescued == 0)
    .order_by(state.c.id.desc())
    .limit(1)
    .correlate(state_alias)
    .scalar_subquery()
)

#: The serial of the newest version of the state that a task has an alias of, or 0 if
#: there is no version; nothing for a task without an alias, or after its end.
serial = select(func.coalesce(_serial, 0)).where(
    state_alias.c.task_id == bindparam("task_id")
)
