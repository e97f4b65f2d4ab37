"""Serves the certificate of a public CA, with the local CA's as fallback.

While no valid public certificate exists, the local one is served, so HTTPS is never
down. The local one is also served to clients that request a name which only it covers,
such as programs on this machine (``localhost``).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from cryptography import x509
from OpenSSL import SSL
from zope.interface import implementer

from semaphore_twisted.crypto.certificates import covers
from semaphore_twisted.interfaces import ICertificateSource
from semaphore_twisted.web.listener.client_hello import ACME
from semaphore_twisted.web.listener.tls import PemCertificates, context


@frozen
class _Public:
    leaf: x509.Certificate
    ends: datetime
    context: SSL.Context


@implementer(ICertificateSource)
class PublicCertificates:
    """Serves the newest certificate of :meth:`present`, else that of *local*."""

    def __init__(
        self,
        local: PemCertificates,
        now: Callable[[], datetime],
        *,
        inside: bool = False,
    ) -> None:
        """Fall back to *local*.

        With *inside*, clients without a server name get the local certificate too: the
        site is inside the tunnel, and its addresses are not a secret there.
        """
        self._local = local
        self._now = now
        self._inside = inside
        self._public: _Public | None = None

    def present(self, *, chain: bytes, key: bytes) -> None:
        """Serve another certificate from the next connection on.

        :raises ValueError: if it cannot be used; the old one stays
        """
        made = context(chain=chain, key=key)
        leaf, *issuers = x509.load_pem_x509_certificates(chain)
        ends = min(each.not_valid_after_utc for each in (leaf, *issuers))
        made.set_tlsext_servername_callback(self._named)
        self._public = _Public(leaf, ends, made)

    def context(self) -> SSL.Context:
        """Return the context for a new connection."""
        public = self._valid()
        return self._local.context() if public is None else public.context

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate that is served now."""
        public = self._valid()
        return self._local.leaf if public is None else public.leaf

    def _valid(self) -> _Public | None:
        public = self._public
        return public if public is not None and self._now() < public.ends else None

    def _named(self, connection: SSL.Connection) -> None:
        """Switch to the local certificate if only it covers the client's server name.

        OpenSSL calls this between ClientHello and ServerHello, for TLS 1.2 and 1.3.
        """
        public = self._public
        if public is None:
            return
        name = (connection.get_servername() or b"").decode("ascii", "replace")
        if name:
            local = not covers(public.leaf, name) and covers(self._local.leaf, name)
        else:
            local = self._inside
        if local:
            connection.set_context(self._local.context())


def challenge_context(*, chain: bytes, key: bytes) -> SSL.Context:
    """Return the context for a TLS-ALPN-01 challenge (RFC 8737).

    The caller has checked the client hello.
    """
    made = context(chain=chain, key=key)
    made.set_alpn_select_callback(_challenge)
    return made


def _challenge(connection: SSL.Connection, offered: Sequence[bytes]) -> Any:
    del connection
    return ACME if list(offered) == [ACME] else SSL.NO_OVERLAPPING_PROTOCOLS
