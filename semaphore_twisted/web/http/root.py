"""Assembles the site from the collaborators of the composition root."""

from collections.abc import Callable, Sequence
from functools import partial

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from semaphore_twisted.model.users import Credentials, SessionLimits, Visibility
from semaphore_twisted.operations.visibility import audiences
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.enroll.pages import EnrollPages
from semaphore_twisted.web.http.api_resource import Api
from semaphore_twisted.web.http.body_admission import Senders
from semaphore_twisted.web.http.body_intake import BodyBudget
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.host_header import HostPolicy, is_address, name_of
from semaphore_twisted.web.http.request_info import (
    USUAL,
    RequestInfo,
    read_request_info,
)
from semaphore_twisted.web.http.responses import json
from semaphore_twisted.web.http.routing import Route
from semaphore_twisted.web.http.site import HttpRequest, Site
from semaphore_twisted.web.http.state_login import sender
from semaphore_twisted.web.page.files import BuiltPage, installed_page
from semaphore_twisted.web.page.pages import Pages
from semaphore_twisted.web.proxies.client_address import PublicUrl
from semaphore_twisted.web.proxies.trusted_proxies import NO_PROXIES, TrustedProxies
from semaphore_twisted.web.websocket.endpoint import (
    Admission,
    SocketFactory,
    SocketResource,
)
from semaphore_twisted.web.websocket.hub import Hub


@frozen
class RequestReader:
    """Reads requests, and removes the base path from their paths."""

    public_url: PublicUrl
    trust: TrustedProxies = NO_PROXIES
    #: refuse a websocket handshake with a cookie and without origin, also from proxies
    require_origin: bool = False
    limits: SessionLimits = USUAL

    def below(self, path: bytes) -> tuple[bytes, bool]:
        """Return *path* without the base path, and whether it had that prefix."""
        base = self.public_url.base.encode()
        if base and (path == base or path.startswith(base + b"/")):
            return path.removeprefix(base) or b"/", True
        return path, False

    def request_info(self, request: HttpRequest) -> RequestInfo:
        """Return the client and credentials of *request*."""
        _, below = self.below(request.path)
        return read_request_info(
            request,
            public_url=self.public_url,
            below_base=below,
            trust=self.trust,
            limits=self.limits,
        )

    def admission(self, request: HttpRequest) -> Admission:
        """Return the facts that decide about a websocket handshake."""
        info = self.request_info(request)
        return Admission(
            credentials=info.credentials,
            origin=info.header("origin"),
            own_origins=info.own_origins,
            origin_may_be_missing=info.client.trusted and not self.require_origin,
            address="" if info.client.unnamed else info.client.address,
        )


class RootResource(Resource):
    """Dispatches to API, websocket and pages, with and without the base path."""

    isLeaf = True

    def __init__(
        self,
        *,
        api: Api,
        socket: SocketResource,
        pages: Pages,
        enrolling: EnrollPages,
        hosts: HostPolicy,
        hsts: int,
        reader: RequestReader,
    ) -> None:
        """Serve at ``/`` and, if the site has a base path, below that as well."""
        super().__init__()
        self._api = api
        self._socket = socket
        self._pages = pages
        self._enrolling = enrolling
        self._hosts = hosts
        self._hsts = hsts
        self._own_name = name_of(reader.public_url.host)
        self._reader = reader

    @override
    def render(self, request: HttpRequest) -> bytes | int:
        """Answer *request*."""
        path, _ = self._reader.below(request.path)
        info = self._reader.request_info(request)
        self._set_hsts(request, info)
        if not self._hosts.accepts(info.client):
            return _misdirected(request)
        if path.removesuffix(b"/") == b"/api/ws":
            return self._socket.render(request)
        if path == b"/api" or path.startswith(b"/api/"):
            self._api.respond(request, path.removeprefix(b"/api"), info)
            return NOT_DONE_YET
        if self._enrolling.has(path):
            return self._enrolling.render(request, path)
        return self._pages.render(request, path, info)

    def _set_hsts(self, request: HttpRequest, info: RequestInfo) -> None:
        """Send HSTS, only over TLS and for the configured host name."""
        if self._hsts and info.secure:
            name = name_of(info.client.host)
            if name and name == self._own_name and not is_address(name):
                request.setHeader(
                    b"strict-transport-security", f"max-age={self._hsts}".encode()
                )


def _misdirected(request: HttpRequest) -> bytes:
    request.setResponseCode(421)
    request.setHeader(b"content-type", b"application/json")
    return json(
        {
            "error": "This server does not answer to that name; use its address, or "
            "have the name added to the option allowed_hosts"
        }
    )


def build_site(
    services: Services,
    *,
    hub: Hub,
    socket_factory: SocketFactory,
    routes: Sequence[Route] = ROUTES,
    read_page: Callable[[], BuiltPage | None] = installed_page,
) -> Site:
    """Return the site, which listeners serve through a ``PortFactory``.

    *hub* and *socket_factory* come from ``web.websocket.hub`` and
    ``web.websocket.endpoint``; *read_page* returns the page's files.
    """
    services = evolve(services, routes=tuple(routes))
    database, options = services.database, services.options
    reader = RequestReader(
        services.public_url,
        TrustedProxies.of(options.config.trusted_proxies),
        options.config.websocket_require_origin,
        options.config.session.limits,
    )

    def read_audiences(
        credentials: Sequence[Credentials],
    ) -> Deferred[list[Visibility | None]]:
        return database.read(audiences, credentials)

    socket = SocketResource(
        hub=hub,
        factory=socket_factory,
        admission=reader.admission,
        read_audiences=read_audiences,
    )
    root = RootResource(
        api=Api(services, reference=lambda: services.entropy(6).hex()),
        socket=socket,
        pages=Pages(read_page(), roots=options.roots, entropy=services.entropy),
        enrolling=EnrollPages(options.roots),
        hosts=HostPolicy.of(
            options.hosts, services.certified, relayed=not options.config.web_host
        ),
        hsts=options.hsts_seconds,
        reader=reader,
    )
    senders = Senders(database, reader, partial(sender, services))
    return Site(
        root,
        clock=services.clock,
        body_limit=options.body_limit,
        trust=reader.trust,
        intake=BodyBudget(
            owner=senders.owner,
            refused=senders.refused,
            delivers=senders.delivers,
            stores_state=senders.stores_state,
        ),
    )
