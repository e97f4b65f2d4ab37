"""Statements about tasks and the chunks of their output."""

from typing import TypeVar

from sqlalchemy import (
    Case,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)

from semaphore_twisted.model.apps import APPS
from semaphore_twisted.persistence.result_tables import task_plan
from semaphore_twisted.persistence.schema import (
    project,
    repository,
    task,
    task_output,
    template,
    user,
)
from semaphore_twisted.persistence.state_tables import state_alias
from semaphore_twisted.persistence.statements.tasks.inventories import of_task

_c = task.c

#: The columns of a task as the API shows it; never its secret.
_SHOWN = (
    _c.id,
    _c.template_id,
    _c.project_id,
    _c.status,
    _c.debug,
    _c.dry_run,
    _c.diff,
    _c.playbook,
    _c.environment,
    _c.hosts_limit.label("limit"),
    _c.arguments,
    _c.git_branch,
    _c.user_id,
    _c.integration_id,
    _c.schedule_id,
    _c.created,
    _c.start,
    _c.end,
    _c.message,
    _c.commit_hash,
    _c.commit_message,
    _c.build_task_id,
    _c.version,
    _c.inventory_id,
    _c.params,
)

_plans = or_(*(template.c.app == each.id for each in APPS.values() if each.plans))


def _asked(name: str) -> Case[int]:
    """Return whether the parameters of a run that plans have *name*, as 0 or 1.

    A damaged text has none; JSON cannot be read from it.
    """
    true = (
        case((func.json_valid(column) == 1, func.json_extract(column, f"$.{name}")))
        for column in (_c.params, template.c.task_params)
    )
    return case((and_(_plans, or_(*(each == 1 for each in true))), 1), else_=0)


#: The name of the user who rejected the plan of a task; the server has no name.
_rejected_by = func.coalesce(
    select(task_plan.c.user_name)
    .where(task_plan.c.task_id == _c.id, task_plan.c.approved.is_(False))
    .correlate(task)
    .scalar_subquery(),
    "",
)

_LISTED = (
    *_SHOWN,
    template.c.playbook.label("tpl_playbook"),
    template.c.name.label("tpl_alias"),
    template.c.type.label("tpl_type"),
    template.c.app.label("tpl_app"),
    user.c.name.label("user_name"),
    _asked("destroy").label("destroys"),
    _asked("plan").label("plans_only"),
    _rejected_by.label("rejected_by"),
)

_list = (
    select(*_LISTED)
    .join(template, template.c.id == _c.template_id)
    .outerjoin(user, user.c.id == _c.user_id)
)

by_id = select(*_SHOWN).where(_c.id == bindparam("id"))

of_project = by_id.where(_c.project_id == bindparam("project_id"))

R = TypeVar("R", bound=tuple[object, ...])


def _newest(found: Select[R]) -> Select[R]:
    return (
        found.where(
            _c.project_id == bindparam("project_id"), _c.id < bindparam("before")
        )
        .order_by(_c.id.desc())
        .limit(bindparam("count"))
    )


_of_template = _c.template_id == bindparam("template_id")

#: The ids of the newest ``count`` tasks of a project, below the id ``before``.
newest = _newest(select(_c.id))

#: The same for one template of the project.
newest_of_template = newest.where(_of_template)

#: The newest ``count`` tasks of a project below the id ``before``, as lists show them.
newest_in_list: Select[tuple[object, ...]] = _newest(_list)

#: The same rows, each as a JSON array of its columns: SQLite builds an array in half of
#: the time in which the columns are read separately.
newest_arrays = newest_in_list.with_only_columns(
    func.json_array(*_LISTED), maintain_column_froms=True
)

#: The same for one template of the project.
newest_arrays_of_template = newest_arrays.where(_of_template)

#: A task of a project by its id, as lists show it.
in_list = _list.where(
    _c.id == bindparam("id"), _c.project_id == bindparam("project_id")
)

# Without IN and a list: that does not compile with parameters without values.
#: The statuses of tasks that have not ended; compared one by one, by the index.
UNFINISHED = (
    "waiting",
    "starting",
    "waiting_confirmation",
    "confirmed",
    "rejected",
    "running",
    "stopping",
)

_finished = or_(_c.status == "success", _c.status == "error", _c.status == "stopped")
_unfinished = not_(_finished)

