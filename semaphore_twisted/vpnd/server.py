"""The companion's socket: who may speak, and one request after the other.

The kernel tells who has connected (``SO_PEERCRED``, unix(7)); nothing is read from
other users, and their connections take no place from those who may speak. Each user
who may speak has a number of connections; each of them holds a request or an answer.
"""

import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.deferreds import forget
from semaphore_twisted.model import limits
from semaphore_twisted.wireguard import wire

#: Connections at once of one user: each may hold a frame in memory.
MOST = limits.COMPANION_CONNECTIONS

Answering = Callable[[wire.Request], "Deferred[wire.Answer]"]


def peer_user(transport: Any) -> int:
    """Return the number of the user at the other end."""
    size = struct.calcsize("3i")
    found = transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack("3i", found)[1])


class CompanionProtocol(Int32StringReceiver):
    """Answers the requests of one connection in their order."""

    MAX_LENGTH = wire.MAX_FRAME
    _log: ClassVar[Logger] = Logger()

    def __init__(self, factory: "CompanionFactory") -> None:
        """Have requests answered by *factory*."""
        self._factory = factory
        self._waiting: deque[bytes] = deque()
        self._is_busy = False
        self._is_full = False
        self._user: int | None = None

    @override
    def connectionMade(self) -> None:
        """Hang up on a user who may not speak, or has too many connections."""
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
            producing: Any = transport
            producing.registerProducer(self, True)  # noqa: FBT003 - Twisted's signature

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Make room."""
        super().connectionLost(reason)
        self.connected = 0
        self._waiting.clear()
        if self._user is not None:
            self._factory.connections[self._user] -= 1
            self._user = None

    @override
    def pauseProducing(self) -> None:
        """Answer nothing more: the other side does not read."""
        self._is_full = True

    @override
    def resumeProducing(self) -> None:
        """Go on: the other side has read the answers."""
        self._is_full = False
        self._go_on()

    @override
    def stopProducing(self) -> None:
        """Nothing is left to do; ``connectionLost`` follows."""

    @override
    def stringReceived(self, string: bytes) -> None:
        """Take a request; nothing more is read before it is answered."""
        self._waiting.append(string)
        self._go_on()

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """Hang up on who sends too much."""
        self._hang_up()

    def _go_on(self) -> None:
        if not self._is_busy and self.connected:
            answering = Deferred.fromCoroutine(self._answer())
            forget(answering, log=self._log, sentence="A request was not answered")

    async def _answer(self) -> None:
        transport: Any = self.transport
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
        except wire.Malformed as error:
            return wire.Failed("malformed", str(error))
        return await self._factory.answer(request)

    def _hang_up(self) -> None:
        transport: Any = self.transport
        self.paused = True  # what has come already is not read either
        transport.abortConnection()


class CompanionFactory(ServerFactory):
    """Makes a protocol for each connection."""

    noisy = False
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        answer: Answering,
        *,
        users: tuple[int, ...],
        user_of: Callable[[Any], int] = peer_user,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let *answer* answer those in *users*, and root; *seconds* is the time."""
        self.answer = answer
        self.users = frozenset(users)
        self.user_of = user_of
        #: connections by user, of those who may speak
        self.connections: Counter[int] = Counter()
        self._seconds = seconds
        self._quiet_until = float("-inf")
        self._silenced = 0

    @override
    def buildProtocol(self, addr: IAddress | None) -> CompanionProtocol:
        """Return a protocol."""
        return CompanionProtocol(self)

    def complain(self, sentence: str) -> None:
        """Write *sentence* to the log, unless another one was written a moment ago."""
        now = self._seconds()
        if now < self._quiet_until:
            self._silenced += 1
            return
        self._quiet_until = now + limits.QUIET_SECONDS
        more = f" ({self._silenced} more since the last line)" if self._silenced else ""
        self._silenced = 0
        self._log.warn("{sentence}{more}", sentence=sentence, more=more)
