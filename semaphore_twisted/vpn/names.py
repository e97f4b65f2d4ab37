"""The resolver inside the tunnel: it knows the site's name and passes on the rest.

The stock applications send *all* their questions to the server that their file names.
So what we do not know is asked of this machine's own resolvers, and where they do not
answer that is a failure of ours (SERVFAIL), never a name that does not exist.

Only peers are answered; what others send is dropped without a word, and so is what a
peer sends too fast.
"""

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

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
from twisted.logger import Logger
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.deferreds import forget
from semaphore_twisted.model import ip, limits
from semaphore_twisted.vpn import questions
from semaphore_twisted.vpn.limits import Limits
from semaphore_twisted.vpn.questions import NoQuestion, Question, Zone
from semaphore_twisted.vpn.upstream import NoAnswer, Upstream

#: Seconds for which a connection may say nothing, and how many there may be.
IDLE = limits.RESOLVER_SECONDS
CONNECTIONS = limits.RESOLVER_CONNECTIONS
CONNECTIONS_OF_ONE = limits.RESOLVER_CONNECTIONS_OF_SOURCE

#: Bytes of a question that we take over TCP.
LONGEST = limits.QUESTION

#: Sends an answer to whoever asked.
Reply = Callable[[bytes], None]


@define(eq=False)
class NameServer:
    """Answers questions of peers; knows nothing of where they come in."""

    zone: Zone
    upstream: Upstream
    limits: Limits
    _pools: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    _log: ClassVar[Logger] = Logger()

    @classmethod
    def of(
        cls, zone: Zone, pools: Sequence[str], *, upstream: Upstream, limits: Limits
    ) -> "NameServer":
        """Return one that answers the addresses of *pools* (networks)."""
        networks = tuple(ipaddress.ip_network(pool, strict=False) for pool in pools)
        return cls(zone, upstream, limits, networks)

    def knows(self, source: str) -> bool:
        """Whether *source* is an address of the tunnel."""
        address = ip.address(source)
        return address is not None and any(address in pool for pool in self._pools)

    def ask(self, content: bytes, source: str, reply: Reply, *, stream: bool) -> None:
        """Answer the message *content* from *source*, now, later or not at all."""
        # WireGuard lets a peer send from its own addresses only: each counts alone
        source = ip.canonical(source)
        if not self.knows(source) or not self.limits.may_ask(source):
            return
        try:
            question = questions.parse(content)
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
            reply(questions.refusal(question, dns.ESERVER))

    def _pass_on(
        self, question: Question, source: str, reply: Reply, *, stream: bool
    ) -> None:
        def failed(failure: Failure) -> bytes:
            if not failure.check(NoAnswer, CancelledError):
                self._log.failure("A question could not be passed on", failure)
            return questions.refusal(question, dns.ESERVER)

        def ended(answer: bytes) -> None:
            self.limits.end(source)
            reply(answer)

        asking = maybeDeferred(self.upstream.ask, question, stream=stream)
        told: Deferred[None] = asking.addErrback(failed).addCallback(ended)
        forget(told, log=self._log, sentence="An answer of DNS was not sent")


class NameDatagrams(DatagramProtocol):
    """Questions that come as datagrams."""

    noisy = False

    def __init__(self, server: NameServer) -> None:
        """Have *server* answer."""
        self._server = server

    @override
    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Answer one."""

        def reply(content: bytes) -> None:
            transport: Any = self.transport
            # the port may have been closed meanwhile, or the way back be gone
            with suppress(OSError):
                if transport is not None:
                    transport.write(content, addr)

        self._server.ask(datagram, addr[0], reply, stream=False)

    @override
    def stopProtocol(self) -> None:
        """Answer nobody any more."""
        self.transport = None


@implementer(IPushProducer)
class NameStream(Int16StringReceiver, TimeoutMixin):
    """Questions that come over one connection.

    While the other side reads no answers, no questions are read from it.
    """

    MAX_LENGTH = LONGEST

    def __init__(self, server: NameServer, source: str, ended: Callable[[], None]):
        """Have *server* answer *source*; call *ended* at the end."""
        self._server = server
        self._source = source
        self._ended = ended
        self._open = False
        self.callLater: Callable[..., IDelayedCall]

    @override
    def connectionMade(self) -> None:
        """Wait for questions, not for ever."""
        self._open = True
        self.setTimeout(IDLE)
        transport: Any = self.transport
        transport.registerProducer(self, True)  # noqa: FBT003 - Twisted's signature

    @override
    def stringReceived(self, string: bytes) -> None:
        """Answer one."""
        self.resetTimeout()
        self._server.ask(string, self._source, self._reply, stream=True)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Answer no more."""
        super().connectionLost(reason)
        self._open = False
        self.setTimeout(None)
        self._ended()

    @override
    def timeoutConnection(self) -> None:
        """Cut off a side that is silent, or does not read: it would never close."""
        transport: Any = self.transport
        transport.abortConnection()

    # reading stops while answers wait to be read, as the base class does it
    @override
    def stopProducing(self) -> None:
        """Do nothing; the connection is lost."""

    def _reply(self, content: bytes) -> None:
        if self._open:
            self.sendString(content)


class NameStreams(ServerFactory):
    """Makes connections for questions; so many at a time, for peers only."""

    noisy = False

    def __init__(self, server: NameServer, *, clock: IReactorTime) -> None:
        """Have *server* answer."""
        self._server = server
        self._clock = clock
        self._sources: list[str] = []

    @override
    def buildProtocol(self, addr: IAddress | None) -> NameStream | None:
        """Return a protocol, or ``None`` for whoever is not to be heard."""
        source = ip.canonical(str(getattr(addr, "host", "")))
        if (
            not self._server.knows(source)
            or len(self._sources) >= CONNECTIONS
            or self._sources.count(source) >= CONNECTIONS_OF_ONE
        ):
            return None
        self._sources.append(source)
        made = NameStream(self._server, source, lambda: self._sources.remove(source))
        made.callLater = self._clock.callLater
        made.factory = self
        return made
