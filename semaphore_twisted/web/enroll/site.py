"""The enrollment site for new devices, if the main site is inside the tunnel.

It serves only the pages, their files, and two public routes. Credentials are ignored.
"""

from attrs import evolve
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.users import Credentials
from semaphore_twisted.web.api.vpn_enrolling import ROUTES
from semaphore_twisted.web.enroll.pages import EnrollPages
from semaphore_twisted.web.http.api_resource import Api
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.responses import TEXT
from semaphore_twisted.web.http.root import RequestReader
from semaphore_twisted.web.http.site import HttpRequest, Site
from semaphore_twisted.web.proxies.client_address import PublicUrl
from semaphore_twisted.web.proxies.trusted_proxies import TrustedProxies

#: An enrollment request has a few hundred bytes.
BODY_LIMIT = limits.ENROLL_BODY

_API = frozenset(b"/api" + each.pattern.encode() for each in ROUTES)


class EnrollRoot(Resource):
    """Serves new devices, and redirects other requests to the main site."""

    isLeaf = True

    def __init__(
        self, *, api: Api, pages: EnrollPages, reader: RequestReader, inner: str
    ) -> None:
        """Redirect requests for ``/`` to *inner*, the site's URL in the tunnel."""
        super().__init__()
        self._api = api
        self._pages = pages
        self._reader = reader
        self._inner = inner

    @override
    def render(self, request: HttpRequest) -> bytes | int:
        """Answer *request*."""
        path, _ = self._reader.below(request.path)
        info = evolve(self._reader.request_info(request), credentials=Credentials())
        if self._pages.has(path):
            return self._pages.render(request, path)
        if path in _API:
            self._api.respond(request, path.removeprefix(b"/api"), info)
            return NOT_DONE_YET
        request.setHeader(b"content-type", TEXT)
        if path == b"/" and request.method in {b"GET", b"HEAD"}:
            request.setResponseCode(302)
            request.setHeader(b"location", (self._inner or "enroll").encode())
            return b"The site is inside the VPN\n"
        request.setResponseCode(404)
        return b"Not Found\n"


def build_enroll_site(services: Services, *, inner: str) -> Site:
    """Return the site; *services* are those of the main site.

    So attempts to enroll at both sites are counted together. *inner* is the main site's
    URL in the tunnel.
    """
    options = services.options
    reader = RequestReader(
        PublicUrl(options.enroll_url), TrustedProxies.of(options.config.trusted_proxies)
    )
    services = evolve(services, public_url=reader.public_url, routes=ROUTES)
    root = EnrollRoot(
        api=Api(services, reference=lambda: services.entropy(6).hex()),
        pages=EnrollPages(options.roots),
        reader=reader,
        inner=inner,
    )
    return Site(root, clock=services.clock, body_limit=BODY_LIMIT)
