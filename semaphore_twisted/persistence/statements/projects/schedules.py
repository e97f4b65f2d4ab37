"""Statements about schedules, and the due times that were dealt with."""

from sqlalchemy import bindparam, delete, func, or_, select

from semaphore_twisted.model.tasks import FINAL, TaskStatus
from semaphore_twisted.persistence.schema import (
    schedule,
    schedule_run,
    task,
    template,
)

_c = schedule.c
_run = schedule_run.c

_SHOWN = (
    _c.id,
    _c.project_id,
    _c.template_id,
    _c.cron_format,
    _c.name,
    _c.active,
    _c.repository_id,
    _c.type,
    _c.run_at,
    _c.delete_after_run,
    _c.task_params,
    _c.timezone,
    _c.catch_up,
    _c.overrun,
    _c.next_run,
)

_listed = (
    select(*_SHOWN, template.c.name.label("tpl_name"))
    .join(template, template.c.id == _c.template_id)
    .where(_c.project_id == bindparam("project_id"))
)

_by_name = (func.lower(_c.name), _c.id)

#: The schedules of a project, and of a template.
of_project = _listed.order_by(*_by_name)
of_template = _listed.where(_c.template_id == bindparam("template_id")).order_by(
    *_by_name
)

by_id = select(*_SHOWN).where(
    _c.project_id == bindparam("project_id"), _c.id == bindparam("id")
)

count = (
    select(func.count())
    .select_from(schedule)
    .where(_c.project_id == bindparam("project_id"))
)

#: Schedules that use a repository, and those of a template.
with_repository = (
    select(_c.id, _c.name)
    .where(
        _c.project_id == bindparam("project_id"), _c.repository_id == bindparam("id")
    )
    .order_by(_c.id)
)
with_template = (
    select(_c.id, _c.name)
    .where(_c.project_id == bindparam("project_id"), _c.template_id == bindparam("id"))
    .order_by(_c.id)
)

#: What only the server needs of a schedule.
machinery = select(_c.uuid, _c.secret, _c.last_commit_hash).where(
    _c.id == bindparam("id")
)

#: A schedule of any project.
anywhere = select(*_SHOWN).where(_c.id == bindparam("id"))

#: The earliest next due time of all, and the schedules that are due at *now*.
earliest = select(func.min(_c.next_run))
due = (
    select(_c.id, _c.next_run.label("due"), _c.repository_id)
    .where(_c.next_run <= bindparam("now"))
    .order_by(_c.next_run, _c.id)
    .limit(bindparam("most"))
)

#: The schedules whose next due time is ahead, in parts by their ids.
planned = (
    select(*_SHOWN)
    .where(_c.next_run > bindparam("now"), _c.id > bindparam("after"))
    .order_by(_c.id)
    .limit(bindparam("most"))
)

# Due times

_with_task = (
    select(
        _run.schedule_id,
        _run.due,
        _run.time,
        _run.outcome,
        _run.reason,
        task.c.id.label("task_id"),
        task.c.status,
        task.c.start,
        task.c.end,
    )
    .select_from(schedule_run)
    .outerjoin(task, task.c.id == _run.task_id)
)

_last = (
    select(func.max(_run.due))
    .where(_run.schedule_id == _c.id)
    .correlate(schedule)
    .scalar_subquery()
)
_last_started = (
    select(func.max(_run.due))
    .where(_run.schedule_id == _c.id, _run.outcome == "started")
    .correlate(schedule)
    .scalar_subquery()
)


#: The last due time of each schedule of a project, and the last that started a task;
#: those of the schedule *only*, unless it is 0.
last_runs, last_started = (
    _with_task.join(schedule, _c.id == _run.schedule_id).where(
        _c.project_id == bindparam("project_id"),
        or_(bindparam("only", type_=_c.id.type) == 0, _c.id == bindparam("only")),
        _run.due == last,
    )
    for last in (_last, _last_started)
)

#: The due times of a project's schedules from *since* to before *until*, newest first.
recent = (
    _with_task.join(schedule, _c.id == _run.schedule_id)
    .where(
        _c.project_id == bindparam("project_id"),
        _run.due >= bindparam("since"),
        _run.due < bindparam("until"),
        _run.outcome != "unchanged",
        _run.outcome != "noted",
    )
    .order_by(_run.due.desc(), _run.schedule_id.desc())
    .limit(bindparam("most"))
)

is_dealt_with = select(_run.due).where(
    _run.schedule_id == bindparam("schedule_id"), _run.due == bindparam("due")
)

last_due = select(func.max(_run.due)).where(
    _run.schedule_id == bindparam("schedule_id")
)

last_outcome = (
    select(_run.outcome)
    .where(_run.schedule_id == bindparam("schedule_id"))
    .order_by(_run.due.desc())
    .limit(1)
)

#: Of a row of checks without a new commit only the last one is kept.
forget_unchanged = delete(schedule_run).where(
    _run.schedule_id == bindparam("of"), _run.outcome == "unchanged"
)

#: Deletes the due times *after* a time that were missed.
forget_missed = delete(schedule_run).where(
    _run.schedule_id == bindparam("of"),
    _run.due > bindparam("after"),
    _run.outcome == "missed",
)

_kept = (
    select(_run.due)
    .where(_run.schedule_id == bindparam("of"))
    .order_by(_run.due.desc())
    .limit(1)
    .offset(bindparam("kept"))
    .scalar_subquery()
)

#: Deletes all but the newest *kept* due times of a schedule.
forget_runs = delete(schedule_run).where(
    _run.schedule_id == bindparam("of"), _run.due <= _kept
)

#: The statuses of a schedule's tasks that have not ended, by the index of statuses.
unfinished = select(task.c.status).where(
    or_(*(task.c.status == status for status in TaskStatus if status not in FINAL)),
    task.c.schedule_id == bindparam("schedule_id"),
)
