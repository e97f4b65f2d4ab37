"""Client of the companion: one connection that is re-established when it is lost.

Answers carry no number: the first answer belongs to the first request. So a request
that is not answered in time ends the connection, and all pending requests fail.
"""

from collections import deque
from collections.abc import Callable
from typing import ClassVar, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IReactorTime,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.wireguard import wire, wire_answers

A = TypeVar("A")

#: Seconds that an answer, or establishing the connection, may take.
TIMEOUT = 10.0

#: The first and the longest delay in seconds before a reconnect: a companion that was
#: killed is restarted in less than one second.
FIRST_DELAY, LONGEST_DELAY = 0.2, 1.0

CLOSED = "the companion has closed the connection"

HUNG_UP = (
    "the companion has hung up at once: its file must list the user of this server "
    "(semaphore vpn init, as root)"
)

NO_REQUEST_YET = "the companion has not answered yet"


class CompanionError(Unavailable):
    """The companion did not carry out a request; the sentence gives the reason."""

    sentence = "The VPN's companion did not answer"


class CompanionAway(CompanionError):
    """The companion does not run or did not answer; the request may have been done."""


class CompanionFailed(CompanionError):
    """The companion reported a failure; *code* is one of ``wire.Failed``."""

    def __init__(self, code: str, reason: str) -> None:
        """Use the companion's *reason* as the sentence."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


class CompanionClientProtocol(Int32StringReceiver):
    """Sends requests immediately and matches answers to them in order."""

    MAX_LENGTH = wire.MAX_FRAME
    transport: ITCPTransport | None
    _log: ClassVar[Logger] = Logger()

    def __init__(self, *, clock: IReactorTime, lost: Callable[[str], None]) -> None:
        """Call *lost* with the reason when the connection has ended."""
        self._clock = clock
        self._lost = lost
        self._requests: deque[Deferred[wire.Answer]] = deque()
        self._timer: IDelayedCall | None = None
        self._reason = ""

    def ask(self, request: wire.Request) -> "Deferred[wire.Answer]":
        """Send *request*; fires with its answer.

        Fails with :class:`CompanionFailed` or :class:`CompanionAway`. Cancelling only
        stops the waiting; the companion may still carry out the request.
        """
        content = wire.encode(request)
        if self._reason:
            return fail(CompanionAway(self._reason))
        if len(content) > self.MAX_LENGTH:
            return fail(CompanionFailed("malformed", "the request is too long"))
        pending: Deferred[wire.Answer] = Deferred()
        self._requests.append(pending)
        if len(self._requests) == 1:
            self._wait()
        self.sendString(content)
        return pending

    def end(self, reason: str) -> None:
        """Abort the connection with *reason*, unless an earlier call gave one."""
        self._reason = self._reason or reason
        if self.transport is not None:
            self.transport.abortConnection()

    @override
    def stringReceived(self, string: bytes) -> None:
        """Pass the answer to the oldest pending request."""
        try:
            answer = wire_answers.decode_answer(string)
        except wire.MalformedFrame:
            self.end("the companion's answer was not understood; versions differ?")
            return
        if not self._requests:
            self.end("the companion sent an answer without a request")
            return
        pending = self._requests.popleft()
        self._wait()
        if pending.called:  # the caller has cancelled it
            return
        if isinstance(answer, wire.Failed):
            pending.errback(CompanionFailed(answer.code, answer.reason))
        else:
            pending.callback(answer)

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """Abort the connection: the answer is too long."""
        self.end(f"the companion's answer of {length} bytes is too long")

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail all pending requests."""
        super().connectionLost(reason)
        self._reason = self._reason or CLOSED
        self._stop_timer()
        pending, self._requests = self._requests, deque()
        for each in pending:
            if not each.called:
                each.errback(CompanionAway(self._reason))
        self._lost(self._reason)

    def _wait(self) -> None:
        """Restart the timeout for the oldest pending request."""
        self._stop_timer()
        if self._requests:
            self._timer = self._clock.callLater(TIMEOUT, self._late)

    def _late(self) -> None:
        self._timer = None
        self.end(f"the companion did not answer within {TIMEOUT:.0f} seconds")

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


class _Once(ClientFactory):
    """Builds a protocol that exists already."""

    noisy = False

    def __init__(self, protocol: CompanionClientProtocol) -> None:
        self._made = protocol

    @override
    def buildProtocol(self, addr: IAddress | None) -> CompanionClientProtocol:
        """Return the protocol."""
        return self._made


