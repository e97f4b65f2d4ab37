"""Transports before the site's protocol: TLS handshakes and proxied connections."""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocolFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import alsoProvides, directlyProvides, implementer, providedBy


def _nothing() -> None:
    """Do nothing."""


class PassedOn:
    """The client address from a PROXY header.

    Its forwarding headers are not trusted.
    """


class _PassedOn4(PassedOn, IPv4Address):
    """An IPv4 address, or an unknown one."""


class _PassedOn6(PassedOn, IPv6Address):
    """An IPv6 address."""


class RelayedTransport:
    """A proxy's connection whose peer is the client that the proxy announced."""

    def __init__(self, transport: Any, client: tuple[str, int], *, tls: bool) -> None:
        """Wrap *transport*; *tls* is true if the client speaks TLS to the proxy."""
        self._transport = transport
        kind = _PassedOn6 if ":" in client[0] else _PassedOn4
        self._client = kind("TCP", *client)
        directlyProvides(self, providedBy(transport))
        if tls:
            alsoProvides(self, ISSLTransport)

    def getPeer(self) -> IPv4Address | IPv6Address:  # noqa: N802 - Twisted's name
        """Return the client's address."""
        return self._client

    @property
    def protocol(self) -> object:
        """The protocol that receives the data; an upgrade to a websocket sets it."""
        return self._transport.protocol

    @protocol.setter
    def protocol(self, protocol: object) -> None:
        self._transport.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        """Delegate every other attribute to the wrapped transport."""
        return getattr(self._transport, name)


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Waits inside TLS for the handshake, then is replaced by the site's protocol."""

    transport: Any

    def __init__(self, site: IProtocolFactory | None, address: IAddress) -> None:
        """Hand over to *site*; without one, close after the handshake."""
        self._site = site
        self._address = address
        self._leave: Callable[[], None] = _nothing

    def wait(self, leave: Callable[[], None]) -> None:
        """Call *leave* when the handshake has finished or failed."""
        self._leave = leave

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """Replace this protocol by the site's, or close the connection."""
        if self._site is None:
            self.transport.loseConnection()  # waits for the peer's close_notify
            return
        self._leave()
        site: Any = self._site.buildProtocol(self._address)
        if site is None:
            self.transport.abortConnection()
            return
        self.transport.wrappedProtocol = site
        site.makeConnection(self.transport)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the wait: the connection was lost."""
        self._leave()


class HandshakeFactory(Factory):
    """Creates the protocol that waits inside TLS."""

    noisy = False

    def __init__(self, site: IProtocolFactory | None) -> None:
        """Hand over to *site*, if there is one."""
        self._site = site

    @override
    def buildProtocol(self, addr: Any) -> Handshake:
        """Return the protocol for one handshake."""
        return Handshake(self._site, addr)
