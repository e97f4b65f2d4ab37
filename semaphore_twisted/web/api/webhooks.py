"""The receiving route of webhooks, and the log of deliveries."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from twisted.logger import Logger

from semaphore_twisted.model.errors import Busy
from semaphore_twisted.model.integrations import (
    Delivery,
    DeliveryInList,
    IntegrationTest,
)
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.webhooks import deliveries as operations
from semaphore_twisted.operations.webhooks import receiving
from semaphore_twisted.operations.webhooks.candidates import addressed
from semaphore_twisted.operations.webhooks.evaluation import Verdict, evaluate
from semaphore_twisted.operations.webhooks.receiving import SampleDelivery
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route

_log = Logger()

#: How often a delivery is evaluated, if its integrations change meanwhile.
_ATTEMPTS = 3

#: Characters of an alias in the server's log.
_SHOWN = 4

#: Deliveries in the log's list, unless the client asks for another number, and at most.
_LISTED, _MOST = 50, 100


class DeliveriesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the deliveries, newest first."""

    integration_id: (
        Annotated[int, Meta(ge=1, le=operations.NEWEST, description="Only of this one")]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=_MOST, description="At most so many")] = _LISTED
    before: (
        Annotated[int, Meta(ge=1, le=operations.NEWEST, description="With lower ids")]
        | None
    ) = None


async def receive(context: RequestContext) -> None:
    """Receive a delivery for the integrations of an alias.

    The answer is 204 with every result, also for an unknown alias; the log of
    deliveries has the reason. A body has at most 1 MiB.
    """
    delivery, alias = context.delivery, str(context.path["alias"])
    if delivery is None or delivery.method not in {"GET", "POST"}:
        return
    everywhere = context.config.global_integration_alias
    for _ in range(_ATTEMPTS):
        found = await context.long_read_unchecked(
            addressed, alias, everywhere=everywhere
        )
        if not found.candidates:
            return
        if found.left_out:
            _log.warn(
                "{number} searchable integrations are left out of each delivery to the"
                " alias {alias}…: it leads to too many; give them aliases of their own",
                number=found.left_out,
                alias=alias[:_SHOWN],
            )
        limit, address = context.services.hook_limit, context.address
        verdicts = await context.compute(
            evaluate,
            found.candidates,
            delivery,
            keyring=context.keyring,
            now=found.now,
            throttled=not limit.permits(address, alias),
            unsigned=not limit.permits_signature(address, alias),
        )
        if any(each.proven for each in verdicts):
            limit.succeed(address, alias)
        elif _failed(verdicts):
            hashed = sum(each.hashed for each in verdicts)
            if not limit.fail(address, alias, hashed=hashed):
                return
        started = await context.write_unchecked(
            receiving.receive,
            context.keyring,
            delivery,
            verdicts,
            alias=alias,
            everywhere=everywhere,
        )
        if started is not None:
            for task in started:
                context.tasks.changed(task)
            return
    raise Busy("The integrations of this delivery are being changed; send it again")


async def receive_without_body(context: RequestContext) -> None:
    """Receive a delivery that has headers only, as by POST."""
    await receive(context)


async def options(context: RequestContext) -> None:
    """Do nothing, and answer as for a delivery."""
    del context


def _failed(verdicts: Sequence[Verdict]) -> bool:
    """Return whether a sender that has proven nothing had to, or sent a wrong secret.

    A wrong secret for one integration is no failure if another one of the alias has
    accepted it.
    """
    return any(each.guess for each in verdicts) or not any(
        each.authenticated for each in verdicts
    )


async def deliveries(context: RequestContext) -> list[DeliveryInList]:
    """List the newest deliveries of the project, without headers and bodies."""
    asked = context.parameters(DeliveriesQuery)
    return await context.read(
        operations.listed,
        integration_id=asked.integration_id,
        limit=asked.limit,
        before=asked.before or operations.NEWEST,
    )


async def delivery(context: RequestContext) -> Delivery:
    """Show a delivery with its headers, secret values masked, and its body if kept."""
    return await context.read(operations.get, context.path["delivery_id"])


async def send_again(context: RequestContext) -> Delivery:
    """Evaluate a stored delivery again, and start its tasks in the caller's name.

    The answer is the new delivery in the log.
    """
    resent = await context.write(
        receiving.send_again, context.keyring, context.path["delivery_id"]
    )
    for task in resent.tasks:
        context.tasks.changed(task)
    return resent.delivery


async def test(context: RequestContext, body: SampleDelivery) -> IntegrationTest:
    """Show the result that a delivery would have; nothing is started."""
    return await context.long_read(
        receiving.try_out, context.path["integration_id"], body
    )


_ALIAS = "/integrations/{alias:text}"
_LOG = "/project/{project_id}/integrations/deliveries"
_ONE = f"{_LOG}/{{delivery_id}}"

ROUTES = (
    Route.get(_ALIAS, receive_without_body, Access.PUBLIC, raw=True),
    Route.post(_ALIAS, receive, Access.PUBLIC, raw=True),
    Route(
        method="OPTIONS",
        pattern=_ALIAS,
        handler=options,
        access=Access.PUBLIC,
        status=204,
    ),
    Route.get(
        _LOG,
        deliveries,
        Access.RUN_TASKS,
        query=DeliveriesQuery,
        answer=list[DeliveryInList],
    ),
    Route.get(_ONE, delivery, Access.RUN_TASKS, answer=Delivery),
    Route.post(
        f"{_ONE}/send", send_again, Access.RUN_TASKS, answer=Delivery, status=201
    ),
    Route.post(
        "/project/{project_id}/integrations/{integration_id}/test",
        test,
        Access.RUN_TASKS,
        body=SampleDelivery,
        answer=IntegrationTest,
        changes_nothing=True,
    ),
)
