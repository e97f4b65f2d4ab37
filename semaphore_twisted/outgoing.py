"""Every TLS connection that this program makes: whom it believes, and in what.

Chain and name (or address) are always checked, the name by service-identity, as
Twisted's ``optionsForClientTLS`` arranges it; nothing older than TLS 1.2 is spoken.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen
from OpenSSL import SSL, crypto
from twisted.internet.ssl import (
    Certificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IPolicyForHTTPS
from zope.interface import classImplements, implementer, providedBy

#: Seconds for a connection, its TLS included.
CONNECT_SECONDS = 15

#: Twisted's name for the oldest version that is spoken, here its own default.
_LEAST = {"insecurelyLowerMinimumTo": TLSVersion.TLSv1_2}

_END = b"-----END CERTIFICATE-----"


@frozen
class _All:
    """Several roots together."""

    roots: Sequence[Any]

    def _addCACertsToContext(self, context: Any) -> None:  # noqa: N802 - Twisted's
        for each in self.roots:
            each._addCACertsToContext(context)  # noqa: SLF001 - the interface's


# The interface of roots has no public name; the system's have it.
_implements: Any = classImplements
_implements(_All, *providedBy(platformTrust()))


def trust(*, only: bytes | None = None, also: bytes | None = None) -> Any:
    """Return the roots that are believed: *only* some, or the system's and *also* some.

    Both are certificates in PEM.

    :raises ValueError: if there is no certificate among them
    """
    if only is not None:
        return trustRootFromCertificates(_certificates(only))
    system = platformTrust()
    if also is None:
        return system
    return _All((system, trustRootFromCertificates(_certificates(also))))


def _certificates(pem: bytes) -> list[Certificate]:
    blocks = [each + _END for each in pem.split(_END) if b"-----BEGIN CERT" in each]
    try:
        found = [Certificate.loadPEM(each) for each in blocks]
    except crypto.Error:
        found = []
    if not found:
        raise ValueError("no PEM certificate found")
    return found


@implementer(IPolicyForHTTPS)
@define(eq=False)
class Tls:
    """Makes the TLS of connections; what it made for a host is used again.

    Reading the system's roots takes a while, and the reactor should not.
    """

    _trust: Any
    _made: dict[str, Any] = field(factory=dict)

    def to(self, host: str) -> Any:
        """Return what makes the client's side for *host*, a name or an address."""
        if host not in self._made:
            self._made[host] = optionsForClientTLS(
                host, trustRoot=self._trust, extraCertificateOptions=_LEAST
            )
        return self._made[host]

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: ARG002, N802
        """Return what makes the TLS of an agent's connection to *hostname*."""
        return self.to(hostname.decode("ascii"))


def agent(reactor: Any, tls: Tls, *, pool: HTTPConnectionPool | None = None) -> IAgent:
    """Return an agent whose connections are *tls*."""
    made: IAgent = Agent(reactor, tls, connectTimeout=CONNECT_SECONDS, pool=pool)
    return made


def failed_check(error: SSL.Error) -> str:
    """Say which check a server's certificate failed, in OpenSSL's words."""
    words = [str(each[-1]) for each in (error.args or ([],))[0] or []]
    return "; ".join(words) or "TLS failed"
