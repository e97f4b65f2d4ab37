"""Client address, scheme and host of a request, as its peer and proxies state; pure.

Forwarding headers count only from a trusted peer: one on this machine (loopback or a
UNIX socket) that speaks plain HTTP, or one of ``trusted_proxies``. From any other peer
they are ignored.
"""

from urllib.parse import urlsplit

from attrs import field, frozen

from semaphore_twisted.model import ip
from semaphore_twisted.web.proxies.forwarding_headers import Header, forwarded
from semaphore_twisted.web.proxies.trusted_proxies import NO_PROXIES, TrustedProxies

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@frozen(kw_only=True)
class ClientInfo:
    """The client side of a request.

    *address* is the client's address, *host* the host and port by which it requested
    the site, *trusted* whether the peer's forwarding headers count, *scheme* the
    client's protocol, or ``None`` if a trusted peer does not state it.
    """

    address: str
    host: str
    scheme: str | None
    trusted: bool
    #: whether a trusted peer forwards the request of another client
    relayed: bool

    @property
    def unnamed(self) -> bool:
        """Whether the peer may be a proxy that does not state its client."""
        return self.trusted and not self.relayed

    @property
    def here(self) -> bool:
        """Whether the client is on this machine, by plain HTTP or a UNIX socket."""
        local = not self.address or ip.is_loopback(self.address)
        return self.unnamed and local


def client_info(
    *,
    peer: str | None,
    tls: bool,
    header: Header,
    trust: TrustedProxies = NO_PROXIES,
    passed_on: bool = False,
) -> ClientInfo:
    """Return the client side of a request from *peer*, ``None`` for a UNIX socket.

    A client that was *passed_on* by the PROXY protocol is not itself trusted as a
    proxy.
    """
    host = (header("host") or "").strip()
    peer = None if peer is None else ip.canonical(peer)
    if passed_on or not trust.relays(peer, tls=tls):
        return ClientInfo(
            address=peer or "",
            host=host,
            scheme="https" if tls else "http",
            trusted=False,
            relayed=False,
        )
    declared = forwarded(header)
    relayed = declared.chain is not None or bool(declared.scheme)
    name = declared.host or host

    def known(address: str) -> bool:
        return ip.is_loopback(address) or trust.names(address)

    return ClientInfo(
        address=declared.client(known, peer or ""),
        host=name,
        scheme="https"
        if tls
        else declared.scheme or _shown(header, name, relayed=relayed),
        trusted=True,
        relayed=relayed,
    )


def _shown(header: Header, host: str, *, relayed: bool) -> str | None:
    """Return ``https`` if the browser's origin shows it, although the proxy does not.

    A page of another site cannot send this site's origin. A forged Origin affects only
    the request that carries it.
    """
    sent = header("origin") or ""
    own = relayed and host and sent.strip().lower() == origin("https", host)
    return "https" if own else None


def origin(scheme: str, host: str) -> str:
    """Return the origin as browsers write it: lower case, no default port."""
    return f"{scheme}://{host.lower().removesuffix(_DEFAULT_PORTS[scheme])}"


def origin_of(url: str) -> str:
    """Return the origin of *url*, or an empty text."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in _DEFAULT_PORTS or not parts.netloc:
        return ""
    return origin(parts.scheme, parts.netloc.rpartition("@")[2])


@frozen
class PublicUrl:
    """The public URL of the site, from ``web_host``; may be empty."""

    web_host: str
    scheme: str = field(init=False)
    host: str = field(init=False)
    #: the base path, below which everything is served too, without a final slash
    base: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Split the URL; the scheme defaults to HTTPS."""
        text = self.web_host.strip()
        if text and "://" not in text:
            text = f"https://{text}"
        parts = urlsplit(text)
        object.__setattr__(self, "scheme", parts.scheme)
        object.__setattr__(self, "host", parts.netloc.lower())
        object.__setattr__(self, "base", parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """The site's origin, or an empty text."""
        if self.scheme not in _DEFAULT_PORTS or not self.host:
            return ""
        return origin(self.scheme, self.host)

    def secure(self, client: ClientInfo) -> bool:
        """Return whether the client's connection is encrypted."""
        if client.scheme == "https":
            return True
        named = client.relayed or client.host.lower() == self.host
        return client.trusted and named and self.scheme == "https"

    def own_origins(self, client: ClientInfo) -> frozenset[str]:
        """Return the origins of this site's own pages for a request."""
        scheme = client.scheme
        if scheme is None and client.relayed and self.origin:
            scheme = self.scheme
        schemes = ("http", "https") if scheme is None else (scheme,)
        own = {origin(scheme, client.host) for scheme in schemes if client.host}
        return frozenset(own | ({self.origin} if self.origin else set()))

    def cookie_path(self, client: ClientInfo, *, below_base: bool) -> str:
        """Return the path of cookies: the base path if the client sees it.

        A client that uses another name or address, past the proxy, sees no base path.
        """
        if below_base or client.relayed or client.host.lower() == self.host:
            return self.base or "/"
        return "/"


def same_origin(*, own: frozenset[str], header: Header) -> bool:
    """Return whether a changing request comes from this site's own pages.

    ``Origin``, else ``Referer``, else ``Sec-Fetch-Site`` decides. If all are missing,
    the client is not a browser, or one that ``SameSite`` protects.
    """
    sent = header("origin")
    if sent is not None:
        return sent.strip().lower() in own
    sent = header("referer")
    if sent is not None:
        return origin_of(sent.strip()) in own
    sent = header("sec-fetch-site")
    return sent is None or sent.strip().lower() == "same-origin"
