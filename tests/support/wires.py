"""A connection in memory that protocols pass to one another, and TLS on it."""

import contextlib
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITCPTransport)
class Wire(StringTransport):
    """The server's end of a connection; its ``protocol`` may be replaced."""

    protocol: Any = None

    def __init__(self, peer: str | None = "192.0.2.7", here: str = "192.0.2.1") -> None:
        """Set the addresses: *peer*, ``None`` for a UNIX socket, and *here*."""
        address: Any = UNIXAddress("/run/s.sock")
        if peer is not None:
            address = IPv4Address("TCP", peer, 40_000)
        super().__init__(IPv4Address("TCP", here, 3000), address)
        self.gone = False
        self._delivering = False
        self._reason: Exception | None = None
        self.half_closed = False

    def connect(self, factory: Any) -> bool:
        """Connect to *factory*; return ``False`` if it refuses."""
        self.protocol = factory.buildProtocol(self.getPeer())
        if self.protocol is None:
            return False
        self.protocol.makeConnection(self)
        return True

    def deliver(self, data: bytes) -> None:
        """Deliver *data*, unless the connection has ended."""
        if self.gone:
            return
        self._delivering = True
        self.protocol.dataReceived(data)
        self._delivering = False
        if self._reason is not None:
            self._end(self._reason)

    def lose(self) -> None:
        """End the connection from the other side."""
        self._end(ConnectionDone())

    def abortConnection(self) -> None:
        """End the connection at once."""
        super().abortConnection()
        self._end(ConnectionAborted())

    def loseConnection(self) -> None:
        """End the connection after all data was written."""
        super().loseConnection()
        self._end(ConnectionDone())

    def loseWriteConnection(self) -> None:
        """Record that the protocol ends writing."""
        self.half_closed = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Ignore the option."""

    def getTcpNoDelay(self) -> bool:
        """Report the option as not set."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Ignore the option."""

    def getTcpKeepAlive(self) -> bool:
        """Report the option as not set."""
        return False

    def _end(self, reason: Exception) -> None:
        """Call ``connectionLost``, but not while the protocol handles data."""
        if self._delivering:
            self._reason = self._reason or reason
        elif not self.gone:
            self.gone = True
            self.protocol.connectionLost(Failure(reason))


class TlsClient:
    """A client that speaks TLS over a wire."""

    def __init__(
        self,
        wire: Wire,
        *,
        version: int = SSL.TLS1_3_VERSION,
        name: str = "localhost",
        protocols: tuple[bytes, ...] = (b"http/1.1",),
    ) -> None:
        """Prepare the handshake."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_alpn_protos(list(protocols))
        self.connection = SSL.Connection(context, None)
        self.connection.set_tlsext_host_name(name.encode())
        self.connection.set_connect_state()
        self.wire = wire

    def hello(self) -> bytes:
        """Return the ClientHello."""
        with contextlib.suppress(SSL.WantReadError):
            self.connection.do_handshake()
        return self._outgoing()

    def shake(self) -> None:
        """Continue the handshake to its end."""
        for _ in range(4):
            self._take()
            with contextlib.suppress(SSL.WantReadError):
                self.connection.do_handshake()
            if sent := self._outgoing():
                self.wire.deliver(sent)

    def connect(self) -> "TlsClient":
        """Do the whole handshake."""
        self.wire.deliver(self.hello())
        self.shake()
        return self

    def send(self, data: bytes) -> None:
        """Send *data*."""
        self.connection.send(data)
        self.wire.deliver(self._outgoing())

    def receive(self) -> bytes:
        """Return all data that was received."""
        self._take()
        parts = []
        with contextlib.suppress(SSL.WantReadError, SSL.ZeroReturnError):
            while True:
                parts.append(self.connection.recv(65_536))
        return b"".join(parts)

    def close(self) -> None:
        """Send the TLS close notification."""
        self._take()
        with contextlib.suppress(SSL.Error):
            self.connection.shutdown()
        self.wire.deliver(self._outgoing())

    def _take(self) -> None:
        if self.wire.value():
            self.connection.bio_write(self.wire.value())
            self.wire.clear()

    def _outgoing(self) -> bytes:
        try:
            sent: bytes = self.connection.bio_read(65_536)
        except SSL.WantReadError:
            return b""
        return sent
