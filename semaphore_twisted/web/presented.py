"""A public authority's certificate in front of the local authority's.

While there is none that is valid the local one is served, so HTTPS is never down; and
always to who asks for a name that only the local one is for, as programs on this
machine do (``localhost``).
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
from semaphore_twisted.web.hello import ACME
from semaphore_twisted.web.tls import PemCertificates, context


@frozen
class _Public:
    leaf: x509.Certificate
    ends: datetime
    context: SSL.Context


@implementer(ICertificateSource)
class PublicCertificates:
    """Presents the newest certificate of :meth:`present`, else *local*'s."""

    def __init__(
        self,
        local: PemCertificates,
        now: Callable[[], datetime],
        *,
        inside: bool = False,
    ) -> None:
        """Fall back on *local*.

        It is for clients too that name nobody, since they come by an address, where
        the site is *inside* the tunnel: there its addresses are no secret.
        """
        self._local = local
        self._now = now
        self._inside = inside
        self._public: _Public | None = None

    def present(self, *, chain: bytes, key: bytes) -> None:
        """Use another certificate from the next connection on.

        :raises ValueError: and goes on with the old one
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
        """The certificate that is presented now."""
        public = self._valid()
        return self._local.leaf if public is None else public.leaf

    def _valid(self) -> _Public | None:
        public = self._public
        return public if public is not None and self._now() < public.ends else None

    def _named(self, connection: Any) -> None:
        """Change over to the local certificate where only that has the client's name.

        OpenSSL calls this between the client's greeting and our answer, for TLS 1.2
        and 1.3 alike.
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
    """Return the context that answers a challenge in TLS (RFC 8737), and nothing else.

    Whom it may be given to is decided before, by the client's greeting.
    """
    made = context(chain=chain, key=key)
    made.set_alpn_select_callback(_challenge)
    return made


def _challenge(connection: SSL.Connection, offered: Sequence[bytes]) -> Any:
    del connection
    return ACME if list(offered) == [ACME] else SSL.NO_OVERLAPPING_PROTOCOLS
