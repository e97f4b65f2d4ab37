"""Evaluates a delivery for each integration; pure, so it can run in a worker thread."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from attrs import evolve, field, frozen
from msgspec.structs import replace

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.deliveries import RawDelivery
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.integrations import AuthMethod, DeliveryOutcome
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.operations.webhooks.authentication import (
    Unproven,
    method_of,
    prove,
    secret_headers,
)
from semaphore_twisted.operations.webhooks.candidates import Candidate
from semaphore_twisted.operations.webhooks.matching import Payload, extract, mismatch
from semaphore_twisted.operations.webhooks.task_settings import Extracted, new_task

#: Bytes that could be hashed in the time that a signature takes besides its body.
_FIXED = 1024

#: Seconds that a delivery may be old, or ahead of this server's clock.
_OLDEST, _AHEAD = 300, 60


@frozen(kw_only=True)
class Verdict:
    """The verdict of one integration about a delivery.

    *task* is set if the outcome is ``matched``; it is not checked against the template
    yet. *proven* is whether the sender has shown the secret of the integration, *guess*
    whether it sent a wrong one, *hashed* the bytes that were hashed to find that out.
    """

    candidate: Candidate
    outcome: DeliveryOutcome
    reason: str
    found: Extracted = field(factory=Extracted)
    task: NewTask | None = None
    proven: bool = False
    guess: bool = False
    hashed: int = 0

    @property
    def authenticated(self) -> bool:
        """Whether the sender may use the integration."""
        return self.outcome is not DeliveryOutcome.UNAUTHENTICATED


def evaluate(
    candidates: Sequence[Candidate],
    delivery: RawDelivery,
    *,
    keyring: Keyring,
    now: datetime,
    throttled: bool = False,
    unsigned: bool = False,
) -> list[Verdict]:
    """Return the verdicts of all *candidates*, in their order.

    With *throttled*, the sender has sent too many wrong secrets: a secret that it sends
    is refused unchecked, whereas a signature, which cannot be guessed, is checked. With
    *unsigned*, signatures are refused unchecked: wrong ones have taken too much time.
    """
    secret = [name for each in candidates for name in secret_headers(each.integration)]
    payload = Payload(delivery, secret)
    return [
        _evaluated(
            each,
            payload,
            keyring=keyring,
            seconds=now.timestamp(),
            throttled=throttled,
            unsigned=unsigned,
        )
        for each in candidates
    ]


def _evaluated(
    candidate: Candidate,
    payload: Payload,
    *,
    keyring: Keyring,
    seconds: float,
    throttled: bool,
    unsigned: bool,
) -> Verdict:
    integration, delivery = candidate.integration, payload.delivery
    method = method_of(integration)
    secret = method not in {None, AuthMethod.NONE}
    signs = method is not None and method.signs
    if secret and (unsigned if signs else throttled):
        what = "signatures" if signs else "secrets"
        return Verdict(
            candidate=candidate,
            outcome=DeliveryOutcome.UNAUTHENTICATED,
            reason=f"Not checked: too many wrong {what} from {delivery.address}",
            guess=True,
        )
    try:
        prove(integration, candidate.key, delivery, keyring)
    except Unproven as error:
        return Verdict(
            candidate=candidate,
            outcome=DeliveryOutcome.UNAUTHENTICATED,
            reason=error.message,
            guess=error.guess,
            hashed=len(delivery.body) + _FIXED if signs and error.guess else 0,
        )
    late = _late(delivery, seconds)
    if late:
        return Verdict(
            candidate=candidate,
            outcome=DeliveryOutcome.REPLAYED,
            reason=late,
            proven=secret,
        )
    return evolve(judge(candidate, payload), proven=secret)


def _late(delivery: RawDelivery, seconds: float) -> str:
    """Return why a delivery is too old; empty if it is not, or does not say."""
    sent = delivery.sent
    if sent is None or -_AHEAD <= seconds - sent <= _OLDEST:
        return ""
    return (
        f"It was sent {int(seconds - sent)} seconds ago by the sender's clock; expected"
        f" at most {_OLDEST}"
    )


def judge(candidate: Candidate, payload: Payload) -> Verdict:
    """Return the verdict about a delivery from an authenticated sender."""
    integration, matchers = candidate.integration, candidate.matchers
    if candidate.fault:
        return Verdict(
            candidate=candidate,
            outcome=DeliveryOutcome.REFUSED,
            reason=candidate.fault,
        )
    if not matchers and not candidate.own_alias:
        return Verdict(
            candidate=candidate,
            outcome=DeliveryOutcome.UNMATCHED,
            reason="The integration has no matchers, so only an alias of its own"
            " starts it",
        )
    try:
        reason = mismatch(matchers, payload)
        if reason:
            return Verdict(
                candidate=candidate, outcome=DeliveryOutcome.UNMATCHED, reason=reason
            )
        found = extract(candidate.values, payload)
        task = new_task(candidate.template, integration.task_params, found)
    except Invalid as error:
        return Verdict(
            candidate=candidate, outcome=DeliveryOutcome.REFUSED, reason=error.message
        )
    except msgspec.ValidationError:
        return Verdict(
            candidate=candidate,
            outcome=DeliveryOutcome.REFUSED,
            reason="The integration's task_params are damaged; store it again",
        )
    if not task.message:
        task = replace(task, message=_message(candidate, payload.delivery))
    return Verdict(
        candidate=candidate,
        outcome=DeliveryOutcome.MATCHED,
        reason=f"All {len(matchers)} matchers match" if matchers else "No matchers",
        found=found,
        task=task,
    )


def _message(candidate: Candidate, delivery: RawDelivery) -> str:
    """Return the message of a task that has no other one."""
    name = quoted(candidate.integration.name)
    event = f", event {delivery.event}" if delivery.event else ""
    source = f" from {delivery.address}" if delivery.address else ""
    return f"Integration {name}{source}{event}"
