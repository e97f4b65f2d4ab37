"""Send one DNS query over the network and receive its answer, by UDP or TCP."""

import ipaddress
from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import ClientFactory, DatagramProtocol, connectionDone
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.interfaces import IServerReactor

PORT = 53

#: Seconds that establishing a TCP connection may take.
CONNECTING = 3


class ResolverUnavailable(Exception):
    """The resolver cannot be queried."""


@define(eq=False)
class NetworkTransport:
    """Sends each query from a UDP port of its own, or over a TCP connection of its own.

    The UDP port is connected, so the kernel drops datagrams from other addresses.
    """

    _reactor: IServerReactor
    _port: int = PORT

    def __call__(
        self,
        content: bytes,
        server: str,
        *,
        stream: bool,
        accept: Callable[[bytes], bool],
    ) -> "Deferred[bytes]":
        """Query *server*; see ``upstream.Exchange``."""
        six = ipaddress.ip_address(server).version == 6
        if stream:
            endpoint = (TCP6ClientEndpoint if six else TCP4ClientEndpoint)(
                self._reactor, server, self._port, timeout=CONNECTING
            )
            return Deferred.fromCoroutine(_over_stream(endpoint, content, accept))
        datagram = _Datagram(content, (server, self._port), accept)
        try:
            self._reactor.listenUDP(
                0, datagram, interface="::" if six else "", maxPacketSize=65535
            )
        except Exception as error:  # noqa: BLE001 - no free port, or no such family
            return fail(ResolverUnavailable(str(error)))
        return datagram.answer


class _Datagram(DatagramProtocol):
    """One query over UDP, and its answer."""

    noisy = False

    def __init__(
        self,
        content: bytes,
        server: tuple[str, int],
        accept: Callable[[bytes], bool],
    ) -> None:
        self._content = content
        self._server = server
        self._accept = accept
        self.answer: Deferred[bytes] = Deferred(lambda _: self._close())

    @override
    def startProtocol(self) -> None:
        """Send the query."""
        try:
            self._transport.connect(*self._server)
            self._transport.write(self._content)
        except OSError as error:  # no route to the resolver
            self._end(ResolverUnavailable(str(error)))

    @override
    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        """Fire with the first datagram that is accepted; ignore the rest."""
        if not self.answer.called and self._accept(datagram):
            self._close()
            self.answer.callback(datagram)

    @override
    def connectionRefused(self) -> None:
        """Fail: no program listens on the resolver's port."""
        self._end(ResolverUnavailable("refused"))

    @property
    def _transport(self) -> Any:
        return self.transport

    def _end(self, error: Exception) -> None:
        if not self.answer.called:
            self._close()
            self.answer.errback(error)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.stopListening()


class _Stream(Int16StringReceiver):
    """One query over a TCP connection."""

    transport: ITCPTransport

    def __init__(self, accept: Callable[[bytes], bool]) -> None:
        self._accept = accept
        self.answer: Deferred[bytes] = Deferred()

    @override
    def stringReceived(self, string: bytes) -> None:
        """Fire with the first message that is accepted; ignore the rest."""
        if not self.answer.called and self._accept(string):
            self.answer.callback(string)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail if no answer was accepted."""
        super().connectionLost(reason)
        if not self.answer.called:
            self.answer.errback(ResolverUnavailable("the connection was closed"))


class _OneConnectionFactory(ClientFactory):
    noisy = False

    def __init__(self, stream: _Stream) -> None:
        self._made = stream

    @override
    def buildProtocol(self, addr: IAddress | None) -> _Stream:
        """Return the protocol."""
        return self._made


async def _over_stream(
    endpoint: IStreamClientEndpoint, content: bytes, accept: Callable[[bytes], bool]
) -> bytes:
    stream = _Stream(accept)
    await endpoint.connect(_OneConnectionFactory(stream))
    try:
        stream.sendString(content)
        return await stream.answer
    finally:
        stream.transport.abortConnection()
