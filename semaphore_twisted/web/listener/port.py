"""A port for TLS, plain HTTP and the PROXY protocol, told apart by the first bytes.

TLS leads to the site. Plain HTTP leads to the site from this machine or from a trusted
proxy, and otherwise to a redirect. A trusted proxy may first announce the client with
the PROXY protocol. After the decision the chosen protocol owns the transport, so no
layer remains in between.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from OpenSSL import SSL
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.interfaces import ICertificateSource
from semaphore_twisted.model import ip
from semaphore_twisted.web.listener import client_hello, protocol_detection
from semaphore_twisted.web.listener.client_hello import ClientHello
from semaphore_twisted.web.listener.handshake import HandshakeFactory, RelayedTransport
from semaphore_twisted.web.listener.pending_connections import (
    PendingConnection,
    PendingConnections,
)
from semaphore_twisted.web.listener.plain_http import PlainHttpProtocol, RedirectPolicy
from semaphore_twisted.web.listener.protocol_detection import ProtocolKind
from semaphore_twisted.web.listener.tls import over_tls
from semaphore_twisted.web.proxies import proxy_protocol
from semaphore_twisted.web.proxies.trusted_proxies import TrustedProxies

#: Returns the context that answers an ACME challenge, ``None`` for any other hello.
Challenge = Callable[[ClientHello], SSL.Context | None]


def no_challenge(hello: ClientHello) -> SSL.Context | None:
    """Return ``None``: there are no challenges."""
    del hello
    return None


def _host(address: object) -> str | None:
    """Return the host of *address* as text, ``None`` for a UNIX socket."""
    if isinstance(address, UNIXAddress):
        return None
    return ip.canonical(str(getattr(address, "host", "")))


class SniffingProtocol(Protocol):
    """A connection whose protocol is not known yet."""

    transport: Any

    def __init__(self, port: "PortFactory", address: IAddress) -> None:
        """Detect the protocol of a connection to *port*; *address* is the peer's."""
        self._port = port
        self._address = address
        self._connection: PendingConnection | None = None
        self._data = b""
        self._records = client_hello.Records()
        self._header_read = False
        #: the transport for the chosen protocol
        self._given: Any = None

    @override
    def connectionMade(self) -> None:
        """Register as a pending connection, or abort if the limit is reached."""
        self._given = self.transport
        self._connection = self._port.pending.add(
            self._key(_host(self._address)), self.transport.abortConnection
        )
        if self._connection is None:
            self.transport.abortConnection()

    @override
    def dataReceived(self, data: bytes) -> None:
        """Buffer *data* and try to detect the protocol."""
        if self._connection is not None:
            self._data += data
            self._detect()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remove this connection from the pending ones."""
        self._discard_pending()

    def _key(self, host: str | None) -> str | None:
        if self._port.trust.relays(host, tls=False):
            return None
        return ip.source(host or "")

    def _discard_pending(self) -> None:
        if self._connection is not None:
            self._port.pending.discard(self._connection)

    def _detect(self) -> None:
        kind = protocol_detection.kind(self._data) if self._data else None
        secured = self._port.secured
        if kind is ProtocolKind.TLS and secured is not None:
            self._tls(secured)
        elif kind is ProtocolKind.HTTP:
            self._http()
        elif kind is ProtocolKind.PROXY and not self._header_read:
            self._relayed()
        elif kind is not None:
            self.transport.abortConnection()

    def _tls(self, secured: TLSMemoryBIOFactory) -> None:
        try:
            message = self._records.message(self._data)
        except client_hello.NoHello:
            self.transport.abortConnection()
            return
        if message is None:
            return
        made: Any = self._port.tls_for(message, self._address, secured)
        made.wrappedProtocol.wait(self._discard_pending)
        self._hand_to(made)

    def _http(self) -> None:
        port = self._port
        connection = self._connection
        if connection is None or port.serves(self._given, _host(self._address)):
            self._discard_pending()
            protocol: Any = port.site.buildProtocol(self._address)
        else:
            protocol = PlainHttpProtocol(port.refusals, port.pending, connection)
        if protocol is None:
            self.transport.abortConnection()
        else:
            self._hand_to(protocol)

    def _hand_to(self, protocol: Any) -> None:
        """Make *protocol* own the connection, and pass it the buffered bytes."""
        data, self._data = self._data, b""
        self.transport.protocol = protocol
        protocol.makeConnection(self._given)
        protocol.dataReceived(data)

    def _relayed(self) -> None:
        """Read a PROXY header, which only a trusted proxy may send."""
        if not self._port.may_relay(_host(self._address)):
            self._port.complain(_host(self._address))
            self.transport.abortConnection()
            return
        try:
            header = proxy_protocol.read(self._data)
        except proxy_protocol.MalformedHeader:
            self.transport.abortConnection()
            return
        if header is None:
            return
        self._header_read = True
        self._data = self._data[header.length :]
        if header.own or self._passes_on(header.client, tls=header.encrypted):
            self._detect()
        else:
            self.transport.abortConnection()

    def _passes_on(self, client: tuple[str, int] | None, *, tls: bool) -> bool:
        """Use *client* as the peer; return false if its source has too many pending.

        If the proxy does not know the client, the proxy's own address is used.
        """
        known = client or (_host(self._address) or "", 0)
        self._given = RelayedTransport(self.transport, known, tls=tls)
        self._address = self._given.getPeer()
        key = None if client is None else ip.source(client[0])
        return self._connection is not None and self._port.pending.rekey(
            self._connection, key
        )


class PortFactory(Factory):
    """The protocol factory of every port of the site."""

    noisy = False
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        site: IProtocolFactory,
        *,
        source: ICertificateSource | None,
        clock: IReactorTime,
        pending: PendingConnections,
        refusals: RedirectPolicy,
        trust: TrustedProxies,
        proxy_protocol: bool = False,
        challenge: Challenge = no_challenge,
    ) -> None:
        """Serve *site* over TLS with *source*.

        Without one, serve plain HTTP to every peer.

        *trust* has the trusted proxies; with *proxy_protocol* they may use the PROXY
        protocol. *refusals* answer peers that may not use plain HTTP.
        """
        self.site = site
        self.pending = pending
        self.refusals = refusals
        self.trust = trust
        self.secured: TLSMemoryBIOFactory | None = None
        if source is not None:
            self.secured = over_tls(HandshakeFactory(site), source.context, clock=clock)
        self._clock = clock
        self._proxy_protocol = proxy_protocol
        self._challenge = challenge

    @override
    def doStart(self) -> None:
        """Start the site with the first port."""
        self.site.doStart()
        super().doStart()

    @override
    def doStop(self) -> None:
        """Stop the site with the last port."""
        self.site.doStop()
        super().doStop()

    @override
    def buildProtocol(self, addr: Any) -> Protocol | None:
        """Return the protocol that detects what the peer at *addr* speaks."""
        return SniffingProtocol(self, addr)

    def may_relay(self, host: str | None) -> bool:
        """Return whether *host* may send a PROXY header."""
        return self._proxy_protocol and (host is None or self.trust.names(host))

    def serves(self, transport: object, host: str | None) -> bool:
        """Return whether plain HTTP from *host* is served by the site."""
        if self.secured is None or ISSLTransport.providedBy(transport):
            return True
        if isinstance(transport, RelayedTransport):
            return False
        return self.trust.relays(host, tls=False)

    def tls_for(
        self, message: bytes, address: IAddress, secured: TLSMemoryBIOFactory
    ) -> Protocol:
        """Return the TLS protocol for a client hello: *secured*, or a challenge's."""
        hello = client_hello.read(message) if client_hello.ACME in message else None
        if hello is not None and hello.asks_for_challenge:
            context = self._challenge(hello)
            if context is not None:
                shown = over_tls(
                    HandshakeFactory(None), lambda: context, clock=self._clock
                )
                return shown.buildProtocol(address)
        return secured.buildProtocol(address)

    def complain(self, host: str | None) -> None:
        """Log that a PROXY header came from a peer that may not send one."""
        self._log.warn(
            "A PROXY header came from {host}, which is no proxy here (options: "
            "trusted_proxies, proxy_protocol); the connection was closed",
            host=host or "a UNIX socket",
        )
