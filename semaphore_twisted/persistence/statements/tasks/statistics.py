"""Statements for statistics of tasks.

Days are those of a time zone that is ``shift`` from UTC, such as ``+60 minutes``.
"""

from sqlalchemy import Integer, bindparam, case, cast, exists, func, or_, select

from semaphore_twisted.persistence.result_tables import task_plan
from semaphore_twisted.persistence.schema import task, template
from semaphore_twisted.persistence.statements.tasks.tasks import UNFINISHED

_c = task.c

_duration = (func.julianday(_c.end) - func.julianday(_c.start)) * 86400.0

_figures = select(
    _c.status,
    func.count().label("count"),
    # NULL without a start or an end; the duration would be computed twice
    func.count(_c.start.concat(_c.end)).label("timed"),
    func.coalesce(func.sum(_duration), 0.0).label("seconds"),
).where(
    _c.project_id == bindparam("project_id"),
    _c.created >= bindparam("since"),
    _c.created < bindparam("until"),
)

_day = func.date(_c.created, bindparam("shift"))

#: Figures of a project's tasks by day and status.
by_day = (
    _figures.add_columns(_day.label("day")).group_by(_day, _c.status).order_by(_day)
)

#: The same for the tasks of one template, and for those of one user.
by_day_of_template = by_day.where(_c.template_id == bindparam("template_id"))
by_day_of_user = by_day.where(_c.user_id == bindparam("user_id"))
by_day_of_both = by_day_of_template.where(_c.user_id == bindparam("user_id"))

#: Figures of a project's tasks by template and status.
by_template = _figures.add_columns(_c.template_id).group_by(_c.template_id, _c.status)

_count = select(_c.status, func.count().label("count")).where(
    _c.project_id == bindparam("project_id")
)

#: Numbers of a project's tasks that have not ended, by status.
active = _count.where(or_(*(_c.status == each for each in UNFINISHED))).group_by(
    _c.status
)

#: Numbers of a project's tasks that ended after ``since``, by status.
ended = _count.where(_c.end > bindparam("since")).group_by(_c.status)

_newest = (
    select(_c.id, _c.status, _c.created, _c.start, _duration.label("duration"))
    .where(_c.template_id == template.c.id)
    .order_by(_c.id.desc())
    .limit(bindparam("count"))
    .correlate(template)
    .subquery()
)

#: Whether a user has rejected the plan of a task; the server has no name.
_rejected = exists().where(
    task_plan.c.task_id == _newest.c.id,
    task_plan.c.approved.is_(False),
    task_plan.c.user_name != "",
)

#: The newest ``count`` tasks of each template in ``ids``, a JSON list, as a JSON list.
runs = select(
    template.c.id,
    select(
        func.json_group_array(
            func.json_object(
                "id",
                _newest.c.id,
                "status",
                _newest.c.status,
                "created",
                _newest.c.created,
                "start",
                _newest.c.start,
                "duration",
                func.round(_newest.c.duration, 3),
                "rejected",
                func.json(case((_rejected, "true"), else_="false")),
            )
        )
    )
    .select_from(_newest)
    .scalar_subquery()
    .label("runs"),
).where(
    template.c.project_id == bindparam("project_id"),
    template.c.id.in_(
        select(
            cast(
                func.json_each(bindparam("ids")).table_valued("value").c.value, Integer
            )
        )
    ),
)
