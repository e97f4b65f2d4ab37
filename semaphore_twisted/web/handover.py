"""What stands between a connection and the site for a while, or for a proxy."""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
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
    """Marks a client's address that a proxy told: whoever is there is no proxy."""


class _PassedOn4(PassedOn, IPv4Address):
    """One of IPv4, or an unknown one."""


class _PassedOn6(PassedOn, IPv6Address):
    """One of IPv6."""


class RelayedTransport:
    """A proxy's connection, with the client at the other end that the proxy names."""

    def __init__(self, transport: Any, client: tuple[str, int], *, tls: bool) -> None:
        """Pass *transport* on; *tls* is whether the client speaks TLS to the proxy."""
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
    def protocol(self) -> Any:
        """The protocol that gets what comes; an upgrade to websocket sets it."""
        return self._transport.protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._transport.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the connection itself does."""
        return getattr(self._transport, name)


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Waits inside TLS until the handshake is done, then makes room for the site."""

    transport: Any

    def __init__(self, site: IProtocolFactory | None, address: Any) -> None:
        """Have *site* take over; without one the handshake was all that was wanted."""
        self._site = site
        self._address = address
        self._leave: Callable[[], None] = _nothing

    def wait(self, leave: Callable[[], None]) -> None:
        """Call *leave* when the handshake is done, or will never be."""
        self._leave = leave

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """Hand over, or be done."""
        if self._site is None:
            self.transport.loseConnection()  # waits for the other side to say so too
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
        """Wait no more."""
        self._leave()


class Handshakes(Factory):
    """Makes what is inside TLS at first."""

    noisy = False

    def __init__(self, site: IProtocolFactory | None) -> None:
        """Have *site* take over, if there is one."""
        self._site = site

    @override
    def buildProtocol(self, addr: Any) -> Handshake:
        """Wait for one handshake."""
        return Handshake(self._site, addr)
