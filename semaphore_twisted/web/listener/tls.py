"""TLS 1.2 and 1.3 for the listeners, from PEM certificates.

The creator gets the context from its source for each new connection, so a changed
certificate takes effect at once and open connections continue.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.interfaces import ICertificateSource

#: ECDHE with AEAD only; TLS 1.3 has its own list.
CIPHERS = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-AES256-GCM-SHA384",
        b"ECDHE-RSA-AES256-GCM-SHA384",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
    )
)

#: HTTP/2 is not offered: the websocket library does not support it.
PROTOCOL = b"http/1.1"

#: Maximum size of a handshake flight in memory, and maximum number of flights.
_FLIGHT, _MOST_FLIGHTS = 1 << 20, 8

_OPTIONS = (
    SSL.OP_NO_COMPRESSION
    | SSL.OP_NO_RENEGOTIATION
    | SSL.OP_NO_TICKET
    | SSL.OP_CIPHER_SERVER_PREFERENCE
)


def _choose(connection: SSL.Connection, offered: Sequence[bytes]) -> Any:
    """Select HTTP/1.1; a client that does not offer it continues without ALPN."""
    del connection
    return PROTOCOL if PROTOCOL in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def context(*, chain: bytes, key: bytes) -> SSL.Context:
    """Return a server context with *chain* (leaf first) and its *key*.

    :raises ValueError: if one of them cannot be read or they do not match
    """
    leaf, *others = x509.load_pem_x509_certificates(chain)
    private: Any = load_pem_private_key(key, password=None)
    server = SSL.Context(SSL.TLS_SERVER_METHOD)
    server.set_min_proto_version(SSL.TLS1_2_VERSION)
    server.set_cipher_list(CIPHERS)
    server.set_options(_OPTIONS)
    server.set_mode(SSL.MODE_RELEASE_BUFFERS)
    server.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    server.set_alpn_select_callback(_choose)
    try:
        server.use_certificate(leaf)
        for each in others:
            server.add_extra_chain_cert(each)
        server.use_privatekey(private)
        server.check_privatekey()
    except SSL.Error as error:
        raise ValueError("the certificate and the key do not fit together") from error
    return server


def digest_of(chain: bytes, key: bytes) -> bytes:
    """Return a digest that identifies the pair of *chain* and *key*."""
    return hashlib.sha256(chain + b"\0" + key).digest()


def shake_hands(server: SSL.Context) -> None:
    """Perform a TLS handshake with the context *server*, in memory.

    The client does not verify the certificate; unusable keys or cipher suites are
    detected.

    :raises ValueError: if the handshake fails
    """
    ours, theirs = (
        SSL.Connection(each, None)
        for each in (server, SSL.Context(SSL.TLS_CLIENT_METHOD))
    )
    ours.set_accept_state()
    theirs.set_connect_state()
    waiting = [theirs, ours]
    for _ in range(_MOST_FLIGHTS):
        here, there = waiting
        try:
            here.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            raise ValueError("no client can shake hands with this pair") from error
        with contextlib.suppress(SSL.WantReadError):
            there.bio_write(here.bio_read(_FLIGHT))
        waiting.reverse()
    try:
        theirs.do_handshake()
    except SSL.Error as error:
        raise ValueError("no client can shake hands with this pair") from error


@implementer(ICertificateSource)
class PemCertificates:
    """A certificate source from PEM, replaceable by ``reload``."""

    def __init__(self, *, chain: bytes, key: bytes) -> None:
        """Serve *chain* with *key*."""
        self._context = context(chain=chain, key=key)
        #: identifies this pair of chain and key
        self.digest = digest_of(chain, key)
        self.leaf = x509.load_pem_x509_certificate(chain)

    def context(self) -> SSL.Context:
        """Return the context for a new connection."""
        return self._context

    def reload(self, *, chain: bytes, key: bytes) -> None:
        """Serve another certificate from the next connection on.

        :raises ValueError: if it cannot be used; the old one stays
        """
        self._context = context(chain=chain, key=key)
        self.digest = digest_of(chain, key)
        self.leaf = x509.load_pem_x509_certificate(chain)


@implementer(IOpenSSLServerConnectionCreator)
@define(eq=False)
class ConnectionCreator:
    """Creates the server side of TLS for each new connection."""

    context: Callable[[], SSL.Context]

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        """Return a connection with the current context."""
        del protocol
        return SSL.Connection(self.context(), None)


class ServerTransport(BufferingTLSTransport):
    """The server's side of a TLS connection, begun with less work than Twisted does.

    Twisted's own method declares each interface of the transport, one after another,
    before it declares all of them, and asks OpenSSL for a first message, which the
    client sends (``bench/README.md``).
    """

    @override
    def makeConnection(self, transport: Any) -> None:
        """Begin TLS over *transport*, and wait for the client's first message."""
        self._tlsConnection = self.factory._creatorCallable(self)  # noqa: SLF001 - as its base
        self._appSendBuffer: list[bytes] = []
        ProtocolWrapper.makeConnection(self, transport)


def over_tls(
    factory: IProtocolFactory,
    context: Callable[[], SSL.Context],
    *,
    clock: IReactorTime,
) -> TLSMemoryBIOFactory:
    """Return *factory* behind TLS; *context* is called for each connection."""
    secured = TLSMemoryBIOFactory(ConnectionCreator(context), False, factory, clock)  # noqa: FBT003 - Twisted's signature
    secured.protocol = ServerTransport
    return secured
