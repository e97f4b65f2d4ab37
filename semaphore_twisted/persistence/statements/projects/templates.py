"""Statements about templates, their vaults, and the newest task of each."""

from sqlalchemy import bindparam, delete, func, null, or_, select

from semaphore_twisted.persistence.schema import (
    environment,
    inventory,
    repository,
    task,
    template,
    template_environment,
    template_vault,
    view,
)
from semaphore_twisted.persistence.statements.sorting import sorted_by
from semaphore_twisted.persistence.statements.tasks.tasks import UNFINISHED

_c = template.c

#: The operation fills in *vaults* and *last_task*.
_shown = select(
    _c.id,
    _c.project_id,
    _c.inventory_id,
    _c.repository_id,
    _c.environment_id,
    _c.name,
    _c.playbook,
    _c.arguments,
    _c.allow_override_args_in_task,
    _c.description,
    null().label("vaults"),
    _c.type,
    _c.start_version,
    _c.build_template_id,
    _c.view_id,
    null().label("last_task"),
    _c.autorun,
    _c.git_branch,
    _c.survey_vars,
    _c.suppress_success_alerts,
    _c.app,
    _c.tasks,
    _c.task_params,
    _c.allow_override_branch_in_task,
    _c.allow_parallel_tasks,
    _c.max_task_duration_sec,
    _c.max_tasks,
    _c.max_task_age_days,
).where(_c.project_id == bindparam("project_id"))

#: A template of a project by its id.
by_id = _shown.where(_c.id == bindparam("id"))

#: By the names of Semaphore's API: the columns by which a list can be sorted.
_SORTED = {
    "name": _c.name,
    "playbook": _c.playbook,
    "inventory": inventory.c.name,
    "environment": environment.c.name,
    "repository": repository.c.name,
    "app": _c.app,
    "type": _c.type,
}
SORT_COLUMNS = tuple(_SORTED)

_ids = (
    select(_c.id)
    .where(_c.project_id == bindparam("project_id"))
    .outerjoin(inventory, inventory.c.id == _c.inventory_id)
    .outerjoin(repository, repository.c.id == _c.repository_id)
    .outerjoin(environment, environment.c.id == _c.environment_id)
)
_SEARCHED = (_c.name, _c.playbook, _c.app, _c.description, inventory.c.name)

#: The ids of the templates of a project, and of those in a view.
ids = sorted_by(_ids, _SORTED, _c.id, searched=_SEARCHED)
ids_of_view = sorted_by(
    _ids.where(_c.view_id == bindparam("view_id")),
    _SORTED,
    _c.id,
    searched=_SEARCHED,
)

#: The type of a template, and the template whose builds it deploys.
type_of = select(_c.type, _c.build_template_id).where(
    _c.id == bindparam("id"), _c.project_id == bindparam("project_id")
)

view_by_id = select(view.c.id).where(
    view.c.id == bindparam("id"), view.c.project_id == bindparam("project_id")
)

_vaults = select(
    template_vault.c.id,
    template_vault.c.project_id,
    template_vault.c.template_id,
    template_vault.c.vault_key_id,
    template_vault.c.name,
    template_vault.c.type,
    template_vault.c.script,
).order_by(template_vault.c.id)

#: The vaults of one template, and of all templates of a project.
vaults = _vaults.where(template_vault.c.template_id == bindparam("template_id"))
vaults_of_project = _vaults.where(
    template_vault.c.project_id == bindparam("project_id")
)

_groups = select(
    template_environment.c.template_id, template_environment.c.environment_id
).order_by(template_environment.c.template_id, template_environment.c.position)

#: The variable groups after the first one, of a template and of all of a project.
groups = _groups.where(template_environment.c.template_id == bindparam("template_id"))
groups_of_project = _groups.join(
    template, template.c.id == template_environment.c.template_id
).where(_c.project_id == bindparam("project_id"))

forget_groups = delete(template_environment).where(
    template_environment.c.template_id == bindparam("template_id")
)

forget_vaults = delete(template_vault).where(
    template_vault.c.template_id == bindparam("template_id")
)

#: The newest task of each template in ``ids``, a JSON list; NULL if there is none.
newest_tasks = select(
    _c.id.label("template_id"),
    # a subquery per template, which the index answers without scanning the table
    select(func.max(task.c.id))
    .where(task.c.template_id == _c.id)
    .correlate(template)
    .scalar_subquery()
    .label("id"),
).where(
    _c.id.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))
)

#: A started task of the template that has not ended; queued tasks do not count.
unfinished = (
    select(task.c.id)
    .where(
        # by the index of the statuses: few are unfinished, and a template has many
        task.c.template_id + 0 == bindparam("template_id"),
        or_(*(task.c.status == each for each in UNFINISHED)),
    )
    .limit(1)
)

#: Templates that deploy the builds of a template.
deploying = (
    select(_c.id, _c.name)
    .where(
        _c.project_id == bindparam("project_id"),
        _c.build_template_id == bindparam("id"),
    )
    .order_by(_c.id)
)

held_inventories = (
    select(inventory.c.id, inventory.c.name)
    .where(
        inventory.c.project_id == bindparam("project_id"),
        inventory.c.holder_id == bindparam("id"),
    )
    .order_by(inventory.c.id)
)
