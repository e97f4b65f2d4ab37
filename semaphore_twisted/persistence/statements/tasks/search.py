"""Statements that search a project's tasks, newest first."""

from functools import cache

from sqlalchemy import ColumnElement, bindparam, func, literal, select, true
from sqlalchemy.sql.base import Executable

from semaphore_twisted.persistence.schema import task, template, user
from semaphore_twisted.persistence.statements.sorting import joined
from semaphore_twisted.persistence.task_texts import COLUMNS, task_texts

_c = task.c

#: How the number of a task is written, such as ``#7``.
_NUMBER = literal("#").concat(_c.id)

#: The text of a task that is searched.
_TEXT = joined(
    _NUMBER,
    template.c.name,
    *(_c[each] for each in COLUMNS),
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


#: The tasks with the numbers ``ids``, a JSON array.
_AMONG = _c.id.in_(
    select(func.json_each(bindparam("ids")).table_valued("value").c.value)
)


@cache
def newest(
    filters: frozenset[str], *, searched: bool, among: bool = False
) -> Executable:
    """Return the statement for the newest ``most`` tasks that pass *filters*.

    Its columns are the id and, if *searched*, the text; the tasks have ids from
    ``first``, below ``before``. With *among* they are some of ``ids``.
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
    conditions = [
        owner == bindparam("project_id"),
        number >= bindparam("first"),
        number < bindparam("before"),
        *(_FILTERS[each] for each in sorted(filters)),
    ]
    if among:  # the truth of a condition uses no index either
        conditions = [_AMONG, *(each.is_(true()) for each in conditions)]
    return found.where(*conditions).order_by(_c.id.desc()).limit(bindparam("most"))


#: The tasks with ids from ``base`` + ``first``, below ``base`` + ``before``, that have
#: the characters of ``query``; ``base`` is the beginning of the project's entries.
by_text = (
    select(task_texts.c.rowid - bindparam("base"))
    .where(task_texts.c.task__texts.op("MATCH")(bindparam("query")))
    .where(task_texts.c.rowid >= bindparam("base") + bindparam("first"))
    .where(task_texts.c.rowid < bindparam("base") + bindparam("before"))
    .order_by(task_texts.c.rowid.desc())
)

#: The templates of a project and the accounts, each with the text that is searched.
templates = select(template.c.id, joined(template.c.name)).where(
    template.c.project_id == bindparam("project_id")
)
accounts = select(user.c.id, joined(user.c.name, user.c.username))


#: The tasks of a project from ``first``, below ``before``, whose number has ``search``.
by_number = (
    select(_c.id)
    .where(_c.project_id == bindparam("project_id"))
    .where(_c.id >= bindparam("first"), _c.id < bindparam("before"))
    .where(func.instr(_NUMBER, bindparam("search")) > 0)
    .order_by(_c.id.desc())
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