#: The builds that unfinished tasks deploy, through chains of deployments.
_first = (
    select(_c.build_task_id.label("id"))
    .where(
        or_(*(_c.status == each for each in UNFINISHED)), _c.build_task_id.is_not(None)
    )
    .cte("awaited", recursive=True)
)
_deployed = task.alias()
awaited = _first.union(
    select(_deployed.c.build_task_id)
    .join(_first, _first.c.id == _deployed.c.id)
    .where(_deployed.c.build_task_id.is_not(None))
)
_awaited_ids = select(awaited.c.id)

#: The workspace of an app that plans: its inventory, or the template, as a negative
#: number; NULL for other apps.
_workspace = case(
    (
        _plans,
        func.coalesce(of_task, -template.c.id),
    ),
    else_=None,
)

_queued = (
    select(
        _c.id,
        _c.project_id,
        _c.template_id,
        template.c.allow_parallel_tasks.label("parallel"),
        project.c.max_parallel_tasks.label("project_limit"),
        _workspace.label("workspace"),
        (_c.status == "waiting_confirmation").label("idle"),
    )
    .join(template, template.c.id == _c.template_id)
    .join(project, project.c.id == _c.project_id)
    .order_by(_c.id)
)

#: Tasks that are queued, oldest first.
waiting = _queued.where(_c.status == "waiting")

#: Tasks that occupy a slot: neither queued nor ended.
active = _queued.where(_unfinished, _c.status != "waiting")

#: The oldest ``count`` tasks of all projects that have not ended; only the task ``id``
#: unless that is NULL.
active_everywhere = (
    select(
        _c.id.label("task_id"),
        _c.project_id,
        _c.template_id,
        user.c.username,
        _c.status,
        case((_c.status == "waiting", "queue"), else_="running").label("location"),
        project.c.name.label("project_name"),
        template.c.name.label("template_name"),
        _c.created,
        _c.start,
    )
    .join(template, template.c.id == _c.template_id)
    .join(project, project.c.id == _c.project_id)
    .outerjoin(user, user.c.id == _c.user_id)
    .where(
        or_(*(_c.status == each for each in UNFINISHED)),
        or_(bindparam("id").is_(None), _c.id == bindparam("id")),
    )
    .order_by(_c.id)
    .limit(bindparam("count"))
)

unfinished_ids = select(_c.id).where(_unfinished).order_by(_c.id)

unfinished_of_template = (
    select(_c.id)
    .where(
        _unfinished,
        _c.project_id == bindparam("project_id"),
        _c.template_id == bindparam("template_id"),
    )
    .order_by(_c.id)
)

#: Some of the unfinished tasks of a project above an id; found by the index of the
#: statuses, since few tasks are unfinished, and a project has many.
unfinished_of_project = (
    select(_c.id)
    .where(
        or_(*(_c.status == each for each in UNFINISHED)),
        _c.project_id + 0 == bindparam("project_id"),
        _c.id > bindparam("after"),
    )
    .order_by(_c.id)
    .limit(bindparam("count"))
)

#: The oldest ``count`` unfinished tasks that use an inventory, as theirs or by their
#: alias of its state.
unfinished_of_inventory = (
    select(_c.id)
    .join(template, template.c.id == _c.template_id)
    .where(
        or_(*(_c.status == each for each in UNFINISHED)),
        or_(
            of_task == bindparam("inventory_id"),
            _c.id.in_(
                select(state_alias.c.task_id).where(
                    state_alias.c.inventory_id == bindparam("inventory_id"),
                    state_alias.c.task_id.is_not(None),
                )
            ),
        ),
    )
    .order_by(_c.id)
    .limit(bindparam("count"))
)

#: Internal data of a task for its execution, which is not shown.
machinery = (
    select(
        _c.id,
        _c.uuid,
        project.c.uuid.label("project_uuid"),
        _c.secret,
        _c.spool_offset,
        _c.lines,
        _c.used_inventory_id,
    )
    .join(project, project.c.id == _c.project_id)
    .where(_c.id == bindparam("id"))
)

branch_of_repository = select(repository.c.git_branch).where(
    repository.c.id == bindparam("repository_id")
)

#: Whether the template has run the commit ``commit_hash`` from its own branch.
ran_commit = select(
    exists().where(
        _c.template_id == bindparam("template_id"),
        _c.commit_hash == bindparam("commit_hash"),
        _c.start.is_not(None),
        func.coalesce(_c.git_branch, "").in_(("", bindparam("branch"))),
    )
)

