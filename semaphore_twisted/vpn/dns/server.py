"""The resolver inside the tunnel: it answers for the site and forwards other queries.

The stock WireGuard applications send *all* DNS queries to the server that their file
names. So other queries are forwarded to this machine's own resolvers. If these do not
answer, the answer is SERVFAIL, never "no such name".

Only peers are answered. Queries from other addresses are dropped without an answer, and
so are queries beyond a peer's rate limit.
"""

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from attrs import define
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import (
    DatagramProtocol,
    ServerFactory,
    connectionDone,
)
from twisted.internet.tcp import Server
from twisted.logger import Logger
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.model import ip, limits
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.vpn.dns import messages
from semaphore_twisted.vpn.dns.forwarder import DnsForwarder, NoAnswer
from semaphore_twisted.vpn.dns.messages import NoQuestion, Question, Zone
from semaphore_twisted.vpn.dns.rate_limit import RateLimit

#: Seconds after which an idle connection is closed, and the limits of connections.
IDLE = limits.RESOLVER_SECONDS
CONNECTIONS = limits.RESOLVER_CONNECTIONS
CONNECTIONS_OF_ONE = limits.RESOLVER_CONNECTIONS_OF_SOURCE

#: The largest query in bytes that is accepted over TCP.
LONGEST = limits.QUESTION

#: Sends an answer back to the client.
Reply = Callable[[bytes], None]


@define(eq=False)
class NameServer:
    """Answers queries of peers, independent of their transport."""

    zone: Zone
    upstream: DnsForwarder
    limits: RateLimit
    _pools: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    _log: ClassVar[Logger] = Logger()

    @classmethod
    def of(
        cls,
        zone: Zone,
        pools: Sequence[str],
        *,
        upstream: DnsForwarder,
        limits: RateLimit,
    ) -> "NameServer":
        """Return a server that answers clients in *pools* (networks)."""
        networks = tuple(ipaddress.ip_network(pool, strict=False) for pool in pools)
        return cls(zone, upstream, limits, networks)

    def knows(self, source: str) -> bool:
        """Whether *source* is an address of the tunnel."""
        address = ip.address(source)
        return address is not None and any(address in pool for pool in self._pools)

    def ask(self, content: bytes, source: str, reply: Reply, *, stream: bool) -> None:
        """Answer the message *content* from *source*, now or later, or drop it."""
        # WireGuard lets a peer send from its own addresses only: count each separately
        source = ip.canonical(source)
        if not self.knows(source) or not self.limits.may_ask(source):
            return
        try:
            question = messages.parse(content)
        except NoQuestion as refused:
            if refused.answer is not None:
                reply(refused.answer)
            return
        own = self.zone.answer(question)
        if own is not None:
            reply(own)
        elif self.limits.begin(source):
            self._pass_on(question, source, reply, stream=stream)
        else:
            reply(messages.refusal(question, dns.ESERVER))

    def _pass_on(
        self, question: Question, source: str, reply: Reply, *, stream: bool
    ) -> None:
        def failed(failure: Failure) -> bytes:
            if not failure.check(NoAnswer, CancelledError):
                self._log.failure("A DNS query could not be forwarded", failure)
            return messages.refusal(question, dns.ESERVER)

        def ended(answer: bytes) -> None:
            self.limits.end(source)
            reply(answer)

        asking = maybeDeferred(self.upstream.ask, question, stream=stream)
        told: Deferred[None] = asking.addErrback(failed).addCallback(ended)
        log_errors(told, log=self._log, sentence="A DNS answer was not sent")


class NameDatagrams(DatagramProtocol):
    """Receives queries over UDP."""

    noisy = False

    def __init__(self, server: NameServer) -> None:
        """Pass queries to *server*."""
        self._server = server

    @override
    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Answer a query."""

        def reply(content: bytes) -> None:
            transport = self.transport
            # the port may have been closed meanwhile, or the route be gone
            with suppress(OSError):
                if transport is not None:
                    transport.write(content, addr)

        self._server.ask(datagram, addr[0], reply, stream=False)

    @override
    def stopProtocol(self) -> None:
        """Drop answers from now on."""
        self.transport = None


@implementer(IPushProducer)
class NameStream(Int16StringReceiver, TimeoutMixin):
    """Receives queries over one TCP connection.

    No queries are read while the client does not read its answers.
    """

    MAX_LENGTH = LONGEST
    transport: Server

    def __init__(self, server: NameServer, source: str, ended: Callable[[], None]):
        """Pass queries of *source* to *server*; call *ended* when disconnected."""
        self._server = server
        self._source = source
        self._ended = ended
        self._open = False
        self.callLater: Callable[..., IDelayedCall]

    @override
    def connectionMade(self) -> None:
        """Start the idle timeout and the flow control."""
        self._open = True
        self.setTimeout(IDLE)
        self.transport.registerProducer(self, True)  # noqa: FBT003 - Twisted's signature

    @override
    def stringReceived(self, string: bytes) -> None:
        """Answer a query."""
        self.resetTimeout()
        self._server.ask(string, self._source, self._reply, stream=True)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Drop answers from now on, and stop the timeout."""
        super().connectionLost(reason)
        self._open = False
        self.setTimeout(None)
        self._ended()

    @override
    def timeoutConnection(self) -> None:
        """Abort an idle connection: an orderly close could wait forever."""
        self.transport.abortConnection()

    # pauseProducing and resumeProducing of the base class stop and resume reading
    @override
    def stopProducing(self) -> None:
        """Do nothing; the connection is lost."""

    def _reply(self, content: bytes) -> None:
        if self._open:
            self.sendString(content)


class NameStreams(ServerFactory):
    """Builds protocols for connections of peers, up to the limits."""

    noisy = False

    def __init__(self, server: NameServer, *, clock: IReactorTime) -> None:
        """Pass queries to *server*."""
        self._server = server
        self._clock = clock
        self._sources: list[str] = []

    @override
    def buildProtocol(self, addr: IAddress | None) -> NameStream | None:
        """Return a protocol, ``None`` if the source is no peer or exceeds a limit."""
        source = ip.canonical(str(getattr(addr, "host", "")))
        if (
            not self._server.knows(source)
            or len(self._sources) >= CONNECTIONS
            or self._sources.count(source) >= CONNECTIONS_OF_ONE
        ):
            return None
        self._sources.append(source)
        stream = NameStream(self._server, source, lambda: self._sources.remove(source))
        stream.callLater = self._clock.callLater
        stream.factory = self
        return stream