class VpnClient:
    """Keeps a connection to the companion, from ``start`` to ``stop``.

    *welcome* is the companion's answer to ``Hello``, ``None`` without a connection;
    *reason* then says why there is none.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        *,
        clock: IReactorTime,
        where: str = "its socket",
    ) -> None:
        """Connect to *endpoint*, which sentences call *where*."""
        self._endpoint = endpoint
        self._clock = clock
        self._where = where
        self._protocol: CompanionClientProtocol | None = None
        self._keeping: Deferred[None] | None = None
        self._wanted = False
        self.welcome: wire.Welcome | None = None
        self.reason = NO_REQUEST_YET
        #: called after each successful connect, and after each failed attempt or lost
        #: connection
        self.connected: Callable[[], None] = lambda: None
        self.disconnected: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Connect, and reconnect whenever the connection is lost."""
        if not self._wanted:
            self._wanted = True
            self._keeping = Deferred.fromCoroutine(self._keep())
            log_errors(
                self._keeping, log=self._log, sentence="The companion's client failed"
            )

    def stop(self) -> None:
        """Close the connection and stop reconnecting."""
        self._wanted = False
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()

    def hello(self) -> "Deferred[wire.Welcome]":
        """Read the companion's description of itself."""
        return self._ask(wire.Hello(), wire.Welcome)

    def sync(self, request: wire.Sync) -> "Deferred[wire.Synced]":
        """Bring the device to the desired state."""
        return self._ask(request, wire.Synced)

    def plan(self, request: wire.Plan) -> "Deferred[wire.Planned]":
        """Read which changes a sync would make."""
        return self._ask(request, wire.Planned)

    def observe(self) -> "Deferred[wire.Observed]":
        """Read the state of the peers."""
        return self._ask(wire.Observe(), wire.Observed)

    def diagnose(self) -> "Deferred[wire.Diagnosis]":
        """Read the companion's findings."""
        return self._ask(wire.Diagnose(), wire.Diagnosis)

    def _ask(self, request: wire.Request, wanted: type[A]) -> "Deferred[A]":
        protocol = self._protocol
        if protocol is None or self.welcome is None:
            return fail(CompanionAway(self.reason))
        return _expect(protocol, request, wanted)

    async def _keep(self) -> None:
        delay = FIRST_DELAY
        while self._wanted:
            begun = self._clock.seconds()
            try:
                self.reason = await self._connection()
            except CompanionError as error:
                # the companion answers Hello unless the user is not permitted
                self.reason = HUNG_UP if error.message == CLOSED else error.message
            self.disconnected()
            if self._clock.seconds() - begun > LONGEST_DELAY:
                delay = FIRST_DELAY  # the connection had been established
            await deferLater(self._clock, delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _connection(self) -> str:
        """Keep one connection until it ends; return the reason why it ended."""
        lost: Deferred[str] = Deferred()
        protocol = CompanionClientProtocol(clock=self._clock, lost=lost.callback)
        connecting = self._endpoint.connect(_Once(protocol))
        try:
            await connecting.addTimeout(TIMEOUT, self._clock)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - each endpoint has errors of its own
            return (
                f"the companion cannot be reached at {self._where} ({error}): start "
                "the service semaphore-vpn"
            )
        try:
            welcome = await _expect(protocol, wire.Hello(), wire.Welcome)
            if not wire.OLDEST <= welcome.version <= wire.VERSION:
                return (
                    f"the companion speaks version {welcome.version} of the protocol, "
                    f"{wire.OLDEST} to {wire.VERSION} wanted: install the same release "
                    "of both"
                )
            self._protocol, self.welcome = protocol, welcome
            self.connected()
            return await lost
        finally:
            self._protocol = self.welcome = None
            protocol.end("the server has closed the connection")


def _expect(
    protocol: CompanionClientProtocol, request: wire.Request, wanted: type[A]
) -> "Deferred[A]":
    """Send *request*; end the connection if the answer is not of the type *wanted*."""

    def check(answer: wire.Answer) -> A:
        if not isinstance(answer, wanted):
            protocol.end("the companion's answer does not match the request")
            raise CompanionAway("the companion's answer does not match the request")
        return answer

    return protocol.ask(request).addCallback(check)
