"""Assembles the site from the collaborators of the composition root."""

from collections.abc import Sequence

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from semaphore_twisted.model.users import Audience, Credentials, SessionLimits
from semaphore_twisted.operations.audience import audiences
from semaphore_twisted.web.answers import json
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.context import Services
from semaphore_twisted.web.enroll.pages import EnrollPages
from semaphore_twisted.web.forwarded import Place
from semaphore_twisted.web.hosts import Hosts, is_address, name_of
from semaphore_twisted.web.hub import Hub
from semaphore_twisted.web.intake import Intake
from semaphore_twisted.web.requests import USUAL, Arrival, arrival
from semaphore_twisted.web.resource import Api
from semaphore_twisted.web.routing import Route
from semaphore_twisted.web.senders import Senders
from semaphore_twisted.web.site import Request, Site
from semaphore_twisted.web.socket import Admission, SocketFactory, SocketResource
from semaphore_twisted.web.static import Page
from semaphore_twisted.web.trust import NOBODY, Trust


@frozen
class Door:
    """Reads requests, and removes the base path from their paths."""

    place: Place
    trust: Trust = NOBODY
    #: refuse a websocket handshake with a cookie and without origin, also from proxies
    require_origin: bool = False
    limits: SessionLimits = USUAL

    def below(self, path: bytes) -> tuple[bytes, bool]:
        """Return *path* without the base path, and whether it had that prefix."""
        base = self.place.base.encode()
        if base and (path == base or path.startswith(base + b"/")):
            return path.removeprefix(base) or b"/", True
        return path, False

    def arrival(self, request: Request) -> Arrival:
        """Return the client and credentials of *request*."""
        _, below = self.below(request.path)
        return arrival(
            request,
            place=self.place,
            below_base=below,
            trust=self.trust,
            limits=self.limits,
        )

    def admission(self, request: Request) -> Admission:
        """Return the facts that decide about a websocket handshake."""
        came = self.arrival(request)
        return Admission(
            credentials=came.credentials,
            origin=came.header("origin"),
            own_origins=came.own_origins,
            origin_may_be_missing=came.visit.trusted and not self.require_origin,
            address="" if came.visit.unnamed else came.visit.address,
        )


class Root(Resource):
    """Dispatches to API, websocket and pages, with and without the base path."""

    isLeaf = True

    def __init__(
        self,
        *,
        api: Api,
        socket: SocketResource,
        page: Page,
        enrolling: EnrollPages,
        hosts: Hosts,
        hsts: int,
        door: Door,
    ) -> None:
        """Serve at ``/`` and, if the site has a base path, below that as well."""
        super().__init__()
        self._api = api
        self._socket = socket
        self._page = page
        self._enrolling = enrolling
        self._hosts = hosts
        self._hsts = hsts
        self._own_name = name_of(door.place.host)
        self._door = door

    @override
    def render(self, request: Request) -> bytes | int:
        """Answer *request*."""
        path, _ = self._door.below(request.path)
        came = self._door.arrival(request)
        self._promise(request, came)
        if not self._hosts.welcome(came.visit):
            return _misdirected(request)
        if path.removesuffix(b"/") == b"/api/ws":
            return self._socket.render(request)
        if path == b"/api" or path.startswith(b"/api/"):
            self._api.respond(request, path.removeprefix(b"/api"), came)
            return NOT_DONE_YET
        if self._enrolling.has(path):
            return self._enrolling.render(request, path)
        return self._page.render(request, path, came)

    def _promise(self, request: Request, came: Arrival) -> None:
        """Send HSTS, only over TLS and for the configured host name."""
        if self._hsts and came.secure:
            name = name_of(came.visit.host)
            if name and name == self._own_name and not is_address(name):
                request.setHeader(
                    b"strict-transport-security", f"max-age={self._hsts}".encode()
                )


def _misdirected(request: Request) -> bytes:
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
) -> Site:
    """Return the site, which listeners serve through :class:`web.entrance.Entrance`.

    *hub* and *socket_factory* come from ``web.hub`` and ``web.socket``.
    """
    services = evolve(services, routes=tuple(routes))
    database, options = services.database, services.options
    door = Door(
        services.place,
        Trust.of(options.trusted_proxies),
        options.websocket_require_origin,
        options.session,
    )

    def read_audiences(
        credentials: Sequence[Credentials],
    ) -> Deferred[list[Audience | None]]:
        return database.read(audiences, credentials)

    socket = SocketResource(
        hub=hub,
        factory=socket_factory,
        admission=door.admission,
        read_audiences=read_audiences,
    )
    root = Root(
        api=Api(services, reference=lambda: services.entropy(6).hex()),
        socket=socket,
        page=Page(options.roots),
        enrolling=EnrollPages(options.roots),
        hosts=Hosts.of(options.hosts, services.certified, relayed=not options.web_host),
        hsts=options.hsts_seconds,
        door=door,
    )
    senders = Senders(database, door)
    return Site(
        root,
        clock=services.clock,
        body_limit=options.body_limit,
        trust=door.trust,
        intake=Intake(owner=senders.owner, refused=senders.refused),
    )
