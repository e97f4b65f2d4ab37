"""The integrations that a delivery concerns, with all that decides about it."""

from datetime import datetime

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.ids import IntegrationId, ProjectId
from semaphore_twisted.model.integrations import (
    Integration,
    IntegrationMatcher,
    IntegrationValue,
)
from semaphore_twisted.model.keys import KeyRow
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import Template
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import orders
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as statements,
)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An integration, its parts, its sealed secret and its template.

    *own_alias* is whether the delivery came to an alias of this integration only.
    """

    integration: Integration
    own_alias: bool
    matchers: tuple[IntegrationMatcher, ...]
    values: tuple[IntegrationValue, ...]
    key: KeyRow | None
    template: Template

    @property
    def fault(self) -> str:
        """The damage of the stored integration or of a part; empty if there is none."""
        if self.integration.fault:
            return f"The integration is damaged: {self.integration.fault}"
        for what, parts in (
            ("matcher", self.matchers),
            ("extracted value", self.values),
        ):
            for each in parts:
                if each.fault:
                    return f"The {what} {quoted(each.name)} is damaged: {each.fault}"
        return ""

    @override
    def __repr__(self) -> str:
        """Show only the integration's id."""
        return f"Candidate({self.integration.id})"


class Addressed(msgspec.Struct, frozen=True, kw_only=True):
    """The integrations of an alias, and the time at which they were read.

    *left_out* is how many more the alias leads to than one delivery may concern.
    """

    candidates: tuple[Candidate, ...]
    left_out: int
    now: datetime


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    project_id: ProjectId
    integration_id: IntegrationId | None


def of_alias(conn: Connection, alias: str, *, everywhere: str) -> tuple[Candidate, ...]:
    """Return the integrations of *alias*, none if there is no such alias.

    *everywhere* is the alias of the installation: it leads to the searchable
    integrations of all projects; an empty one leads nowhere.
    """
    if everywhere and alias == everywhere:
        found = conn.all(
            statements.searchable,
            Integration,
            most_of_project=limits.HOOK_SEARCHABLE,
            most=limits.HOOK_INTEGRATIONS,
        )
        return _candidates(conn, found, own_alias=False)
    target = conn.one(statements.of_alias, _Target, alias=alias)
    if target is None:
        return ()
    project_id = target.project_id
    if target.integration_id is None:
        found = conn.all(
            statements.searchable_of_project,
            Integration,
            project_id=project_id,
            most=limits.HOOK_SEARCHABLE,
        )
        return _candidates(conn, found, own_alias=False)
    return of_integration(conn, project_id, target.integration_id, own_alias=True)


def owner_of(conn: Connection, alias: str) -> IntegrationId | None:
    """Return the integration that *alias* leads to alone, ``None`` if there is none."""
    target = conn.one(statements.of_alias, _Target, alias=alias)
    return None if target is None else target.integration_id


def addressed(conn: Connection, alias: str, *, everywhere: str) -> Addressed:
    """Return the integrations of *alias*, as :func:`of_alias`, with the time."""
    candidates = of_alias(conn, alias, everywhere=everywhere)
    total = len(candidates)
    if everywhere and alias == everywhere:
        total = conn.scalar(statements.count_searchable)
    elif candidates and not candidates[0].own_alias:
        total = count_searchable(conn, candidates[0].integration.project_id)
    return Addressed(
        candidates=candidates, left_out=total - len(candidates), now=conn.now
    )


def count_searchable(conn: Connection, project_id: ProjectId) -> int:
    """Return how many integrations of a project are searchable."""
    found: int = conn.scalar(
        statements.count_searchable_of_project, project_id=project_id
    )
    return found


def of_integration(
    conn: Connection,
    project_id: ProjectId,
    integration_id: IntegrationId,
    *,
    own_alias: bool,
) -> tuple[Candidate, ...]:
    """Return one integration, or nothing if the project has none with this id.

    *own_alias* is as in :class:`Candidate`.
    """
    found = conn.all(
        statements.by_id, Integration, id=integration_id, project_id=project_id
    )
    return _candidates(conn, found, own_alias=own_alias)


def _candidates(
    conn: Connection, found: list[Integration], *, own_alias: bool
) -> tuple[Candidate, ...]:
    return tuple(
        each
        for integration in found
        if (each := _candidate(conn, integration, own_alias=own_alias)) is not None
    )


def _candidate(
    conn: Connection, integration: Integration, *, own_alias: bool
) -> Candidate | None:
    number, project_id = integration.id, integration.project_id
    try:
        template = template_of(conn, project_id, integration.template_id)
    except NotFound:
        return None
    key = None
    if integration.auth_secret_id is not None:
        key = conn.one(
            orders.key, KeyRow, id=integration.auth_secret_id, project_id=project_id
        )
    return Candidate(
        integration=integration,
        own_alias=own_alias,
        matchers=tuple(
            conn.all(statements.matchers, IntegrationMatcher, integration_id=number)
        ),
        values=tuple(
            conn.all(statements.values, IntegrationValue, integration_id=number)
        ),
        key=key,
        # without what changes by itself
        template=replace(template, tasks=0, last_task=None),
    )
