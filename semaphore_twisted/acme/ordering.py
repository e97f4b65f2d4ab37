"""From nothing, or from an order under way, to a certificate.

Each step is remembered before the authority is asked for it, so that a server that is
killed goes on where it was: with the account, the order and the key that it had.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from attrs import define
from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from semaphore_twisted.acme import pacing
from semaphore_twisted.acme.answers import Answer, Problem, Trouble, plain
from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.acme.client import Authorization, Binding, Client, Order
from semaphore_twisted.crypto.challenges import Wanted, check_issued
from semaphore_twisted.crypto.jws import AccountKey, b64
from semaphore_twisted.crypto.pairs import UnusablePair
from semaphore_twisted.model.acme import Record

#: Seconds between two looks at what the authority works on, and looks at most.
_LOOKS = (1.0, 2.0, 3.0, 5.0, *(10.0,) * 16)

#: Seconds that the authority may ask to wait for the next look.
_LONGEST_LOOK = 60.0

#: How often an order is taken up before it is given up.
_TRIES = 3

#: Errors after which an order leads nowhere, by the authority's word.
_ORDER_LOST = frozenset({"malformed", "orderNotReady", "unauthorized", "badCSR"})


class Ledger(Protocol):
    """Keeps the record; each change is in the store when the call returns."""

    @property
    def record(self) -> Record:
        """The record as it is."""

    async def keep(self, record: Record) -> None:
        """Store *record*."""

    async def wanted(self, names: Sequence[str]) -> Wanted:
        """Return the key of the next certificate; the same until that is there."""


@define(eq=False)
class Ordering:
    """One try to have a certificate for *names*."""

    _client: Client
    _ledger: Ledger
    _challenges: Challenges
    _key: AccountKey
    _clock: IReactorTime
    _now: Callable[[], datetime]
    names: tuple[str, ...]
    kind: str
    email: str = ""
    binding: Binding | None = None
    #: the id of the certificate that is to be replaced
    replaces: str = ""

    async def run(self) -> tuple[bytes, bytes]:
        """Return chain and key, both PEM, checked.

        :raises Trouble: and the record says how far it came.
        """
        try:
            await self._account()
            order, url = await self._order()
            try:
                return await self._fulfil(order, url)
            except Trouble as trouble:
                if trouble.order_lost or trouble.kind in _ORDER_LOST:
                    await self._forget_order()
                raise
        except Trouble as trouble:
            if trouble.kind == "accountDoesNotExist":
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
        if registered is not None and abs(self._now() - registered) < pacing.WEEK:
            raise Trouble(
                "the authority no longer knows the account that it made at "
                f"{registered:%Y-%m-%d %H:%M} UTC; another is made a week later"
            )
        account = await self._client.register(email=self.email, binding=self.binding)
        await self._change(account=account, registered=self._now())

    # the order

    async def _order(self) -> tuple[Order, str]:
        """Go on with the order under way, or begin one."""
        record = self._ledger.record
        if record.order and record.order_names == self.names:
            if record.order_tries < _TRIES:
                await self._change(order_tries=record.order_tries + 1)
                found = await self._taken_up(record.order)
                if found is not None:
                    return found, record.order
            await self._forget_order()
        now = self._now()
        allowed = pacing.may_order(self._ledger.record, now)
        if allowed > now:
            raise Trouble(
                f"{pacing.ORDERS_A_WEEK} orders were begun in the last week and none "
                "led to a certificate that is left; the next is begun at "
                f"{allowed:%Y-%m-%d %H:%M} UTC",
                wait=allowed - now,
            )
        record = self._ledger.record
        recent = pacing.recent_orders(record, now)
        await self._change(orders=(*recent, now))
        replaces = "" if record.no_replaces else self.replaces
        try:
            url, order = await self._client.order(self.names, replaces)
        except Trouble as trouble:
            if replaces and trouble.kind in {"alreadyReplaced", "malformed"}:
                await self._change(no_replaces=True)
            raise
        await self._change(order=url, order_names=self.names, order_tries=1)
        return order, url

    async def _taken_up(self, url: str) -> Order | None:
        """Return the order at *url*, ``None`` where it leads nowhere any more."""
        try:
            _, order = await self._client.look_at_order(url)
        except Trouble as trouble:
            if trouble.kind in _ORDER_LOST:
                return None
            raise
        return None if order.status == "invalid" else order

    async def _fulfil(self, order: Order, url: str) -> tuple[bytes, bytes]:
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
            raise Trouble(
                f"the authority's certificate is not used: {reason}", order_lost=True
            ) from None
        return chain, wanted.key_pem

    async def _settled(
        self, url: str, order: Order, *, until: tuple[str, ...]
    ) -> Order:
        """Look at the order until the authority is done with it."""
        answer: Answer | None = None
        for pause in _LOOKS:
            if order.status in until:
                return order
            if order.status == "invalid":
                raise Trouble(
                    f"the order failed: {_words(order.error)}", order_lost=True
                )
            await self._pause(pause, answer)
            answer, order = await self._client.look_at_order(url)
        if order.status in until:
            return order
        raise Trouble(f"the authority left the order at “{plain(order.status)}”")

    # the challenges

    async def _authorize(self, urls: Sequence[str]) -> None:
        """Show that each name is ours."""
        if not 1 <= len(urls) <= 2 * len(self.names):
            raise Trouble(
                "the authority's order has no usable authorizations", order_lost=True
            )
        waiting = []
        for url in urls:
            _, found = await self._client.authorization(url)
            if found.status == "valid":
                continue
            await self._show(found)
            waiting.append(url)
        for url in waiting:
            await self._accepted(url)

    async def _show(self, found: Authorization) -> None:
        name = found.identifier.value.lower()
        if name not in self.names:
            raise Trouble(
                f"the authority asks about {plain(name)}, which was not ordered",
                order_lost=True,
            )
        if found.status != "pending":
            raise Trouble(_refused(found, self.kind), order_lost=True)
        for each in found.challenges:
            if each.type == self.kind:
                break
        else:
            kinds = ", ".join(plain(each.type) for each in found.challenges)
            raise Trouble(
                f"acme.challenge: {self.kind} found, and for {name} the authority "
                f"offers {kinds or 'nothing'}",
                order_lost=True,
            )
        good = self._challenges.offer(
            self.kind, name=name, token=each.token, thumbprint=self._key.thumbprint
        )
        if not good:
            raise Trouble("the authority's token is none", order_lost=True)
        if each.status in {"", "pending"}:
            await self._client.ready(each)

    async def _accepted(self, url: str) -> None:
        """Wait until the authority has looked."""
        name = ""
        for pause in _LOOKS:
            answer, found = await self._client.authorization(url)
            if found.status == "valid":
                return
            if found.status != "pending":
                raise Trouble(_refused(found, self.kind), order_lost=True)
            name = plain(found.identifier.value)
            await self._pause(pause, answer)
        raise Trouble(f"the authority has not looked at {name} in time")

    async def _pause(self, seconds: float, answer: Answer | None) -> None:
        wait: timedelta | None = None if answer is None else answer.wait(self._now())
        if wait is not None:
            seconds = min(max(seconds, wait.total_seconds()), _LONGEST_LOOK)
        await deferLater(self._clock, seconds)

    # the record

    async def _change(self, **fields: Any) -> None:
        await self._ledger.keep(replace(self._ledger.record, **fields))

    async def _forget_order(self) -> None:
        await self._change(order="", order_names=(), order_tries=0)


def _words(problem: Problem | None) -> str:
    return "no reason was given" if problem is None else problem.words


def _refused(found: Authorization, kind: str) -> str:
    name = plain(found.identifier.value)
    error = next((each.error for each in found.challenges if each.type == kind), None)
    return f"the authority could not verify {name} by {kind}: {_words(error)}"
