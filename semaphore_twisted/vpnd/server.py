"""The companion's socket: checks the user of each connection and answers its requests.

The kernel tells the connected user (``SO_PEERCRED``, unix(7)). Nothing is read from
users that are not permitted, and their connections do not count against the limits of
permitted users. Each permitted user has a limited number of connections; each of them
holds one request or answer in memory.
"""

import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.internet.unix import Server
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.model import companion_limits as limits
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.wireguard import wire

#: The most connections of one user: each may hold a frame in memory.
MOST = limits.COMPANION_CONNECTIONS

Answering = Callable[[wire.Request], "Deferred[wire.Answer]"]


def peer_user(transport: Server) -> int:
    """Return the id of the user at the other end."""
    size = struct.calcsize("3i")
    found = transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack("3i", found)[1])


class CompanionServerProtocol(Int32StringReceiver):
    """Answers the requests of one connection in their order."""

    MAX_LENGTH = wire.MAX_FRAME
    transport: Server
    _log: ClassVar[Logger] = Logger()

    def __init__(self, factory: "CompanionFactory") -> None:
        """Use *factory* to answer requests."""
        self._factory = factory
        self._waiting: deque[bytes] = deque()
        self._is_busy = False
        self._is_full = False
        self._user: int | None = None

    @override
    def connectionMade(self) -> None:
        """Close the connection of a user that is not permitted or exceeds the limit."""
        factory, transport = self._factory, self.transport
        user = factory.user_of(transport)
        if user != 0 and user not in factory.users:
            factory.complain(f"User {user} may not speak to the companion")
            self._hang_up()
        elif factory.connections[user] >= MOST:
            factory.complain(f"User {user} has more than {MOST} connections")
            self._hang_up()
        else:
            self._user = user
            factory.connections[user] += 1
            transport.registerProducer(self, True)  # noqa: FBT003 - Twisted's signature

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Uncount the connection and drop its requests."""
        super().connectionLost(reason)
        self.connected = 0
        self._waiting.clear()
        if self._user is not None:
            self._factory.connections[self._user] -= 1
            self._user = None

    @override
    def pauseProducing(self) -> None:
        """Stop answering: the client does not read."""
        self._is_full = True

    @override
    def resumeProducing(self) -> None:
        """Continue answering: the client has read the answers."""
        self._is_full = False
        self._go_on()

    @override
    def stopProducing(self) -> None:
        """Do nothing; ``connectionLost`` follows."""

    @override
    def stringReceived(self, string: bytes) -> None:
        """Queue a request; reading pauses until it is answered."""
        self._waiting.append(string)
        self._go_on()

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """Close the connection: the frame is too long."""
        self._hang_up()

    def _go_on(self) -> None:
        if not self._is_busy and self.connected:
            answering = Deferred.fromCoroutine(self._answer())
            log_errors(answering, log=self._log, sentence="A request was not answered")

    async def _answer(self) -> None:
        transport = self.transport
        self._is_busy = True
        transport.pauseProducing()
        while self._waiting and not self._is_full:
            answer = await self._answer_to(self._waiting.popleft())
            if self.connected:
                self.sendString(wire.encode(answer))
        self._is_busy = False
        if self.connected and not self._is_full:
            transport.resumeProducing()

    async def _answer_to(self, content: bytes) -> wire.Answer:
        try:
            request = wire.decode_request(content)
        except wire.MalformedFrame as error:
            return wire.Failed("malformed", str(error))
        return await self._factory.answer(request)

    def _hang_up(self) -> None:
        self.paused = True  # ignore frames that were already received
        self.transport.abortConnection()


class CompanionFactory(ServerFactory):
    """Builds a protocol for each connection."""

    noisy = False
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        answer: Answering,
        *,
        users: tuple[int, ...],
        user_of: Callable[[Server], int] = peer_user,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Answer requests of *users* and root with *answer*."""
        self.answer = answer
        self.users = frozenset(users)
        self.user_of = user_of
        #: number of connections of each permitted user
        self.connections: Counter[int] = Counter()
        self._seconds = seconds
        self._quiet_until = float("-inf")
        self._silenced = 0

    @override
    def buildProtocol(self, addr: IAddress | None) -> CompanionServerProtocol:
        """Return a protocol."""
        return CompanionServerProtocol(self)

    def complain(self, sentence: str) -> None:
        """Log *sentence*, but at most once per ``QUIET_SECONDS``."""
        now = self._seconds()
        if now < self._quiet_until:
            self._silenced += 1
            return
        self._quiet_until = now + limits.QUIET_SECONDS
        more = f" ({self._silenced} more since the last line)" if self._silenced else ""
        self._silenced = 0
        self._log.warn("{sentence}{more}", sentence=sentence, more=more)
