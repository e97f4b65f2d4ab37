"""Reads client, credentials and headers of a request."""

from base64 import b64decode

from attrs import define
from twisted.internet.address import UNIXAddress

from semaphore_twisted.crypto import tokens
from semaphore_twisted.model.deliveries import RawDelivery
from semaphore_twisted.model.users import Credentials, SessionLimits
from semaphore_twisted.web.http.cookies import session_of
from semaphore_twisted.web.http.site import HttpRequest
from semaphore_twisted.web.listener.handshake import PassedOn
from semaphore_twisted.web.proxies.client_address import (
    ClientInfo,
    PublicUrl,
    client_info,
    origin,
)
from semaphore_twisted.web.proxies.trusted_proxies import NO_PROXIES, TrustedProxies

USUAL = SessionLimits()


@define(eq=False, kw_only=True)
class RequestInfo:
    """A request with its client and credentials, for the API and the websocket."""

    request: HttpRequest
    public_url: PublicUrl
    client: ClientInfo
    credentials: Credentials
    #: whether the request's path began with the base path
    below_base: bool
    #: identifies the account for limits, once it is known
    account: str | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value; repeated headers are joined (RFC 9110)."""
        return header(self.request, name)

    @property
    def delivery(self) -> RawDelivery:
        """The request as it was sent, for a route that reads it itself."""
        headers = self.request.requestHeaders.getAllRawHeaders()
        return RawDelivery(
            method=self.request.method.decode("ascii", "replace"),
            address=self.client.address,
            headers=tuple(
                (name.decode("latin-1").lower(), each.decode("utf-8", "replace"))
                for name, values in headers
                for each in values
            ),
            body=self.request.content.read(),
        )

    @property
    def secure(self) -> bool:
        """Whether the client's connection is encrypted."""
        return self.public_url.secure(self.client)

    @property
    def own_origins(self) -> frozenset[str]:
        """The origins of the site's own pages."""
        return self.public_url.own_origins(self.client)

    @property
    def origin(self) -> str:
        """The site's origin as the client sees it."""
        if self.client.relayed and self.public_url.origin:
            return self.public_url.origin
        return origin("https" if self.secure else "http", self.client.host)

    @property
    def cookie_path(self) -> str:
        """The path of the session cookie."""
        return self.public_url.cookie_path(self.client, below_base=self.below_base)

    @property
    def query(self) -> dict[str, str]:
        """The query parameters; the last value of a repeated one counts."""
        return {
            name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
            for name, values in self.request.args.items()
        }

    @property
    def repeated(self) -> frozenset[str]:
        """The names of the query parameters that are given more than once."""
        return frozenset(
            name.decode("utf-8", "replace")
            for name, values in self.request.args.items()
            if len(values) > 1
        )

    @property
    def basic(self) -> tuple[str, str] | None:
        """Name and password of HTTP basic authentication (RFC 7617)."""
        kind, _, value = (self.header("authorization") or "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            name, _, password = b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return name, password


def header(request: HttpRequest, name: str) -> str | None:
    """Return a header of *request*, joined if it is repeated."""
    values = request.requestHeaders.getRawHeaders(name.encode())
    if not values:
        return None
    return ", ".join(value.decode("utf-8", "replace") for value in values)


def credentials(request: HttpRequest, limits: SessionLimits) -> Credentials:
    """Return the digests of the token or session of *request*.

    A token takes precedence.

    A session is valid within its *limits*. The header is compared in lower case, as
    Semaphore does; its tokens are lower-case too.
    """
    sent = (header(request, "authorization") or "").lower()
    if "bearer" in sent:
        token = sent.replace("bearer", "", 1).strip()
        return Credentials(token_digest=tokens.digest(token) if token else None)
    cookies = request.requestHeaders.getRawHeaders(b"cookie") or []
    session = session_of(each.decode("utf-8", "replace") for each in cookies)
    found = tokens.digest(session) if session else None
    return Credentials(session_digest=found, limits=limits)


def read_request_info(
    request: HttpRequest,
    *,
    public_url: PublicUrl,
    below_base: bool,
    trust: TrustedProxies = NO_PROXIES,
    limits: SessionLimits = USUAL,
) -> RequestInfo:
    """Read *request*, with forwarding headers by *trust* and sessions by *limits*."""
    address = request.getClientAddress()
    peer = (
        None if isinstance(address, UNIXAddress) else str(getattr(address, "host", ""))
    )
    client = client_info(
        peer=peer,
        tls=request.isSecure(),
        header=lambda name: header(request, name),
        trust=trust,
        passed_on=isinstance(address, PassedOn),
    )
    request.client_address = client.address or "-"
    return RequestInfo(
        request=request,
        public_url=public_url,
        client=client,
        credentials=credentials(request, limits),
        below_base=below_base,
    )
