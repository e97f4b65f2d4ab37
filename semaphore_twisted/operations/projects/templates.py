"""Operations on templates."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.apps import ANSIBLE, has_plans
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, at_field
from semaphore_twisted.model.ids import EnvironmentId, ProjectId, TaskId, TemplateId
from semaphore_twisted.model.inventories import WORKSPACES
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.limits import SLICE_PARTS
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import apps, events
from semaphore_twisted.operations.projects import template_parts
from semaphore_twisted.operations.projects.references import (
    References,
    check,
    id_or_none,
    named,
    project_of,
)
from semaphore_twisted.operations.projects.template_rules import (
    CheckedVault,
    NewTemplate,
    checked,
    checked_vaults,
    groups_of,
    vaults_of,
)
from semaphore_twisted.operations.tasks import deployable, slices
from semaphore_twisted.operations.tasks import tasks as of_tasks
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory, template
from semaphore_twisted.persistence.statements.projects import (
    environments as of_environments,
)
from semaphore_twisted.persistence.statements.projects import (
    inventories as of_inventories,
)
from semaphore_twisted.persistence.statements.projects import keys as of_keys
from semaphore_twisted.persistence.statements.projects import (
    repositories as of_repositories,
)
from semaphore_twisted.persistence.statements.projects import (
    schedules as of_schedules,
)
from semaphore_twisted.persistence.statements.projects import templates as statements
from semaphore_twisted.persistence.statements.tasks import tasks as task_statements
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as of_integrations,
)

#: The types of templates whose tasks can be deployed.
_DEPLOYABLE = frozenset({"build", "deploy"})
_VAULT_KEYS = frozenset({KeyType.LOGIN_PASSWORD, KeyType.STRING})


class _Newest(msgspec.Struct, frozen=True):
    template_id: TemplateId
    id: TaskId | None


class _Chained(msgspec.Struct, frozen=True):
    type: str
    build_template_id: TemplateId | None


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that changes only a template's description."""

    description: texts.Description | None = None


#: The orders in which they are listed, those of a project and those of a view.
ORDERS = statements.ids

#: The columns by which they can be sorted; an empty text means the name.
SORT_COLUMNS = frozenset({"", *statements.SORT_COLUMNS})
ORDERS_OF_VIEW = statements.ids_of_view


def page(
    conn: Connection, actor: Actor, numbers: Sequence[int]
) -> tuple[list[Template], int]:
    """Return the templates of the first *numbers* with their newest tasks.

    Also return how many of *numbers* were read. Numbers that are not templates of the
    project are ignored.
    """
    project_id = project_of(actor)
    rows, taken = conn.batch(
        statements.by_id,
        Template,
        numbers,
        size=limits.BATCH,
        project_id=project_id,
    )
    newest = {
        each.template_id: each.id
        for each in conn.all(
            statements.newest_tasks, _Newest, ids=[each.id for each in rows]
        )
    }
    wanted = [number for each in rows if (number := newest[each.id]) is not None]
    tasks, reached = of_tasks.page(conn, actor, wanted)
    if reached < len(wanted):  # the texts of the tasks are too long for one batch
        first = next(each for each in rows if newest.get(each.id) == wanted[reached])
        rows = rows[: rows.index(first)]
        taken = list(numbers).index(first.id)
    last = {each.template_id: each for each in tasks}
    whole = [
        replace(
            each,
            last_task=last.get(each.id),
            task_params=each.task_params or None,
        )
        for each in template_parts.all_completed(conn, project_id, rows)
    ]
    return whole, taken


def get(conn: Connection, actor: Actor, template_id: TemplateId) -> Template:
    """Return a template with its vaults and its newest task."""
    rows, _ = page(conn, actor, [template_id])
    if not rows:
        raise NotFound
    return rows[0]


def references(conn: Connection, actor: Actor, template_id: TemplateId) -> References:
    """Return the objects that refer to a template; they do not prevent its deletion.

    Schedules and integrations are deleted with it.
    """
    _found(conn, actor, template_id)
    project_id = project_of(actor)
    return References(
        templates=named(conn, statements.deploying, project_id, template_id),
        inventories=named(conn, statements.held_inventories, project_id, template_id),
        integrations=named(conn, of_integrations.of_template, project_id, template_id)
        or msgspec.UNSET,
        schedules=named(conn, of_schedules.with_template, project_id, template_id),
    )


