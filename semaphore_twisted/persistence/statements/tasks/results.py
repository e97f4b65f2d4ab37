"""Statements about the stages of tasks, and the results of Ansible."""

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Delete,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from semaphore_twisted.persistence.schema import (
    task,
    task_error,
    task_host,
    task_run,
    task_section,
    task_stage,
    template,
)
from semaphore_twisted.persistence.statements.tasks.inventories import (
    inventory_of,
    of_task,
)

COUNTERS = ("ok", "changed", "failed", "skipped", "unreachable", "ignored")

_TASK: BindParameter[int] = bindparam("task_id")
_s, _r, _c, _h, _e = (
    each.c for each in (task_stage, task_run, task_section, task_host, task_error)
)


def _ids(table: Table) -> ColumnElement[bool]:
    """Return the condition for the row ``number`` of a task."""
    return and_(table.c.task_id == bindparam("of_task"), table.c.id == _NUMBER)


_NUMBER: BindParameter[int] = bindparam("number")

# Stages

stages = (
    select(
        _s.id,
        _s.task_id,
        _s.type,
        _s.start,
        _s.end,
        case(
            (_s.end_output_id < _s.start_output_id, null()), else_=_s.start_output_id
        ).label("start_output_id"),
        case(
            (_s.end_output_id < _s.start_output_id, null()), else_=_s.end_output_id
        ).label("end_output_id"),
        _s.result,
        _s.reason,
    )
    .where(_s.task_id == _TASK)
    .order_by(_s.id)
)

#: Ends the stage that has not ended, if there is one.
end_stage = (
    update(task_stage)
    .where(_s.task_id == bindparam("of_task"), _s.end.is_(None))
    .values(
        end=bindparam("at"), end_output_id=bindparam("line"), result=bindparam("said")
    )
)

fail_stage = (
    update(task_stage)
    .where(_ids(task_stage))
    .values(result=bindparam("said"), reason=bindparam("why"))
)

# The run

run = select(
    _r.plays, _r.play, _r.play_section, _r.section, _r.hosts, _r.errors, _r.dropped
).where(_r.task_id == _TASK)

_names = task_section.alias()

progress = (
    select(
        _r.play,
        _r.plays,
        _c.name.label("play_name"),
        func.coalesce(_names.c.name, "").label("task_name"),
    )
    .join(task_section, and_(_c.task_id == _r.task_id, _c.id == _r.play_section))
    .outerjoin(_names, and_(_names.c.task_id == _r.task_id, _names.c.id == _r.section))
    .where(_r.task_id == _TASK)
)

# Sections

add_section = (
    insert(task_section)
    .values(
        {
            name: bindparam(name)
            for name in ("task_id", "id", "type", "name", "play", "start", "line")
        }
    )
    .on_conflict_do_nothing()
)

#: Ends a section that has not ended.
end_section = (
    update(task_section)
    .where(_ids(task_section), _c.end.is_(None))
    .values(end=bindparam("at"))
)

#: The same, with its counters.
count_section = end_section.values({each: bindparam(f"n_{each}") for each in COUNTERS})

play_of_section = select(_c.play).where(
    _c.task_id == _TASK, _c.id == bindparam("number")
)

#: Adds the counters of a task to its play.
count_play = (
    update(task_section)
    .where(_ids(task_section))
    .values({each: _c[each] + bindparam(f"n_{each}") for each in COUNTERS})
)

end_sections = (
    update(task_section)
    .where(_c.task_id == bindparam("of_task"), _c.end.is_(None))
    .values(end=bindparam("at"))
)

section_ids = select(_c.id).where(_c.task_id == _TASK).order_by(_c.id)

#: The counters, the worst first.
_WORST_FIRST = ("failed", "unreachable", "changed", "ok", "skipped")

_worst = case(
    (_c.end.is_(None), ""),
    *((_c[each] > 0, each) for each in _WORST_FIRST),
    else_="",
)

section = select(
    *(_c[each] for each in ("id", "type", "name", "play", "start", "end", "line")),
    *(_c[each] for each in COUNTERS),
    _worst.label("result"),
).where(_c.task_id == _TASK, _c.id == bindparam("id"))

# Hosts

count_host = (
    update(task_host)
    .where(_h.task_id == bindparam("of_task"), _h.host == bindparam("which"))
    .values({each: bindparam(f"n_{each}") for each in (*COUNTERS, "rescued")})
)

