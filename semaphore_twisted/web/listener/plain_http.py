"""Plain HTTP that is not served: redirects to HTTPS, or refusals with a reason.

Only the head of a request is read. Input of the client is not copied into a response,
except the path below the site's own URL, whose host is the operator's or one of this
machine's own.
"""

import re
from http import HTTPStatus
from typing import ClassVar

from attrs import define, frozen
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.model import ip, limits
from semaphore_twisted.web.listener.pending_connections import (
    PendingConnection,
    PendingConnections,
)
from semaphore_twisted.web.proxies.client_address import PublicUrl

#: Maximum bytes of a head, and of the discarded rest, so that the response arrives.
HEAD, REST = limits.REDIRECT_HEAD, limits.REDIRECT_REST

#: The end of a head; the body after it is not read.
_END = re.compile(rb"\r?\n\r?\n")


@frozen
class RequestHead:
    """The head of a request."""

    method: str
    path: str
    host: str
    #: whether the request has an ``Authorization`` header
    authorized: bool

    @classmethod
    def of(cls, data: bytes) -> "RequestHead | None":
        """Parse the head in *data*; return ``None`` if it is not valid HTTP/1."""
        first, *lines = data.decode("latin-1").replace("\r\n", "\n").split("\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return None
        headers = [each.partition(":") for each in lines]
        found = {name.strip().lower(): value.strip() for name, _, value in headers}
        if sum(name.strip().lower() == "host" for name, _, _ in headers) > 1:
            return None
        path = words[1]
        if not (path.startswith("/") and path.isascii() and path.isprintable()):
            return None
        return cls(words[0], path, found.get("host", ""), "authorization" in found)


@frozen(kw_only=True)
class PlainResponse:
    """A response."""

    status: int
    text: str
    location: str = ""

    def encode(self, *, body: bool = True) -> bytes:
        """Return the bytes of the response, without *body* for HEAD."""
        content = f"{self.text}\n".encode()
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(content)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
        ]
        if self.location:
            lines.append(f"Location: {self.location}")
        if self.status == 426:
            lines += ["Upgrade: TLS/1.2, HTTP/1.1", "Connection: Upgrade, close"]
        else:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        return head + content if body else head


@define(eq=False, kw_only=True)
class RedirectPolicy:
    """Decides the response to a request over plain HTTP.

    *port* is the HTTPS port, *names* are this machine's names and addresses.
    """

    _log: ClassVar[Logger] = Logger()

    public_url: PublicUrl
    port: int
    names: frozenset[str]

    def decide(self, data: bytes, *, peer: str, here: str) -> bytes:
        """Return the complete response to the head in *data*.

        *peer* is for the log; *here* is the local address of the connection.
        """
        head = RequestHead.of(data)
        if head is None:
            return PlainResponse(status=400, text="HTTP/1.1 is spoken here").encode()
        return self._decide(head, peer, here).encode(body=head.method != "HEAD")

    def _decide(self, head: RequestHead, peer: str, here: str) -> PlainResponse:
        if head.authorized:
            self._log.warn(
                "{peer} sent a token or password over plain HTTP, readable for the "
                "network; replace it",
                peer=peer,
            )
            return PlainResponse(
                status=403,
                text="Plain HTTP is not served here. The token or password in "
                "Authorization crossed the network in clear text: replace it, and use https://",
            )
        location = self._location(head, here)
        if not location:
            return PlainResponse(
                status=400,
                text="Plain HTTP is not served here: use https:// and this server's "
                "name (option: web_host)",
            )
        if head.method not in {"GET", "HEAD"}:
            return PlainResponse(
                status=426,
                text="Plain HTTP is not served here: send this over https://",
            )
        return PlainResponse(
            status=308, text="This site is at https://", location=location
        )

    def _location(self, head: RequestHead, here: str) -> str:
        public_url = self.public_url
        if public_url.origin.startswith("https:"):
            base, path = public_url.base, head.path
            below = path == base or path.startswith((f"{base}/", f"{base}?"))
            return public_url.origin + (path if below else base + path)
        name = _name(head.host)
        known = next((each for each in (*self.names, here) if each == name), None)
        if not known:
            return ""
        host = f"[{known}]" if ":" in known else known
        port = "" if self.port == 443 else f":{self.port}"
        return f"https://{host}{port}{head.path}"


def _name(host: str) -> str:
    """Return the name in a ``Host`` header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].removesuffix(".").lower()


class PlainHttpProtocol(Protocol):
    """Answers one request and closes the connection."""

    transport: ITCPTransport

    def __init__(
        self,
        refusals: RedirectPolicy,
        pending: PendingConnections,
        connection: PendingConnection | None = None,
    ) -> None:
        """Answer by *refusals*; *connection* is pending in *pending* until the end."""
        self._refusals = refusals
        self._pending = pending
        self.connection = connection
        self._data = b""
        self._rest: int | None = None

    @override
    def dataReceived(self, data: bytes) -> None:
        """Read the head, answer it, and discard the rest."""
        if self._rest is not None:
            self._rest -= len(data)
            if self._rest < 0:
                self.transport.abortConnection()
            return
        self._data += data
        end = _END.search(self._data, 0, HEAD)
        if end is not None:
            head = self._data[: end.start()]
            other = getattr(self.transport.getPeer(), "host", "a UNIX socket")
            peer = ip.canonical(str(other))
            here = ip.canonical(str(getattr(self.transport.getHost(), "host", "")))
            self._say(self._refusals.decide(head, peer=peer, here=here))
        elif len(self._data) > HEAD:
            self._say(
                PlainResponse(status=431, text="The request is too long").encode()
            )

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remove this connection from the pending ones."""
        if self.connection is not None:
            self._pending.discard(self.connection)

    def abort(self) -> None:
        """Abort the connection after its timeout."""
        self.transport.abortConnection()

    def _say(self, answer: bytes) -> None:
        # closing at once could discard the response while the client still sends
        self._rest = REST
        self.transport.write(answer)
        self.transport.loseWriteConnection()


class PlainHttpFactory(Factory):
    """The factory of a listener that only redirects."""

    noisy = False

    def __init__(self, refusals: RedirectPolicy, pending: PendingConnections) -> None:
        """Answer by *refusals*; connections are pending in *pending*."""
        self._refusals = refusals
        self._pending = pending

    @override
    def buildProtocol(self, addr: object) -> Protocol | None:
        """Return the protocol, ``None`` if the source has too many pending."""
        protocol = PlainHttpProtocol(self._refusals, self._pending)
        key = ip.source(str(getattr(addr, "host", "")))
        connection = self._pending.add(key, protocol.abort)
        if connection is None:
            return None
        protocol.connection = connection
        return protocol