def insert(
    conn: Connection, actor: Actor, new: NewTemplate, *, restored: bool = False
) -> TemplateId:
    """Create a template, and return its id.

    A *restored* one may have an app that is switched off: it cannot run until then.
    """
    project_id = project_of(actor)
    groups = _groups(conn, project_id, groups_of(new))
    values = {
        **checked(
            new, apps.table(conn), kept=(new.app or ANSIBLE.id) if restored else None
        ),
        **_references(conn, project_id, new, itself=None),
    }
    vaults = _vaults(conn, project_id, new)
    number = TemplateId(
        conn.insert(
            template, project_id=project_id, environment_id=_first(groups), **values
        )
    )
    template_parts.store(conn, project_id, number, vaults=vaults, groups=groups)
    events.TEMPLATE.record(conn, actor, number, new.name, "created")
    return number


def change(
    conn: Connection, actor: Actor, template_id: TemplateId, new: NewTemplate
) -> None:
    """Replace a template; its tasks and their count do not change.

    :raises Conflict: if it would get another app while its tasks have not ended: their
        inventories and parameters are those of the app
    """
    stored = get(conn, actor, template_id)
    texts.check(new, stored)
    if (new.app or ANSIBLE.id) != stored.app:
        _check_app_unused(conn, template_id)
    project_id = project_of(actor)
    if new.type != stored.type:
        _check_type(conn, project_id, template_id, new.type)
    groups = _groups(conn, project_id, groups_of(new, stored))
    values = {
        **checked(new, apps.table(conn), kept=stored.app),
        **_references(conn, project_id, new, itself=template_id),
    }
    vaults = _vaults(conn, project_id, new)
    conn.update(template, template_id, environment_id=_first(groups), **values)
    template_parts.store(conn, project_id, template_id, vaults=vaults, groups=groups)
    events.TEMPLATE.record(conn, actor, template_id, new.name, "updated")


def _check_app_unused(conn: Connection, template_id: TemplateId) -> None:
    task_id = conn.scalar(statements.unfinished, template_id=template_id)
    if task_id is not None:
        raise Conflict(
            f"app: task {task_id} of the template has not ended; stop it, or wait for"
            " its end, before the template gets another app"
        )


def _check_type(
    conn: Connection, project_id: ProjectId, template_id: TemplateId, kind: str
) -> None:
    """Refuse a type whose tasks cannot be deployed while templates deploy them.

    :raises Invalid: naming the templates
    """
    found = named(conn, statements.deploying, project_id, template_id)
    if found and kind not in _DEPLOYABLE:
        names = ", ".join(quoted(each.name) for each in found)
        raise Invalid(
            f"type: the tasks of this template are deployed by {names}; expected build "
            "or deploy"
        )


def describe(
    conn: Connection, actor: Actor, template_id: TemplateId, new: Description
) -> None:
    """Change only a template's description."""
    stored_template = _found(conn, actor, template_id)
    texts.check(new, stored_template)
    conn.update(template, template_id, description=new.description)
    events.TEMPLATE.record(conn, actor, template_id, stored_template.name, "updated")


def delete_some(conn: Connection, actor: Actor, template_id: TemplateId) -> bool:
    """Delete some ended tasks of a template that is being deleted.

    Return whether there may be more; :func:`delete` deletes the rest.

    :raises Conflict: while one of its tasks has not ended
    """
    _found(conn, actor, template_id)
    _check_idle(conn, template_id)
    tasks = conn.column(
        task_statements.ended_of_template, of=template_id, count=SLICE_PARTS
    )
    slices.delete_some(conn, tasks)
    return bool(tasks)


def _check_idle(conn: Connection, template_id: TemplateId) -> None:
    task_id = conn.scalar(statements.unfinished, template_id=template_id)
    if task_id is not None:
        raise Conflict(f"Task {task_id} of the template has not ended: stop it first")
    deployable.check_template(conn, template_id)


