"""The agent that reaches an authority: over TLS, and only to whom it is meant for."""

from typing import Any

from attrs import define, field
from OpenSSL import crypto
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.client import Agent
from twisted.web.iweb import IAgent, IPolicyForHTTPS
from zope.interface import implementer

#: Seconds for a connection, its TLS included.
_CONNECT = 15

_END = b"-----END CERTIFICATE-----"


@implementer(IPolicyForHTTPS)
@define(eq=False)
class _Policy:
    """Checks chain and name; what it made for a host is used again.

    Reading the system's roots takes a while, and the reactor should not.
    """

    _trust: Any
    _made: dict[bytes, Any] = field(factory=dict)

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: ARG002, N802
        """Return what makes the TLS of a connection to *hostname*."""
        if hostname not in self._made:
            name = hostname.decode("ascii")
            self._made[hostname] = optionsForClientTLS(name, trustRoot=self._trust)
        return self._made[hostname]


def authority_agent(reactor: Any, roots: bytes | None) -> IAgent:
    """Return an agent that trusts the *roots* (PEM), the system's without them.

    :raises ValueError: if there is no certificate among the *roots*
    """
    return Agent(reactor, _Policy(_trust(roots)), connectTimeout=_CONNECT)


def _trust(roots: bytes | None) -> Any:
    if roots is None:
        return platformTrust()
    blocks = [each + _END for each in roots.split(_END) if b"-----BEGIN CERT" in each]
    try:
        found = [Certificate.loadPEM(each) for each in blocks]
    except crypto.Error:
        found = []
    if not found:
        raise ValueError("no PEM certificate found")
    return trustRootFromCertificates(found)
