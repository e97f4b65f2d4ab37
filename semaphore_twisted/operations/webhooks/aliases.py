"""The aliases of integrations: addresses that other programs send deliveries to."""

import re
import string

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound
from semaphore_twisted.model.ids import AliasId, IntegrationId, ProjectId
from semaphore_twisted.model.integrations import RECEIVER, IntegrationAlias
from semaphore_twisted.model.refusals import quoted
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


#: What an alias of a backup may be; Semaphore's have 16 small letters and digits.
_LEAST, _MOST = 8, 100
_ALIAS = re.compile(rf"[A-Za-z0-9_-]{{{_LEAST},{_MOST}}}")


class _Owner(msgspec.Struct, frozen=True, kw_only=True):
    project_id: ProjectId
    integration_id: IntegrationId | None


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


def texts(
    conn: Connection, actor: Actor, integration_id: IntegrationId | None
) -> tuple[str, ...]:
    """Return the aliases themselves, sorted, for the backup of a project."""
    return tuple(sorted(each.alias for each in _rows(conn, actor, integration_id)))


def create(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId | None,
    *,
    site: str,
    wanted: str = "",
) -> IntegrationAlias:
    """Create an alias of an integration, or of the project.

    It is *wanted*, as in the backup of a project, unless that exists already; else a
    random text.

    :raises Conflict: if the project has too many
    :raises Invalid: if *wanted* cannot be an alias
    """
    _rows(conn, actor, integration_id)  # raises NotFound
    project_id = project_of(actor)
    count = conn.scalar(statements.count_aliases, project_id=project_id)
    if count >= limits.HOOK_ALIASES:
        raise Conflict(
            f"The project has {count} aliases, and may not have more; delete one"
        )
    alias = wanted
    if wanted and not _ALIAS.fullmatch(wanted):
        raise Invalid(
            f"aliases: invalid value {quoted(wanted)}; expected {_LEAST} to {_MOST} "
            "letters, digits, - or _"
        )
    if not wanted or conn.one(statements.of_alias, _Owner, alias=wanted) is not None:
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