def delete(conn: Connection, actor: Actor, template_id: TemplateId) -> None:
    """Delete a template with its tasks, schedules and integrations.

    :raises Conflict: while one of its tasks has not ended
    """
    stored_template = _found(conn, actor, template_id)
    _check_idle(conn, template_id)
    for each in named(
        conn, statements.held_inventories, stored_template.project_id, template_id
    ):
        conn.update(inventory, each.id, holder_id=None)
    deleted = references(conn, actor, template_id)
    conn.delete(template, template_id)
    for kind, found in (
        (events.SCHEDULE, deleted.schedules),
        (events.INTEGRATION, deleted.integrations or ()),
    ):
        for each in found:
            kind.record(conn, actor, each.id, each.name or f"{each.id}", "deleted")
    events.TEMPLATE.record(conn, actor, template_id, stored_template.name, "deleted")


def _found(conn: Connection, actor: Actor, template_id: TemplateId) -> Template:
    stored_template = conn.one(
        statements.by_id, Template, id=template_id, project_id=project_of(actor)
    )
    if stored_template is None:
        raise NotFound
    return stored_template


def _references(
    conn: Connection,
    project_id: ProjectId,
    new: NewTemplate,
    *,
    itself: TemplateId | None,
) -> dict[str, int | None]:
    """Return the columns that refer to other objects of the project."""
    deploys = new.type == "deploy"
    built_by = (new.build_template_id or None) if deploys else None
    values: dict[str, int | None] = {
        "repository_id": int(new.repository_id),
        "inventory_id": id_or_none(new.inventory_id),
        "view_id": id_or_none(new.view_id),
        "build_template_id": built_by,
    }
    for field, statement in (
        ("repository_id", of_repositories.by_id),
        ("inventory_id", of_inventories.by_id),
        ("view_id", statements.view_by_id),
    ):
        check(conn, statement, project_id=project_id, number=values[field], field=field)
    _check_workspace(conn, project_id, new)
    _check_builds(conn, project_id, built_by, itself)
    return values


def _check_workspace(conn: Connection, project_id: ProjectId, new: NewTemplate) -> None:
    """Check that the inventory of an app that plans is a workspace, and no other's.

    :raises Invalid: naming the types
    """
    if not new.inventory_id:
        return
    kind = conn.scalar(
        of_inventories.type_of, project_id=project_id, id=new.inventory_id
    )
    plans = has_plans(new.app)
    if plans != (kind in WORKSPACES):
        accepted = " or ".join(sorted(WORKSPACES))
        raise Invalid(
            f"inventory_id: inventory {new.inventory_id} has the type {kind}; expected "
            + (accepted if plans else f"another type than {accepted}")
        )


def _check_builds(
    conn: Connection,
    project_id: ProjectId,
    number: TemplateId | None,
    itself: TemplateId | None,
) -> None:
    """Check the template whose builds a template deploys.

    That is a template of the type build, or one that deploys: its deployments are then
    deployed on, so the templates make a chain that begins with a build.

    :raises Invalid: if there is no such template, or the chain does not end
    """
    chain: list[TemplateId | None] = [itself]
    while number is not None:
        row = conn.one(statements.type_of, _Chained, id=number, project_id=project_id)
        if row is None:
            raise Invalid(f"build_template_id: there is no {number} in this project")
        if row.type not in _DEPLOYABLE or number in chain:
            raise Invalid(
                f"build_template_id: template {number}; expected another template, "
                "of the type build, or one that deploys and does not lead back here"
            )
        chain.append(number)
        number = row.build_template_id if row.type == "deploy" else None


def _groups(
    conn: Connection, project_id: ProjectId, groups: tuple[EnvironmentId, ...]
) -> tuple[EnvironmentId, ...]:
    """Return *groups* if each belongs to the project.

    :raises Invalid: naming the one that does not
    """
    field = "environment_id" if len(groups) == 1 else "environment_ids"
    for number in groups:
        check(
            conn,
            of_environments.by_id,
            project_id=project_id,
            number=number,
            field=field,
        )
    return groups


def _first(groups: tuple[EnvironmentId, ...]) -> EnvironmentId | None:
    return groups[0] if groups else None


def _vaults(
    conn: Connection, project_id: ProjectId, new: NewTemplate
) -> tuple[CheckedVault, ...]:
    with at_field("vaults"):
        vaults = checked_vaults(vaults_of(new))
    for each in vaults:
        if each.key_id is None:
            continue
        kind = check(
            conn,
            of_keys.type_of,
            project_id=project_id,
            number=each.key_id,
            field="vault_key_id",
        )
        if kind not in _VAULT_KEYS:
            raise Invalid(f"vault_key_id: the key {each.key_id} holds no password")
    return vaults
