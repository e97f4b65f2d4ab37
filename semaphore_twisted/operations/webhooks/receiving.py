"""Starts the tasks that a delivery asks for, and stores what became of it.

Evaluating a delivery takes time, so it is done outside of the transaction
(``evaluation``). The transaction reads the integrations again: if they have changed,
the delivery must be evaluated again.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import limits
from semaphore_twisted.model.deliveries import MASK, RawDelivery
from semaphore_twisted.model.errors import Conflict, DomainError, Invalid
from semaphore_twisted.model.ids import DeliveryId, IntegrationId, ProjectId, UserId
from semaphore_twisted.model.integrations import (
    Delivery,
    DeliveryOutcome,
    IntegrationTest,
)
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.model.texts import TASK_JSON, TaskText
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.operations.webhooks import candidates as of_candidates
from semaphore_twisted.operations.webhooks import deliveries, integrations
from semaphore_twisted.operations.webhooks.authentication import secret_headers
from semaphore_twisted.operations.webhooks.candidates import Candidate
from semaphore_twisted.operations.webhooks.deliveries import Result
from semaphore_twisted.operations.webhooks.evaluation import Verdict, judge
from semaphore_twisted.operations.webhooks.matching import Payload
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as statements,
)


class SampleDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that tests an integration: headers and body to try."""

    headers: Annotated[dict[str, str], TASK_JSON] = {}
    body: TaskText = ""

    @override
    def __repr__(self) -> str:
        """Show nothing of it."""
        return "SampleDelivery(…)"

    @property
    def delivery(self) -> RawDelivery:
        """The delivery that would arrive."""
        return RawDelivery(
            method="POST",
            address="",
            headers=tuple((name.lower(), each) for name, each in self.headers.items()),
            body=self.body.encode("utf-8", "surrogatepass"),
        )


