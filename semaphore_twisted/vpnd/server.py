"""The companion's socket: who may speak, and one request after the other.

The kernel tells who has connected (``SO_PEERCRED``, unix(7)); nothing is read from
anybody else.
"""

import socket
import struct
from collections import deque
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

#: Connections at once: each may hold a frame in memory.
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

    @override
    def connectionMade(self) -> None:
        """Hang up on who may not speak."""
        factory = self._factory
        factory.connections += 1
        user = factory.user_of(self.transport)
        if user != 0 and user not in factory.users:
            self._log.warn("User {user} may not speak to the companion", user=user)
            self._hang_up()
        elif factory.connections > MOST:
            self._log.warn("More than {most} connections at once", most=MOST)
            self._hang_up()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Make room."""
        super().connectionLost(reason)
        self.connected = 0
        self._waiting.clear()
        self._factory.connections -= 1

    @override
    def stringReceived(self, string: bytes) -> None:
        """Take a request; nothing more is read before it is answered."""
        self._waiting.append(string)
        if not self._is_busy:
            answering = Deferred.fromCoroutine(self._answer())
            forget(answering, log=self._log, sentence="A request was not answered")

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """Hang up on who sends too much."""
        self._hang_up()

    async def _answer(self) -> None:
        transport: Any = self.transport
        self._is_busy = True
        transport.pauseProducing()
        while self._waiting:
            answer = await self._answer_to(self._waiting.popleft())
            if self.connected:
                self.sendString(wire.encode(answer))
        self._is_busy = False
        if self.connected:
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

    def __init__(
        self,
        answer: Answering,
        *,
        users: tuple[int, ...],
        user_of: Callable[[Any], int] = peer_user,
    ) -> None:
        """Let *answer* answer those in *users*, and root."""
        self.answer = answer
        self.users = frozenset(users)
        self.user_of = user_of
        self.connections = 0

    @override
    def buildProtocol(self, addr: IAddress | None) -> CompanionProtocol:
        """Return a protocol."""
        return CompanionProtocol(self)
