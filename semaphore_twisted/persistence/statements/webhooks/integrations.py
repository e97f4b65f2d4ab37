"""Statements about integrations, their parts and their aliases."""

from sqlalchemy import bindparam, func, select

from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.persistence.integration_tables import (
    integration,
    integration_alias,
    integration_matcher,
    integration_value,
)
from semaphore_twisted.persistence.schema import task
from semaphore_twisted.persistence.statements.sorting import sorted_by

_c = integration.c

_every = select(
    _c.id,
    _c.name,
    _c.project_id,
    _c.template_id,
    _c.auth_method,
    _c.auth_secret_id,
    _c.auth_header,
    _c.searchable,
    _c.task_params,
    _c.auth_algorithm,
    _c.auth_prefix,
    _c.keep_bodies,
)

#: An integration of a project by its id.
by_id = _every.where(_c.project_id == bindparam("project_id"), _c.id == bindparam("id"))

#: The ids of the integrations of a project.
ids = sorted_by(
    select(_c.id).where(_c.project_id == bindparam("project_id")),
    {"name": _c.name},
    _c.id,
    searched=(_c.name,),
)

#: Integrations of a template.
of_template = (
    select(_c.id, _c.name)
    .where(_c.project_id == bindparam("project_id"), _c.template_id == bindparam("id"))
    .order_by(_c.id)
)

#: How many tasks of an integration wait, by the index of statuses.
waiting = (
    select(func.count())
    .select_from(task)
    .where(
        task.c.status == TaskStatus.WAITING,
        task.c.integration_id == bindparam("integration_id"),
    )
)

#: Integrations that use an access key.
of_key = (
    select(_c.id, _c.name)
    .where(
        _c.project_id == bindparam("project_id"), _c.auth_secret_id == bindparam("id")
    )
    .order_by(_c.id)
)

#: How many integrations a project has.
count = select(func.count()).where(_c.project_id == bindparam("project_id"))

matchers = (
    select(integration_matcher)
    .where(integration_matcher.c.integration_id == bindparam("integration_id"))
    .order_by(integration_matcher.c.id)
)

values = (
    select(integration_value)
    .where(integration_value.c.integration_id == bindparam("integration_id"))
    .order_by(integration_value.c.id)
)

_a = integration_alias.c

#: The aliases of a project that belong to no single integration.
aliases_of_project = (
    select(_a.id, _a.alias)
    .where(_a.project_id == bindparam("project_id"), _a.integration_id.is_(None))
    .order_by(_a.id)
)

aliases_of_integration = (
    select(_a.id, _a.alias)
    .where(
        _a.project_id == bindparam("project_id"),
        _a.integration_id == bindparam("integration_id"),
    )
    .order_by(_a.id)
)

count_aliases = select(func.count()).where(_a.project_id == bindparam("project_id"))

#: What an alias leads to.
of_alias = select(_a.project_id, _a.integration_id).where(
    _a.alias == bindparam("alias")
)

#: The integrations of an alias: those of one project that are searchable, or one.
searchable_of_project = (
    _every.where(_c.project_id == bindparam("project_id"), _c.searchable == 1)
    .order_by(_c.id)
    .limit(bindparam("most"))
)
_ranked = (
    select(
        _c.id,
        func.row_number()
        .over(partition_by=_c.project_id, order_by=_c.id)
        .label("place"),
    )
    .where(_c.searchable == 1)
    .subquery()
)
#: Those of all projects, up to a number of each; if they are too many, the first ones
#: of each project, so that no project leaves out another one.
searchable = _every.where(
    _c.id.in_(
        select(_ranked.c.id)
        .where(_ranked.c.place <= bindparam("most_of_project"))
        .order_by(_ranked.c.place, _ranked.c.id)
        .limit(bindparam("most"))
    )
).order_by(_c.id)

#: How many integrations are searchable, of all projects, and of one.
count_searchable = select(func.count()).where(_c.searchable == 1)
count_searchable_of_project = count_searchable.where(
    _c.project_id == bindparam("project_id")
)
