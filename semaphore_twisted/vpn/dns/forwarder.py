"""Forward DNS queries to this machine's own resolvers.

A query is sent with a random id, and an answer must have that id and the same question.
The resolvers are queried in order, each one second after the previous one or as soon as
that one has failed. The first good answer of any resolver counts.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.names import dns

from semaphore_twisted.vpn.dns import messages
from semaphore_twisted.vpn.dns.messages import Question

#: Seconds until the next resolver is queried, and until the query fails.
NEXT, TIMEOUT = 1.0, 3.0


class NoAnswer(Exception):
    """No resolver has answered in time."""


class DnsTransport(Protocol):
    """Queries one resolver."""

    def __call__(
        self,
        content: bytes,
        server: str,
        *,
        stream: bool,
        accept: Callable[[bytes], bool],
    ) -> "Deferred[bytes]":
        """Send *content* to the address *server*, as a datagram or over a *stream*.

        Fires with the first message that *accept* accepts, and fails if none can come.
        It waits until it is cancelled.
        """


@define(eq=False)
class DnsForwarder:
    """Queries the resolvers that *servers* returns at that moment."""

    _exchange: DnsTransport
    _servers: Callable[[], Sequence[str]]
    _clock: IReactorTime
    _entropy: Callable[[int], bytes]

    def ask(self, question: Question, *, stream: bool) -> "Deferred[bytes]":
        """Fire with the answer to *question*, with the question's own id.

        Fails with :class:`NoAnswer`; "no such name" is an answer.
        """

        def exchange(server: str) -> "Deferred[bytes]":
            number = int.from_bytes(self._entropy(2), "big")
            query = self._exchange(
                messages.renumbered(question.content, number),
                server,
                stream=stream,
                accept=lambda content: (
                    messages.code_of(content, question, number) is not None
                ),
            )
            return query.addCallback(messages.renumbered, question.number)

        asking = _PendingQuery(exchange, tuple(self._servers()))
        return asking.begin(self._clock)


@define(eq=False)
class _PendingQuery:
    """One query that is sent to one or more resolvers."""

    _exchange: Callable[[str], "Deferred[bytes]"]
    _servers: tuple[str, ...]
    _answer: "Deferred[bytes]" = field(factory=Deferred)
    _under_way: "list[Deferred[bytes]]" = field(factory=list)
    _timers: list[IDelayedCall] = field(factory=list)
    _unasked: list[str] = field(factory=list)
    _order: Iterator[str] = field(factory=lambda: iter(()))
    _refusal: bytes = b""
    _over: bool = False

    def begin(self, clock: IReactorTime) -> "Deferred[bytes]":
        self._unasked = list(self._servers)
        self._order = cycle(self._servers)
        if self._servers:
            self._timers = [
                clock.callLater(NEXT, self._ask),
                clock.callLater(2 * NEXT, self._ask),
                clock.callLater(TIMEOUT, self._finish),
            ]
            self._ask()
        else:
            self._finish()
        return self._answer

    def _ask(self) -> None:
        """Query the next resolver that was not queried yet, else repeat one."""
        server = self._unasked.pop(0) if self._unasked else next(self._order)
        query = self._exchange(server)
        self._under_way.append(query)
        _ = query.addCallback(self._answered)
        _ = query.addErrback(lambda _: None)
        _ = query.addCallback(lambda _: self._ended(query))

    def _answered(self, content: bytes) -> None:
        code = content[3] & 0xF
        if code in {dns.OK, dns.ENAME}:
            self._finish(content)
        else:  # another resolver may have a better answer
            self._refusal = self._refusal or content

    def _ended(self, query: "Deferred[bytes]") -> None:
        self._under_way = [each for each in self._under_way if each is not query]
        if self._over:
            return
        if self._unasked:
            self._ask()
        elif not self._under_way:
            self._finish()

    def _finish(self, content: bytes = b"") -> None:
        if self._over:
            return
        self._over = True
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        for query in list(self._under_way):
            query.cancel()
        answer = content or self._refusal
        if answer:
            self._answer.callback(answer)
        else:
            self._answer.errback(NoAnswer())