class Resent(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was sent again, and the tasks that it has started."""

    delivery: Delivery
    tasks: tuple[Task, ...]


def receive(
    conn: Connection,
    keyring: Keyring,
    delivery: RawDelivery,
    verdicts: Sequence[Verdict],
    *,
    alias: str,
    everywhere: str,
) -> list[Task] | None:
    """Start the tasks of *verdicts*, store the delivery, and return the tasks.

    Return ``None``, with nothing changed, if the integrations of *alias* are no longer
    those that the verdicts are about. *everywhere* is as in ``candidates.of_alias``.
    """
    present = of_candidates.of_alias(conn, alias, everywhere=everywhere)
    if present != tuple(each.candidate for each in verdicts):
        return None
    results: dict[ProjectId, list[Result]] = defaultdict(list)
    started: list[Task] = []
    for verdict in verdicts:
        result, task = _acted(conn, keyring, delivery, verdict)
        results[verdict.candidate.integration.project_id].append(result)
        if task is not None:
            started.append(task)
    # one project must not see the secret that the sender has for another one
    secret = [
        name for each in verdicts for name in secret_headers(each.candidate.integration)
    ]
    for of_project in results.values():
        deliveries.store(conn, delivery, of_project, alias=alias, secret=secret)
    return started


def _acted(
    conn: Connection, keyring: Keyring, delivery: RawDelivery, verdict: Verdict
) -> tuple[Result, Task | None]:
    """Start the task of a verdict, unless the delivery has started one before."""
    if verdict.task is None:
        return _result(verdict), None
    number = delivery.number
    integration_id = verdict.candidate.integration.id
    if number is not None:
        before = deliveries.seen_before(conn, integration_id, number)
        if before is not None:
            reason = (
                "A delivery with this id has started a task before, at"
                f" {before:%Y-%m-%d %H:%M:%S} UTC"
            )
            return _result(verdict, DeliveryOutcome.REPLAYED, reason), None
    result, task = _start(conn, keyring, verdict, user_id=None)
    if task is not None and number is not None:
        deliveries.remember(conn, integration_id, number)
    return result, task


def _result(
    verdict: Verdict,
    outcome: DeliveryOutcome | None = None,
    reason: str = "",
    task: Task | None = None,
) -> Result:
    return Result(
        candidate=verdict.candidate,
        outcome=outcome or verdict.outcome,
        reason=reason or verdict.reason,
        task_id=None if task is None else task.id,
    )


def _start(
    conn: Connection, keyring: Keyring, verdict: Verdict, *, user_id: UserId | None
) -> tuple[Result, Task | None]:
    """Queue the task of a verdict, by the rules for a task of a user."""
    candidate, body = verdict.candidate, verdict.task
    if body is None:
        return _result(verdict), None
    waiting = conn.scalar(statements.waiting, integration_id=candidate.integration.id)
    if waiting >= limits.HOOK_WAITING:
        reason = f"{waiting} tasks of the integration wait already"
        return _result(verdict, DeliveryOutcome.REFUSED, reason), None
    try:
        made = tasks.add(conn, keyring, candidate.template, body, user_id=user_id)
    except DomainError as error:
        return _result(verdict, DeliveryOutcome.REFUSED, error.message), None
    integration = candidate.integration
    conn.update(schema.task, made.id, integration_id=integration.id)
    task = tasks.task_of(conn, integration.project_id, made.id)
    events.TASK.record(
        conn,
        None,
        task.id,
        candidate.template.name,
        f"queued for running (integration {integration.name})",
        object_name=candidate.template.playbook,
        project_id=integration.project_id,
        user_id=user_id,
    )
    return _result(verdict, DeliveryOutcome.STARTED, task=task), task


def send_again(
    conn: Connection, actor: Actor, keyring: Keyring, delivery_id: DeliveryId
) -> Resent:
    """Evaluate a stored delivery again, for the integrations that accepted its sender.

    The sender is not authenticated again, since secrets are not stored; *actor*, who
    has the right to run tasks, starts them. An integration without matchers is started
    only if the alias of the delivery is still its own.

    :raises Conflict: if the body is not stored, or no integration is left
    """
    stored = deliveries.stored(conn, actor, delivery_id)
    if stored.body is None:
        raise Conflict(
            "The body of this delivery is not stored, so it cannot be sent again; the"
            " integration keeps bodies only if keep_bodies is set, for"
            f" {limits.HOOK_BODY_DAYS} days, up to {limits.HOOK_KEPT_BODY} bytes"
        )
    delivery = RawDelivery(
        method=stored.method,
        address=stored.address,
        headers=tuple(stored.headers),
        body=stored.body,
    )
    before = deliveries.results_of(conn, [stored.id]).get(stored.id, ())
    accepted = [
        each.integration_id
        for each in before
        if each.integration_id is not None
        and each.outcome is not DeliveryOutcome.UNAUTHENTICATED
    ]
    results: list[Result] = []
    started: list[Task] = []
    owner = of_candidates.owner_of(conn, stored.alias)
    present = [
        each
        for number in accepted
        for each in _present(conn, actor, number, own_alias=number == owner)
    ]
    # what was masked is secret still, whatever the integrations say now
    secret = [name for name, value in stored.headers if value == MASK]
    secret += [name for each in present for name in secret_headers(each.integration)]
    payload = Payload(delivery, secret)
    for candidate in present:
        verdict = judge(candidate, payload)
        result, task = _start(conn, keyring, verdict, user_id=actor.user.id)
        results.append(result)
        if task is not None:
            started.append(task)
    if not results:
        raise Conflict("None of the integrations that accepted this delivery is left")
    number = deliveries.store(
        conn,
        delivery,
        results,
        alias=stored.alias,
        secret=secret,
        resent=stored,
        actor=actor,
    )
    return Resent(delivery=deliveries.get(conn, actor, number), tasks=tuple(started))


def _present(
    conn: Connection, actor: Actor, integration_id: IntegrationId, *, own_alias: bool
) -> tuple[Candidate, ...]:
    return of_candidates.of_integration(
        conn, project_of(actor), integration_id, own_alias=own_alias
    )


def try_out(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    sample: SampleDelivery,
) -> IntegrationTest:
    """Return what an integration would make of a delivery from an accepted sender.

    It comes to an alias of the integration's own. Nothing is started or stored.
    """
    integrations.get(conn, actor, integration_id)  # raises NotFound
    (candidate,) = _present(conn, actor, integration_id, own_alias=True)
    secret = secret_headers(candidate.integration)
    verdict = judge(candidate, Payload(sample.delivery, secret))
    outcome, reason = verdict.outcome, verdict.reason
    if verdict.task is not None:
        try:
            tasks.draft(conn, candidate.template, verdict.task, user_id=None)
        except Invalid as error:
            outcome, reason = DeliveryOutcome.REFUSED, error.message
    return IntegrationTest(
        outcome=outcome,
        reason=reason,
        environment=verdict.found.environment,
        task=verdict.found.task,
    )
