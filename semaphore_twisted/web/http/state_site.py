"""The site on a local socket, which has nothing but the state backend.

Jobs come through it, with the alias and the password of their task: the public site may
have a name or a certificate that suits no loopback address.
"""

from functools import partial

from attrs import evolve
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.states import BACKEND
from semaphore_twisted.web.api.state_backend import ROUTES
from semaphore_twisted.web.http.api_resource import Api
from semaphore_twisted.web.http.body_admission import HeadReader, Senders
from semaphore_twisted.web.http.body_intake import BodyBudget
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.memory_budget import MemoryBudget
from semaphore_twisted.web.http.root import RequestReader
from semaphore_twisted.web.http.site import HttpRequest, Site
from semaphore_twisted.web.http.state_login import sender


class StateResource(Resource):
    """Dispatches to the state backend."""

    isLeaf = True

    def __init__(self, api: Api, reader: HeadReader) -> None:
        """Answer with *api*; *reader* reads requests."""
        super().__init__()
        self._api = api
        self._reader = reader

    @override
    def render(self, request: HttpRequest) -> bytes | int:
        """Answer *request*."""
        if not request.path.startswith(BACKEND.encode()):
            request.setResponseCode(404)
            return b""
        info = self._reader.request_info(request)
        self._api.respond(request, request.path.removeprefix(b"/api"), info)
        return NOT_DONE_YET


def state_site(services: Services) -> Site:
    """Return the site with the state backend of *services*.

    Its clients have no addresses, so there is one limit for all of them. Their password
    is checked before a long body is kept, and only such a body keeps its connection
    when there are too many.
    """
    reader = RequestReader(services.public_url)
    own = evolve(services, routes=ROUTES)
    senders = Senders(services.database, reader, partial(sender, services))
    site = Site(
        StateResource(Api(own, reference=lambda: own.entropy(6).hex()), reader),
        clock=services.clock,
        body_limit=services.options.body_limit,
        intake=BodyBudget(
            owner=senders.owner,
            refused=senders.refused,
            stores_state=senders.stores_state,
            unknown=MemoryBudget(
                limits.STATE_BODIES_UNKNOWN, limits.STATE_BODIES_UNKNOWN
            ),
        ),
    )
    site.connections.all = limits.STATE_CONNECTIONS
    return site
