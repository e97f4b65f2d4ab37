"""The log of deliveries, and the memory of those that have started tasks.

A delivery is stored once for each project that it concerns. The number and age of rows
are limited (``limits.HOOK_…``), apart for senders that are not authenticated, so that
strangers displace only each other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.deliveries import RawDelivery, masked
from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.ids import DeliveryId, IntegrationId, ProjectId, TaskId
from semaphore_twisted.model.integrations import (
    Delivery,
    DeliveryHeader,
    DeliveryInList,
    DeliveryOutcome,
    DeliveryResult,
)
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.webhooks.candidates import Candidate
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.integration_tables import (
    integration_delivery,
    integration_result,
    integration_seen,
)
from semaphore_twisted.persistence.statements.webhooks import (
    deliveries as statements,
)

#: Above all ids of deliveries.
NEWEST = 2**63 - 1


class StoredDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as it is stored."""

    id: DeliveryId
    alias: str
    address: str
    method: str
    size: int
    headers: list[tuple[str, str]]
    body: bytes | None

    @override
    def __repr__(self) -> str:
        """Show no headers, no body and no alias."""
        return redacted(self, "id")


class _ResultRow(DeliveryResult, frozen=True, kw_only=True):
    delivery_id: DeliveryId


class _DetailRow(DeliveryInList, frozen=True, kw_only=True):
    headers: list[tuple[str, str]]
    body: bytes | None

    @override
    def __repr__(self) -> str:
        """Show no headers and no body."""
        return redacted(self, "id")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a delivery for a candidate."""

    candidate: Candidate
    outcome: DeliveryOutcome
    reason: str
    task_id: TaskId | None = None


def store(
    conn: Connection,
    delivery: RawDelivery,
    results: Sequence[Result],
    *,
    alias: str,
    secret: Sequence[str],
    resent: StoredDelivery | None = None,
    actor: Actor | None = None,
) -> DeliveryId:
    """Store a delivery with the *results* in one project; forget what is too much.

    *secret* are the headers with the secrets of all integrations that it concerned.
    *resent* is the delivery that *actor* has sent again.
    """
    first = results[0].candidate.integration
    known = any(each.outcome is not DeliveryOutcome.UNAUTHENTICATED for each in results)
    keep = any(
        each.candidate.integration.keep_bodies
        and each.outcome is not DeliveryOutcome.UNAUTHENTICATED
        for each in results
    )
    body = delivery.body if len(delivery.body) <= limits.HOOK_KEPT_BODY else None
    number = conn.insert(
        integration_delivery,
        project_id=first.project_id,
        received=conn.now,
        alias=alias,
        address=delivery.address,
        method=delivery.method,
        headers=masked(delivery.headers, secret),
        size=len(delivery.body),
        body=body if keep else None,
        authenticated=known,
        resent_of=None if resent is None else resent.id,
        user_id=None if actor is None else actor.user.id,
    )
    for index, each in enumerate(results):
        conn.insert(
            integration_result,
            delivery_id=number,
            number=index,
            integration_id=each.candidate.integration.id,
            integration_name=each.candidate.integration.name,
            outcome=each.outcome,
            reason=each.reason[: limits.MESSAGE],
            task_id=each.task_id,
        )
    _forget_surplus(conn, first.project_id)
    return DeliveryId(number)


def _forget_surplus(conn: Connection, project_id: ProjectId) -> None:
    for find, kept, remove in (
        (
            statements.surplus_unknown,
            limits.HOOK_DELIVERIES_UNKNOWN,
            statements.forget_surplus_unknown,
        ),
        (statements.surplus, limits.HOOK_DELIVERIES, statements.forget_surplus),
    ):
        last = conn.scalar(find, project_id=project_id, kept=kept)
        if last is not None:
            conn.run(remove, project_id=project_id, last=last)


def seen_before(
    conn: Connection, integration_id: IntegrationId, digest: str
) -> datetime | None:
    """Return when the delivery with this id has started a task of the integration."""
    found: str | None = conn.scalar(
        statements.seen, integration_id=integration_id, digest=digest
    )
    return None if found is None else datetime.fromisoformat(found)


def remember(conn: Connection, integration_id: IntegrationId, digest: str) -> None:
    """Remember that the delivery with this id has started a task."""
    conn.insert(
        integration_seen, integration_id=integration_id, digest=digest, seen=conn.now
    )
    cutoff = conn.scalar(
        statements.surplus_seen,
        integration_id=integration_id,
        kept=limits.HOOK_SEEN,
    )
    if cutoff is not None:
        conn.run(
            statements.forget_surplus_seen,
            integration_id=integration_id,
            cutoff=cutoff,
        )


def forget(conn: Connection) -> None:
    """Delete what is older than the log and the memory keep."""
    for statement, days in (
        (statements.forget_old, limits.HOOK_DAYS),
        (statements.forget_bodies, limits.HOOK_BODY_DAYS),
        (statements.forget_old_seen, limits.HOOK_SEEN_DAYS),
    ):
        conn.run(statement, cutoff=conn.now - timedelta(days=days))


def listed(
    conn: Connection,
    actor: Actor,
    *,
    integration_id: int | None,
    limit: int,
    before: int = NEWEST,
) -> list[DeliveryInList]:
    """Return up to *limit* deliveries with ids below *before*, newest first."""
    asked = {"project_id": project_of(actor), "most": limit, "before": before}
    if integration_id is None:
        found = conn.all(statements.newest, DeliveryInList, **asked)
    else:
        found = conn.all(
            statements.newest_of_integration,
            DeliveryInList,
            integration_id=integration_id,
            **asked,
        )
    results = results_of(conn, [each.id for each in found])
    return [
        msgspec.structs.replace(each, results=results.get(each.id, ()))
        for each in found
    ]


def get(conn: Connection, actor: Actor, delivery_id: DeliveryId) -> Delivery:
    """Return a delivery with headers and body.

    :raises NotFound: if the project has none with this id
    """
    row = conn.one(
        statements.by_id, _DetailRow, id=delivery_id, project_id=project_of(actor)
    )
    if row is None:
        raise NotFound
    results = results_of(conn, [row.id])
    fields = {name: getattr(row, name) for name in DeliveryInList.__struct_fields__}
    fields["results"] = results.get(row.id, ())
    body = None if row.body is None else row.body.decode("utf-8", "replace")
    headers = tuple(DeliveryHeader(name=name, value=each) for name, each in row.headers)
    return Delivery(headers=headers, body=body, **fields)


def stored(conn: Connection, actor: Actor, delivery_id: DeliveryId) -> StoredDelivery:
    """Return a delivery as it is stored.

    :raises NotFound: if the project has none with this id
    """
    found = conn.one(
        statements.by_id, StoredDelivery, id=delivery_id, project_id=project_of(actor)
    )
    if found is None:
        raise NotFound
    return found


def results_of(
    conn: Connection, ids: Sequence[DeliveryId]
) -> dict[DeliveryId, tuple[DeliveryResult, ...]]:
    """Return the results of deliveries by their ids."""
    found: dict[DeliveryId, tuple[DeliveryResult, ...]] = {}
    for row in conn.all(statements.results, _ResultRow, deliveries=list(ids)):
        result = DeliveryResult(
            integration_id=row.integration_id,
            integration_name=row.integration_name,
            outcome=row.outcome,
            reason=row.reason,
            task_id=row.task_id,
        )
        found[row.delivery_id] = (*found.get(row.delivery_id, ()), result)
    return found
