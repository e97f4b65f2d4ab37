"""The aliases of integrations: addresses that other programs send deliveries to."""

import string

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Conflict, NotFound
from semaphore_twisted.model.ids import AliasId, IntegrationId
from semaphore_twisted.model.integrations import RECEIVER, IntegrationAlias
from semaphore_twisted.model.users import Actor, Permission
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.webhooks import integrations
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.integration_tables import integration_alias
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as statements,
)

#: An alias, as Semaphore makes it: 82 bits.
_LETTERS = string.ascii_lowercase + string.digits
_LENGTH = 16

#: Characters of an alias that a member without the right to run tasks sees.
_SHOWN = 4


class _AliasRow(msgspec.Struct, frozen=True, kw_only=True):
    id: AliasId
    alias: str


def listed(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId | None,
    *,
    site: str,
) -> list[IntegrationAlias]:
    """Return the aliases of an integration, or those of the project.

    *site* is the site's URL. An integration without authentication is started by
    anyone with the alias, so members without that right see its beginning only.
    """
    whole = actor.may(Permission.RUN_TASKS)
    return [
        IntegrationAlias(
            id=each.id,
            url=site + RECEIVER + (each.alias if whole else f"{each.alias[:_SHOWN]}…"),
        )
        for each in _rows(conn, actor, integration_id)
    ]


def create(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId | None,
    *,
    site: str,
) -> IntegrationAlias:
    """Create an alias of an integration, or of the project.

    :raises Conflict: if the project has too many
    """
    _rows(conn, actor, integration_id)  # raises NotFound
    project_id = project_of(actor)
    count = conn.scalar(statements.count_aliases, project_id=project_id)
    if count >= limits.HOOK_ALIASES:
        raise Conflict(
            f"The project has {count} aliases, and may not have more; delete one"
        )
    alias = _random(conn)
    number = conn.insert(
        integration_alias,
        project_id=project_id,
        integration_id=integration_id,
        alias=alias,
    )
    _record(conn, actor, integration_id, alias, "added")
    return IntegrationAlias(id=AliasId(number), url=site + RECEIVER + alias)


def delete(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId | None,
    alias_id: AliasId,
) -> None:
    """Delete an alias; deliveries to it are ignored from then on.

    :raises NotFound: if the integration, or the project, has no such alias
    """
    for each in _rows(conn, actor, integration_id):
        if each.id == alias_id:
            conn.delete(integration_alias, alias_id)
            _record(conn, actor, integration_id, each.alias, "removed")
            return
    raise NotFound


def _record(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId | None,
    alias: str,
    what: str,
) -> None:
    name = "(of the project)"
    if integration_id is not None:
        name = integrations.get(conn, actor, integration_id).name
    events.INTEGRATION.record(
        conn,
        actor,
        integration_id,
        name,
        f"updated: alias {alias[:_SHOWN]}… {what}",
    )


def _rows(
    conn: Connection, actor: Actor, integration_id: IntegrationId | None
) -> list[_AliasRow]:
    project_id = project_of(actor)
    if integration_id is None:
        return conn.all(statements.aliases_of_project, _AliasRow, project_id=project_id)
    integrations.get(conn, actor, integration_id)
    return conn.all(
        statements.aliases_of_integration,
        _AliasRow,
        project_id=project_id,
        integration_id=integration_id,
    )


def _random(conn: Connection) -> str:
    text = ""
    most = 256 - 256 % len(_LETTERS)
    while len(text) < _LENGTH:
        text += "".join(
            _LETTERS[each % len(_LETTERS)]
            for each in conn.entropy(_LENGTH)
            if each < most
        )
    return text[:_LENGTH]
