"""TLS for every outgoing connection: trusted roots, checks and protocol versions.

Chain and name (or address) are always checked, the name by service-identity. TLS 1.2 is
the minimum. It corresponds to Twisted's ``optionsForClientTLS``, except that the error
names the failed check. Blocking commands without a reactor use
:mod:`semaphore_twisted.tls_client.blocking`.
"""

from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

import idna
from attrs import define, frozen
from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IReactorTime
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IPolicyForHTTPS
from zope.interface import classImplements, implementer, providedBy

#: Timeout of a connection in seconds, the TLS handshake included.
CONNECT_SECONDS = 15

#: Sentences for the verification errors of X509_STORE_CTX_get_error(3).
_CHECKS = {
    7: "a signature is not that of the issuer which is trusted",
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed and not trusted",
    19: "the root at the end of the chain is not trusted",
    20: "the certificate's issuer is not known",
    21: "the certificate's issuer is not known",
    24: "an issuer in the chain is not a CA",
    26: "the certificate is for another purpose",
    47: "the CA's name constraints exclude this name",
    66: "the key is too short",
    67: "a CA's key is too short",
    68: "a signature in the chain is too weak",
    79: "an issuer in the chain is not a CA",
}

_VERIFY = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT

_END = b"-----END CERTIFICATE-----"


@frozen
class _All:
    """The union of several trust roots."""

    roots: Sequence[Any]

    def _addCACertsToContext(self, context: SSL.Context) -> None:  # noqa: N802 - Twisted's
        for each in self.roots:
            each._addCACertsToContext(context)  # noqa: SLF001 - the interface's


# Twisted's interface of trust roots is private; the platform's roots provide it.
_implements: Any = classImplements
_implements(_All, *providedBy(platformTrust()))


def trust(*, only: bytes | None = None, also: bytes | None = None) -> Any:
    """Return trust roots: only those in *only*, or the system's and those in *also*.

    Both are certificates in PEM.

    :raises ValueError: if the PEM has no certificate
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
        certificates = [Certificate.loadPEM(each) for each in blocks]
    except crypto.Error:
        certificates = []
    if not certificates:
        raise ValueError("no PEM certificate found")
    return certificates


@implementer(IOpenSSLClientConnectionCreator)
@frozen
class _Client:
    """The client side of TLS connections to *host*, a name or an address."""

    host: str
    context: SSL.Context

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802
        """Return a connection for *protocol*, which is told which check failed."""
        connection = SSL.Connection(self.context, None)
        if not _is_address(self.host):
            connection.set_tlsext_host_name(self._name.encode("ascii"))
        connection.set_verify(_VERIFY, partial(self._verified, protocol))
        return connection

    @property
    def _name(self) -> str:
        """The host as an A-label, for certificates and the server name indication."""
        return self.host if self.host.isascii() else idna.encode(self.host).decode()

    def _verified(  # noqa: PLR0917 - as OpenSSL calls it
        self,
        protocol: TLSMemoryBIOProtocol,
        connection: SSL.Connection,
        certificate: crypto.X509,
        number: int,
        depth: int,
        good: int,
    ) -> bool:
        """Check one certificate of the chain; must not raise inside OpenSSL."""
        del connection
        if not good:
            words = _CHECKS.get(number, f"the certificate failed check {number}")
            protocol.failVerification(Failure(SSL.Error([("", "", words)])))
            return False
        if depth == 0:
            try:
                self._check_name(certificate.to_cryptography())
            except CertificateError:
                words = "the certificate has no usable subject alternative name"
                protocol.failVerification(Failure(SSL.Error([("", "", words)])))
                return False
            except Exception:  # noqa: BLE001 - any error means that the name was not verified
                protocol.failVerification(Failure())
                return False
        return True

    def _check_name(self, certificate: x509.Certificate) -> None:
        """Raise :class:`VerificationError` if *certificate* is not for the host."""
        if _is_address(self.host):
            verify_certificate_ip_address(certificate, self.host)
        else:
            verify_certificate_hostname(certificate, self._name)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@implementer(IPolicyForHTTPS)
@define(eq=False)
class TlsPolicy:
    """Creates the TLS of connections from one set of trust roots.

    The roots are loaded once, since reading the system's takes a while.
    """

    _trust: Any
    _context: SSL.Context | None = None

    def for_host(self, host: str) -> _Client:
        """Return a connection creator for *host*, a name or an address."""
        if self._context is None:
            options = CertificateOptions(
                trustRoot=self._trust,
                insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
            )
            self._context = options.getContext()
        return _Client(host.strip("[]"), self._context)

    def creatorForNetloc(self, hostname: bytes, port: int) -> _Client:  # noqa: ARG002, N802
        """Return a connection creator for an agent's request to *hostname*."""
        return self.for_host(hostname.decode("ascii"))


def agent(
    reactor: IReactorTime, tls: TlsPolicy, *, pool: HTTPConnectionPool | None = None
) -> IAgent:
    """Return an agent whose connections use *tls*."""
    iagent: IAgent = Agent(reactor, tls, connectTimeout=CONNECT_SECONDS, pool=pool)
    return iagent


def failed_check(error: SSL.Error) -> str:
    """Return which check a server failed, in a sentence from here or from OpenSSL."""
    words = [str(each[-1]) for each in (error.args or ([],))[0] or []]
    return "; ".join(words) or "TLS failed"