note_error = (
    update(task_host)
    .where(_h.task_id == bindparam("of_task"), _h.host == bindparam("which"))
    .values(
        line=func.coalesce(_h.line, bindparam("at_line")), error=bindparam("number")
    )
)

host_ids = select(_h.id).where(_h.task_id == _TASK).order_by(_h.id)

host = (
    select(
        _h.id,
        _h.task_id,
        task.c.project_id,
        _h.host,
        *(_h[each] for each in (*COUNTERS, "rescued")),
        _h.line,
    )
    .join(task, task.c.id == _h.task_id)
    .where(_h.task_id == _TASK, _h.id == bindparam("id"))
)

_host_result = case(
    *((_h[each] > 0, each) for each in _WORST_FIRST),
    (_h.rescued > 0, "ok"),
    else_="",
)

_recent = (
    select(
        task.c.id,
        task.c.created,
        task.c.template_id,
        task.c.inventory_id,
        task.c.used_inventory_id,
    )
    .where(task.c.project_id == bindparam("project_id"))
    .order_by(task.c.id.desc())
    .limit(bindparam("sought"))
    .subquery()
)
#: Of the newest ``sought`` tasks of a project the newest ``count`` with an inventory:
#: the one that is stored with the task, or before one was stored the one that the task
#: names, else that which its template has now.
_runs = (
    select(
        _recent.c.id,
        _recent.c.created,
        _recent.c.template_id,
        template.c.name.label("template"),
    )
    .join(template, template.c.id == _recent.c.template_id)
    .where(
        inventory_of(_recent.c.used_inventory_id, _recent.c.inventory_id)
        == bindparam("inventory_id"),
    )
    .order_by(_recent.c.id.desc())
    .limit(bindparam("count"))
    .cte("runs")
)
_newest = (
    select(_h.host, func.max(_h.task_id).label("task_id"))
    .where(_h.task_id.in_(select(_runs.c.id)), _host_result != "")
    .group_by(_h.host)
    .subquery()
)

#: The last result of each host in these tasks.
last_of_hosts = (
    select(
        _h.host,
        _host_result.label("result"),
        _h.task_id,
        _runs.c.template_id,
        _runs.c.template,
        _runs.c.created,
    )
    .join(_newest, and_(_newest.c.task_id == _h.task_id, _newest.c.host == _h.host))
    .join(_runs, _runs.c.id == _h.task_id)
    .order_by(_h.host)
    .limit(bindparam("most"))
)

_failed = _h.failed + _h.unreachable > 0

failed_hosts = select(func.count()).where(_h.task_id == _TASK, _failed)

# The inventory

used_inventory = (
    select(
        task.c.used_inventory_id.label("recorded"),
        of_task.label("inventory_id"),
    )
    .join(template, template.c.id == task.c.template_id)
    .where(task.c.id == _TASK)
)

# Errors

error_ids = select(_e.id).where(_e.task_id == _TASK).order_by(_e.id)

_fatal = and_(_e.id == _h.error, _failed)
_plays = task_section.alias()

_errors = (
    select(
        _e.id,
        _e.task_id,
        task.c.project_id,
        _e.host,
        func.coalesce(_plays.c.name, "").label("play"),
        func.coalesce(_c.name, "").label("task"),
        _e.error,
        _e.kind,
        func.coalesce(_fatal, 0).label("fatal"),
        _e.line,
    )
    .join(task, task.c.id == _e.task_id)
    .outerjoin(task_section, and_(_c.task_id == _e.task_id, _c.id == _e.section))
    .outerjoin(_plays, and_(_plays.c.task_id == _e.task_id, _plays.c.id == _c.play))
    .outerjoin(task_host, and_(_h.task_id == _e.task_id, _h.host == _e.host))
    .where(_e.task_id == _TASK)
)

error = _errors.where(_e.id == bindparam("id"))

first_fatal = _errors.where(_fatal).order_by(_e.id).limit(1)

# Deletion


def _delete_some(table: Table) -> Delete:
    """Return the deletion of at most ``count`` rows of a task."""
    rows = table.alias()
    return delete(table).where(
        table.c.task_id == bindparam("of_task"),
        table.c.id.in_(
            select(rows.c.id)
            .where(rows.c.task_id == bindparam("of_task"))
            .limit(bindparam("count"))
        ),
    )


delete_some = tuple(map(_delete_some, (task_error, task_host, task_section)))
