"""Plain HTTP on port 80: ACME HTTP-01 challenges, and redirects to HTTPS.

Redirects lead only to the configured site; the ``Host`` of a request is not used.
"""

from collections.abc import Callable
from typing import ClassVar
from urllib.parse import urlsplit

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import Request
from typing_extensions import override

from semaphore_twisted.model import ip, limits
from semaphore_twisted.model.acme import NO_CHALLENGE
from semaphore_twisted.web.http.site import Site

#: Path prefix of HTTP-01 challenges (RFC 8555, section 8.3).
WELL_KNOWN = b"/.well-known/acme-challenge/"

#: Bytes of a request body that are accepted; the body is ignored.
_BODY = limits.CHALLENGE_BODY

#: Seconds after which a connection is closed.
_TIMEOUT = 10


class ChallengeResource(Resource):
    """Answers challenges, and redirects every other request to HTTPS."""

    isLeaf = True
    _log: ClassVar[Logger] = Logger()

    def __init__(self, answer: Callable[[str], str | None], url: str) -> None:
        """Look tokens up with *answer*; redirect to the site at *url*."""
        super().__init__()
        self._answer = answer
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}".encode()
        self._home = parts.path.rstrip("/").encode() + b"/"

    @override
    def render(self, request: Request) -> bytes:
        """Answer *request*."""
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        # each client needs one response only, so the connection is closed
        request.setHeader(b"connection", b"close")
        request.channel.persistent = False
        reading = request.method in {b"GET", b"HEAD"}
        path: bytes = request.path
        if path.startswith(WELL_KNOWN):
            found = None
            if reading:
                token = path.removeprefix(WELL_KNOWN).decode("latin-1")
                found = self._answer(token)
            if found is None:
                request.setResponseCode(404)
                return f"{NO_CHALLENGE}\n".encode()
            request.setHeader(b"content-type", b"application/octet-stream")
            return b"" if request.method == b"HEAD" else found.encode()
        secret = request.getHeader(b"authorization") is not None
        if secret:
            self._log.warn(
                "{peer} sent a token or password over plain HTTP, readable for the "
                "network; replace it",
                peer=_peer(request),
            )
        if secret or not reading:
            request.setResponseCode(426)
            request.setHeader(b"upgrade", b"TLS/1.2, HTTP/1.1")
            return b"use HTTPS\n"
        request.setResponseCode(308)
        request.setHeader(b"location", self._origin + self._target(request.uri))
        return b""

    def _target(self, uri: bytes) -> bytes:
        """Return the requested path, or the base path if *uri* is not printable."""
        good = uri.startswith(b"/") and all(0x21 <= each < 0x7F for each in uri)
        return uri if good and uri != b"/" else self._home


def _peer(request: Request) -> str:
    found = getattr(request.getClientAddress(), "host", None)
    return "a UNIX socket" if found is None else ip.canonical(found)


def challenge_site(
    answer: Callable[[str], str | None], url: str, *, clock: IReactorTime
) -> Site:
    """Return the site of the plain HTTP port."""
    site = Site(ChallengeResource(answer, url), clock=clock, body_limit=_BODY)
    site.timeOut = _TIMEOUT
    return site
