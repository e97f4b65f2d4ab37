"""Obtains a certificate, from a new order or from one that is in progress.

Each step is stored before its request is sent, so a server that was killed continues
with the account, the order and the key that it had.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import define
from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from semaphore_twisted.acme import schedule
from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.acme.client import AcmeClient, AcmeOrder, Authorization, Binding
from semaphore_twisted.acme.responses import (
    AcmeError,
    AcmeResponse,
    ProblemDocument,
    plain,
)
from semaphore_twisted.crypto.challenges import CertificateRequest, check_issued
from semaphore_twisted.crypto.jws import AccountKey, b64
from semaphore_twisted.crypto.pairs import UnusablePair
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.model.refusals import quoted

#: Seconds between polls of an order or authorization; their number limits the polls.
_POLLS = (1.0, 2.0, 3.0, 5.0, *(10.0,) * 16)

#: Maximum seconds that ``Retry-After`` can delay the next poll.
_LONGEST_POLL = 60.0

#: How often an order is resumed before it is abandoned.
_TRIES = 3

#: ACME error types after which an order cannot succeed any more.
_ORDER_LOST = frozenset({"malformed", "orderNotReady", "unauthorized", "badCSR"})


class Ledger(Protocol):
    """Keeps the record; each change is stored when the call returns."""

    @property
    def record(self) -> AcmeRecord:
        """The record as it was last stored."""

    async def keep(self, record: AcmeRecord) -> None:
        """Store *record*."""

    async def wanted(self, names: Sequence[str]) -> CertificateRequest:
        """Return the key for the next certificate.

        It stays the same until that is issued.
        """


@define(eq=False)
class Ordering:
    """One attempt to obtain a certificate for *names*."""

    _client: AcmeClient
    _ledger: Ledger
    _challenges: Challenges
    _key: AccountKey
    _clock: IReactorTime
    _now: Callable[[], datetime]
    names: tuple[str, ...]
    kind: str
    email: str = ""
    binding: Binding | None = None
    #: ARI identifier of the certificate that is replaced
    replaces: str = ""

    async def run(self) -> tuple[bytes, bytes]:
        """Return chain and key, both PEM, after a check of the chain.

        :raises AcmeError: if the attempt failed; the record keeps the state that it
        reached
        """
        try:
            await self._account()
            order, url = await self._order()
            try:
                return await self._fulfil(order, url)
            except AcmeError as error:
                if error.order_lost or error.kind in _ORDER_LOST:
                    await self._forget_order()
                raise
        except AcmeError as error:
            if error.kind == "accountDoesNotExist":
                await self._change(account="")
                await self._forget_order()
            raise
        finally:
            self._challenges.withdraw()

    # the account

    async def _account(self) -> None:
        record = self._ledger.record
        if record.account:
            self._client.account = record.account
            return
        registered = record.registered
        if registered is not None and abs(self._now() - registered) < schedule.WEEK:
            raise AcmeError(
                "the CA no longer knows the account that it made at "
                f"{registered:%Y-%m-%d %H:%M} UTC; another is made a week later"
            )
        account = await self._client.register(email=self.email, binding=self.binding)
        await self._change(account=account, registered=self._now())

    # the order

    async def _order(self) -> tuple[AcmeOrder, str]:
        """Resume the order in progress, or create one."""
        record = self._ledger.record
        if record.order and record.order_names == self.names:
            if record.order_tries < _TRIES:
                await self._change(order_tries=record.order_tries + 1)
                resumed = await self._taken_up(record.order)
                if resumed is not None:
                    return resumed, record.order
            await self._forget_order()
        now = self._now()
        allowed = schedule.may_order(self._ledger.record, now)
        if allowed > now:
            raise AcmeError(
                f"{schedule.ORDERS_A_WEEK} orders were begun in the last week and none "
                "led to a certificate that is left; the next is begun at "
                f"{allowed:%Y-%m-%d %H:%M} UTC",
                wait=allowed - now,
            )
        record = self._ledger.record
        recent = schedule.recent_orders(record, now)
        await self._change(orders=(*recent, now))
        replaces = "" if record.no_replaces else self.replaces
        try:
            url, order = await self._client.order(self.names, replaces)
        except AcmeError as error:
            if replaces and error.kind in {"alreadyReplaced", "malformed"}:
                await self._change(no_replaces=True)
            raise
        await self._change(order=url, order_names=self.names, order_tries=1)
        return order, url

    async def _taken_up(self, url: str) -> AcmeOrder | None:
        """Return the order at *url*, ``None`` if it cannot succeed any more."""
        try:
            _, order = await self._client.poll_order(url)
        except AcmeError as error:
            if error.kind in _ORDER_LOST:
                return None
            raise
        return None if order.status == "invalid" else order

    async def _fulfil(self, order: AcmeOrder, url: str) -> tuple[bytes, bytes]:
        if order.status == "pending":
            await self._authorize(order.authorizations)
            order = await self._settled(url, order, until=("ready", "valid"))
        wanted = await self._ledger.wanted(self.names)
        if order.status == "ready":
            order = await self._client.finalize(order, b64(wanted.request))
        if order.status != "valid":
            order = await self._settled(url, order, until=("valid",))
        chain = await self._client.certificate(order)
        try:
            check_issued(chain, wanted.key_pem, self.names, self._now())
        except (UnusablePair, ValueError) as error:
            reason = plain(str(error))
            raise AcmeError(
                f"the CA's certificate is not used: {reason}", order_lost=True
            ) from None
        return chain, wanted.key_pem

    async def _settled(
        self, url: str, order: AcmeOrder, *, until: tuple[str, ...]
    ) -> AcmeOrder:
        """Poll the order until its status is one of *until*."""
        answer: AcmeResponse | None = None
        for pause in _POLLS:
            if order.status in until:
                return order
            if order.status == "invalid":
                raise AcmeError(
                    f"the order failed: {_words(order.error)}", order_lost=True
                )
            await self._pause(pause, answer)
            answer, order = await self._client.poll_order(url)
        if order.status in until:
            return order
        raise AcmeError(f"the status of the order stayed {quoted(order.status)}")

    # the challenges

    async def _authorize(self, urls: Sequence[str]) -> None:
        """Prove control of each name."""
        if not 1 <= len(urls) <= 2 * len(self.names):
            raise AcmeError(
                "the CA's order has no usable authorizations", order_lost=True
            )
        waiting = []
        for url in urls:
            _, authorization = await self._client.authorization(url)
            if authorization.status == "valid":
                continue
            await self._show(authorization)
            waiting.append(url)
        for url in waiting:
            await self._accepted(url)

    async def _show(self, authorization: Authorization) -> None:
        name = authorization.identifier.value.lower()
        if name not in self.names:
            raise AcmeError(
                f"the CA asks to authorize {plain(name)}, which was not ordered",
                order_lost=True,
            )
        if authorization.status != "pending":
            raise AcmeError(_refused(authorization, self.kind), order_lost=True)
        for each in authorization.challenges:
            if each.type == self.kind:
                break
        else:
            kinds = ", ".join(plain(each.type) for each in authorization.challenges)
            raise AcmeError(
                f"acme.challenge: {self.kind} is set, and for {name} the CA "
                f"offers {kinds or 'nothing'}",
                order_lost=True,
            )
        good = self._challenges.offer(
            self.kind, name=name, token=each.token, thumbprint=self._key.thumbprint
        )
        if not good:
            raise AcmeError("the CA sent an invalid challenge token", order_lost=True)
        if each.status in {"", "pending"}:
            await self._client.ready(each)

    async def _accepted(self, url: str) -> None:
        """Poll an authorization until the CA has validated it."""
        name = ""
        for pause in _POLLS:
            answer, authorization = await self._client.authorization(url)
            if authorization.status == "valid":
                return
            if authorization.status != "pending":
                raise AcmeError(_refused(authorization, self.kind), order_lost=True)
            name = plain(authorization.identifier.value)
            await self._pause(pause, answer)
        raise AcmeError(f"the CA did not validate {name} in time")

    async def _pause(self, seconds: float, answer: AcmeResponse | None) -> None:
        wait: timedelta | None = None if answer is None else answer.wait(self._now())
        if wait is not None:
            seconds = min(max(seconds, wait.total_seconds()), _LONGEST_POLL)
        await deferLater(self._clock, seconds)

    # the record

    async def _change(self, **fields: object) -> None:
        await self._ledger.keep(replace(self._ledger.record, **fields))

    async def _forget_order(self) -> None:
        await self._change(order="", order_names=(), order_tries=0)


def _words(problem: ProblemDocument | None) -> str:
    return "no reason was given" if problem is None else problem.words


def _refused(authorization: Authorization, kind: str) -> str:
    name = plain(authorization.identifier.value)
    error = next(
        (each.error for each in authorization.challenges if each.type == kind), None
    )
    return f"the CA could not verify {name} by {kind}: {_words(error)}"
