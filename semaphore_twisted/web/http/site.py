"""The HTTP site: limits of bodies, common response headers, and the access log."""

import re
from http import HTTPStatus
from io import BytesIO
from typing import Any, ClassVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import datetimeToString
from typing_extensions import override

from semaphore_twisted.model import ip, limits
from semaphore_twisted.web.http.body_intake import Body, BodyBudget
from semaphore_twisted.web.http.channel import Channel
from semaphore_twisted.web.http.headers import HEADERS
from semaphore_twisted.web.http.options import BODY_LIMIT
from semaphore_twisted.web.http.responses import Response, closing
from semaphore_twisted.web.listener.connection_limit import ConnectionLimit
from semaphore_twisted.web.proxies.trusted_proxies import NO_PROXIES, TrustedProxies

#: Seconds after which an idle connection is closed.
IDLE = limits.IDLE_SECONDS

#: Bytes of a refused body that are read and discarded, so that the response arrives.
_DRAIN = limits.DISCARDED

#: The alias of a webhook, which lets whoever knows it start tasks, or that of a state;
#: its beginning stays.
_ALIAS = re.compile(r"(/api/(?:integrations|terraform)/.{4})[^/]+")

#: Longer path segments may be secrets (an API token is), so they are shortened.
_LOGGED = 24


def _printable(text: bytes) -> str:
    plain = text.decode("latin-1")
    if plain.isascii() and plain.isprintable() and "\\" not in plain:
        return plain
    return plain.encode("unicode_escape").decode("ascii")


def logged_path(path: bytes) -> str:
    """Return *path* for the log: without query, and with long segments shortened."""
    text = _ALIAS.sub(r"\1…", _printable(path))
    return "/".join(
        segment if len(segment) <= _LOGGED else f"{segment[:8]}…"
        for segment in text.split("/")
    )


class HttpRequest(server.Request):
    """A request whose body is kept in memory, within the limits of the site."""

    channel: Any
    content: Any
    defaultContentType = None  # noqa: N815 - Twisted's name
    begun: float = 0.0
    #: the client as it is written to the log
    client_address: str = "-"
    refused = False
    _body: Body | None = None
    _due = False

    @override
    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """Set the status with its phrase: Twisted does not know the newer ones."""
        super().setResponseCode(code, message or HTTPStatus(code).phrase.encode())

    @override
    def gotLength(self, length: int | None) -> None:
        """Check the body's *length*, ``None`` if it is not declared."""
        if length == 0:
            self.content = BytesIO()
            return
        channel, site = self.channel, self.channel.site
        self.method, self.uri = channel.line
        self.path = self.uri.partition(b"?")[0]
        source = site.connections.key(channel.address)
        self._body = Body(self, site.intake, site.body_limit, source, self._refuse)
        self.content = self._body.content
        if length is not None:
            self._body.announce(length)
        if self._body.answer is not None and self.getHeader(b"expect"):
            self._refuse(self._body.answer)  # the client waits for 100 Continue

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """Append *data* to the body, unless it was refused."""
        body = self._body
        if body is None:
            return
        body.add(data)
        if body.refused and body.size > self.channel.site.body_limit + _DRAIN:
            self.channel.transport.abortConnection()

    def release(self) -> None:
        """Discard the body."""
        if self._body is not None:
            self._body.release()

    def decided(self) -> None:
        """Process the request if it was waiting for the check of its sender."""
        if self._due:
            self._due = False
            self.content.seek(0)
            self.process()

    @override
    def connectionLost(self, reason: Failure) -> None:
        """Discard the body, and notify the waiters of the request."""
        self.release()
        super().connectionLost(reason)

    def _refuse(self, answer: Response) -> None:
        """Answer at once; the rest of the body is read and discarded."""
        self.refused = True
        self.content = BytesIO()
        self.channel.site.refused_body(self, answer.status)
        self.channel.transport.write(closing(answer))

    @override
    def process(self) -> None:
        """Pass the complete request to the site's resource."""
        if self._body is not None and self._body.asking:
            self._due = True
            return
        if self._body is not None and self._body.answer and not self.refused:
            self._refuse(self._body.answer)
        if self.refused:
            self.channel.loseConnection()
            return
        self.site: Any = self.channel.site
        self.begun = self.site.reactor.seconds()
        self.prepath, self.postpath = [], []
        headers = self.responseHeaders
        headers.setRawHeaders(b"date", [datetimeToString()])
        for name, value in HEADERS:
            headers.setRawHeaders(name, [value])
        try:
            self.render(self.site.resource)
        except Exception:  # noqa: BLE001 - the end of the line; it is logged
            self.processingFailed(Failure())


class Site(server.Site):
    """Serves one resource and writes the access log."""

    noisy = False
    protocol: Any = Channel
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        resource: object,
        *,
        clock: IReactorTime,
        body_limit: int = BODY_LIMIT,
        trust: TrustedProxies = NO_PROXIES,
        intake: BodyBudget | None = None,
    ) -> None:
        """Serve the leaf *resource*; proxies in *trust* have no connection limit.

        *intake* has the limits of all bodies, and looks up their senders.
        """
        super().__init__(
            resource,
            requestFactory=HttpRequest,
            parsePOSTFormSubmission=False,
            timeout=IDLE,
            reactor=clock,
        )
        self.body_limit = body_limit
        self.connections = ConnectionLimit(clock, trust)
        self.intake = intake or BodyBudget()

    def refused(self, address: str | None, status: int) -> None:
        """Write an access log line for input that was not a valid request."""
        self._log.info(
            "{client} sent no valid request, answered {status} {phrase}",
            client=ip.canonical(address) if address else "-",
            status=status,
            phrase=HTTPStatus(status).phrase,
        )

    def refused_body(self, request: HttpRequest, status: int) -> None:
        """Write an access log line for a refused body."""
        address = request.channel.address
        self._log.info(
            "{client} {method} {path} {status} (the body was refused)",
            client=ip.canonical(address) if address else "-",
            method=_printable(request.method),
            path=logged_path(request.path),
            status=status,
        )

    @override
    def log(self, request: Any) -> None:
        """Write an access log line, without query and secrets."""
        client = getattr(request, "client_address", "-")
        method, path = _printable(request.method), logged_path(request.path)
        status, size = request.code, request.sentLength
        milliseconds = (self.reactor.seconds() - request.begun) * 1000
        # One field is formatted instead of six, which saves a tenth of a request's
        # time.
        self._log.info(
            "{line}",
            line=f"{client} {method} {path} {status} {size} {milliseconds:.1f} ms",
            client=client,
            method=method,
            path=path,
            status=status,
            size=size,
            milliseconds=milliseconds,
        )