project_uuid = select(project.c.uuid).where(project.c.id == bindparam("id"))

count_one_more = (
    update(template)
    .where(template.c.id == bindparam("id"))
    .values(tasks=template.c.tasks + 1)
)

last_version = (
    select(_c.version)
    .where(_c.template_id == bindparam("template_id"), _c.version.is_not(None))
    .order_by(_c.id.desc())
    .limit(1)
)

#: Templates that automatically deploy builds of the template ``template_id``.
autorun = (
    select(template.c.id)
    .where(
        template.c.build_template_id == bindparam("template_id"),
        template.c.type == "deploy",
        template.c.autorun == 1,
    )
    .order_by(template.c.id)
)

#: Ended tasks of a template beyond the newest ``keep`` tasks, at most ``count``; none
#: that a task still deploys.
surplus = (
    select(_c.id)
    .where(
        _c.template_id == bindparam("template_id"),
        _c.id
        <= select(_c.id)
        .where(_c.template_id == bindparam("template_id"))
        .order_by(_c.id.desc())
        .limit(1)
        .offset(bindparam("keep"))
        .scalar_subquery(),
        _finished,
        _c.id.not_in(_awaited_ids),
    )
    .order_by(_c.id)
    .limit(bindparam("count"))
)

#: The number of ended tasks that a template keeps, 0 for all.
kept = select(template.c.max_tasks).where(template.c.id == bindparam("template_id"))

#: The templates that keep their tasks for some days only.
expiring = (
    select(template.c.id, template.c.max_task_age_days)
    .where(template.c.max_task_age_days > 0)
    .order_by(template.c.id)
)

#: Tasks of a template that ended before *cutoff*, at most ``count``; never its newest
#: task, whose version the next build counts on, and none that a task still deploys.
expired = (
    select(_c.id)
    .where(
        _c.template_id == bindparam("template_id"),
        _c.end < bindparam("cutoff"),
        _c.id
        < select(func.max(_c.id))
        .where(_c.template_id == bindparam("template_id"))
        .scalar_subquery(),
        _finished,
        _c.id.not_in(_awaited_ids),
    )
    .order_by(_c.id)
    .limit(bindparam("count"))
)

#: The last chunk, to which lines are appended.
last_chunk = (
    select(task_output.c.first, task_output.c.last, task_output.c.lines)
    .where(task_output.c.task_id == bindparam("task_id"))
    .order_by(task_output.c.first.desc())
    .limit(1)
)

rewrite_chunk = (
    update(task_output)
    .where(
        task_output.c.task_id == bindparam("of_task"),
        task_output.c.first == bindparam("from_line"),
    )
    .values(last=bindparam("new_last"), lines=bindparam("new_lines"))
)

#: The first ``count`` chunks with lines above ``number``. The chunk that contains the
#: line ``number`` begins at or below it, so the primary key suffices to find it.
chunks = (
    select(task_output.c.first, task_output.c.last, task_output.c.lines)
    .where(
        task_output.c.task_id == bindparam("task_id"),
        task_output.c.first
        >= func.coalesce(
            select(func.max(task_output.c.first))
            .where(
                task_output.c.task_id == bindparam("task_id"),
                task_output.c.first <= bindparam("number"),
            )
            .scalar_subquery(),
            0,
        ),
        task_output.c.last > bindparam("number"),
    )
    .order_by(task_output.c.first)
    .limit(bindparam("count"))
)

#: The last chunk that begins at the line ``number`` or before it.
chunk_up_to = (
    select(task_output.c.first, task_output.c.last, task_output.c.lines)
    .where(
        task_output.c.task_id == bindparam("task_id"),
        task_output.c.first <= bindparam("number"),
    )
    .order_by(task_output.c.first.desc())
    .limit(1)
)

#: Ended tasks of a project, and of a template, oldest first.
ended_of_project, ended_of_template = (
    select(_c.id)
    .where(column == bindparam("of"), _finished)
    .order_by(_c.id)
    .limit(bindparam("count"))
    for column in (_c.project_id, _c.template_id)
)

_parts = task_output.alias()

#: Deletes the oldest chunks of a task's log, at most ``count``.
delete_parts = delete(task_output).where(
    task_output.c.task_id == bindparam("of_task"),
    task_output.c.first.in_(
        select(_parts.c.first)
        .where(_parts.c.task_id == bindparam("of_task"))
        .order_by(_parts.c.first)
        .limit(bindparam("count"))
    ),
)
