"""The parts of a template beside its row: vault passwords and variable groups."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model.ids import EnvironmentId, ProjectId, TemplateId
from semaphore_twisted.model.templates import Template, TemplateVault
from semaphore_twisted.operations.projects.template_rules import CheckedVault
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import template_environment, template_vault
from semaphore_twisted.persistence.statements.projects import templates as statements


class _Group(msgspec.Struct, frozen=True):
    template_id: TemplateId
    environment_id: EnvironmentId


def completed(conn: Connection, row: Template) -> Template:
    """Return the template of a *row* with its vault passwords and variable groups."""
    vaults = conn.all(statements.vaults, TemplateVault, template_id=row.id)
    groups = conn.all(statements.groups, _Group, template_id=row.id)
    return _with(row, vaults, groups)


def all_completed(
    conn: Connection, project_id: ProjectId, rows: Sequence[Template]
) -> list[Template]:
    """Return the templates of *rows* of a project, as :func:`completed` does."""
    if len(rows) == 1:
        return [completed(conn, rows[0])]
    vaults: dict[TemplateId | None, list[TemplateVault]] = {}
    for vault in conn.all(
        statements.vaults_of_project, TemplateVault, project_id=project_id
    ):
        vaults.setdefault(vault.template_id, []).append(vault)
    groups: dict[TemplateId, list[_Group]] = {}
    for group in conn.all(statements.groups_of_project, _Group, project_id=project_id):
        groups.setdefault(group.template_id, []).append(group)
    return [_with(row, vaults.get(row.id, []), groups.get(row.id, [])) for row in rows]


def _with(
    row: Template, vaults: Sequence[TemplateVault], more: Sequence[_Group]
) -> Template:
    first = () if row.environment_id is None else (row.environment_id,)
    return replace(
        row,
        vaults=tuple(vaults),
        environment_ids=(*first, *(each.environment_id for each in more)),
    )


def store(
    conn: Connection,
    project_id: ProjectId,
    template_id: TemplateId,
    *,
    vaults: Sequence[CheckedVault],
    groups: Sequence[EnvironmentId],
) -> None:
    """Store the vault passwords, and the variable groups after the first one.

    They replace those that the template had.
    """
    conn.run(statements.forget_vaults, template_id=template_id)
    for vault in vaults:
        conn.insert(
            template_vault,
            project_id=project_id,
            template_id=template_id,
            vault_key_id=vault.key_id,
            name=vault.name,
            type=vault.type,
            script=vault.script,
        )
    conn.run(statements.forget_groups, template_id=template_id)
    for position, number in enumerate(groups[1:], 1):
        conn.insert(
            template_environment,
            template_id=template_id,
            position=position,
            environment_id=number,
        )
