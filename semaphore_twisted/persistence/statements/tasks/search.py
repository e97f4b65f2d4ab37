"""Statements that search a project's tasks, newest first."""

from functools import cache

from sqlalchemy import ColumnElement, bindparam, func, literal, select
from sqlalchemy.sql.base import Executable

from semaphore_twisted.persistence.schema import task, template, user
from semaphore_twisted.persistence.statements.sorting import joined

_c = task.c

#: The text of a task that is searched; its number is written as ``#7``.
_TEXT = joined(
    literal("#").concat(_c.id),
    template.c.name,
    _c.message,
    _c.version,
    _c.git_branch,
    _c.commit_hash,
    _c.commit_message,
    _c.hosts_limit,
    user.c.name,
    user.c.username,
)

#: The condition of each filter. Times use no index, since the whole period would be
#: sorted: they were converted to ids before.
_FILTERS: dict[str, ColumnElement[bool]] = {
    "template_id": _c.template_id == bindparam("template_id"),
    "user_id": _c.user_id == bindparam("user_id"),
    "status": _c.status == bindparam("status"),
    "statuses": _c.status.in_(
        select(func.json_each(bindparam("statuses")).table_valued("value").c.value)
    ),
    "since": _c.created.concat("") >= bindparam("since"),
    "until": _c.created.concat("") < bindparam("until"),
}


@cache
def newest(filters: frozenset[str], *, searched: bool) -> Executable:
    """Return the statement for the newest ``most`` tasks that pass *filters*.

    Its columns are the id and, if *searched*, the text; the tasks have ids from
    ``first``, below ``before``.
    """
    found = select(_c.id, _TEXT if searched else literal("").label("text"))
    if searched:
        found = found.join(template, template.c.id == _c.template_id).outerjoin(
            user, user.c.id == _c.user_id
        )
    else:
        found = found.select_from(task)
    # A sum uses no index: SQLite is to use the one of the filter, which leads to fewer
    # tasks, and has them in the order of their ids.
    number = _c.id + 0 if filters & {"template_id", "user_id", "status"} else _c.id
    owner = _c.project_id + 0 if filters & {"template_id", "user_id"} else _c.project_id
    return (
        found.where(
            owner == bindparam("project_id"),
            number >= bindparam("first"),
            number < bindparam("before"),
            *(_FILTERS[each] for each in sorted(filters)),
        )
        .order_by(_c.id.desc())
        .limit(bindparam("most"))
    )


_of_project = select(func.min(_c.id)).where(_c.project_id == bindparam("project_id"))

#: The lowest id of a task created from ``since``, and the highest of one created before
#: ``until``: the clock may have been set back.
first_since = _of_project.where(_c.created >= bindparam("since"))
last_until = (
    select(func.max(_c.id))
    .where(_c.project_id == bindparam("project_id"))
    .where(_c.created < bindparam("until"))
)
