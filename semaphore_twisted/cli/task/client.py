"""A client of any server with Semaphore's API: HTTPS and websocket.

The server's certificate is verified with the system's roots or given ones.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from attrs import define, field, frozen
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from OpenSSL.SSL import Error as TlsError
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as TwistedTimeoutError
from twisted.web.client import (
    FileBodyProducer,
    HTTPConnectionPool,
    ResponseFailed,
    ResponseNeverReceived,
    readBody,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from typing_extensions import override

from semaphore_twisted.common.command_error import UNREACHABLE, CommandError
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.start.operator_files import read_file
from semaphore_twisted.tls_client import policy
from semaphore_twisted.tls_client.policy import CONNECT_SECONDS, TlsPolicy, failed_check


@frozen
class Server:
    """The server's URL, the token, and the roots that verify its certificate."""

    url: str
    token: str = field(repr=False)
    ca: Path | None = None

    @classmethod
    def at(cls, url: str, token: str, ca: Path | None) -> "Server":
        """Return the server at *url*, which may have a base path.

        :raises CommandError: if *url* is not the URL of a server
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CommandError(invalid("--url", url, "https://HOST[:PORT]"))
        return cls(url.rstrip("/"), token, ca)

    def trust(self) -> object:
        """Return the trusted roots.

        :raises CommandError: if the file of ``--ca`` has no certificate
        """
        if self.ca is None:
            return policy.trust()
        try:
            return policy.trust(only=read_file(self.ca))
        except OSError as error:
            raise CommandError(f"--ca: {self.ca}: {error.strerror}") from error
        except ValueError as error:
            raise CommandError(
                f"--ca: {self.ca}: no certificate in the file; expected one or more in "
                "PEM"
            ) from error


@define(eq=False)
class ApiClient:
    """Sends requests to one *server*."""

    _reactor: Any
    _server: Server
    _tls: TlsPolicy = field(init=False)
    _pool: HTTPConnectionPool = field(init=False)
    _agent: IAgent = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Read the roots once."""
        self._tls = TlsPolicy(self._server.trust())
        self._pool = HTTPConnectionPool(self._reactor)
        self._agent = policy.agent(self._reactor, self._tls, pool=self._pool)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API at *path* below ``/api``; return the decoded response.

        :raises CommandError: if the server cannot be reached, is not trusted, or
            refuses
        """
        headers = {
            "Authorization": [f"Bearer {self._server.token}"],
            "Content-Type": ["application/json"],
            "Accept": ["application/json"],
        }
        try:
            response = await self._agent.request(
                method.encode(),
                f"{self._server.url}/api{path}".encode(),
                Headers(headers),
                None
                if body is None
                else FileBodyProducer(BytesIO(msgspec.json.encode(body))),
            )
            content = await readBody(response)
        except Exception as error:
            raise _unreachable(self._server.url, error) from error
        if response.code >= 300:
            raise _refused(method, path, response.code, content)
        return msgspec.json.decode(content) if content else None

    async def watch(
        self, take: Callable[[dict[str, object]], None], ended: Callable[[str], None]
    ) -> "Socket":
        """Open the websocket; *take* gets each message, *ended* the reason of its end.

        :raises CommandError: if it cannot be opened
        """
        parts = urlsplit(self._server.url)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        opened: Deferred[None] = Deferred()
        factory = WebSocketClientFactory(
            f"ws{self._server.url[4:]}/api/ws",
            headers={"Authorization": f"Bearer {self._server.token}"},
            useragent="semaphore-twisted",
        )
        factory.setProtocolOptions(openHandshakeTimeout=10, closeHandshakeTimeout=2)
        make: Any = factory  # autobahn expects a class, but any callable works
        make.protocol = lambda: Socket(take, ended, opened)
        endpoint: Any = HostnameEndpoint(
            self._reactor, host, parts.port or (443 if secure else 80)
        )
        if secure:
            endpoint = wrapClientTLS(self._tls.for_host(host), endpoint)
        try:
            socket: Socket = await endpoint.connect(factory)
            await opened
        except Exception as error:
            raise _unreachable(self._server.url, error) from error
        return socket

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._pool.closeCachedConnections()


class Socket(WebSocketClientProtocol):
    """The client side of ``/api/ws``."""

    log_level: ClassVar[str] = "error"

    def __init__(
        self,
        take: Callable[[dict[str, object]], None],
        ended: Callable[[str], None],
        opened: "Deferred[None]",
    ) -> None:
        """Pass messages to *take*; fire *opened* once the handshake is done."""
        super().__init__()
        self._take = take
        self._ended = ended
        self._opened: Deferred[None] | None = opened

    @override
    def onOpen(self) -> None:
        """Report that the handshake is done."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.callback(None)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Decode a message; messages that are not JSON objects are ignored."""
        try:
            message = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return
        if isinstance(message, dict):
            self._take(message)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Report why the connection was closed."""
        sentence = reason or "the websocket was closed"
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.errback(ConnectError(string=sentence))
        else:
            self._ended(sentence)

    def leave(self) -> None:
        """Close the websocket normally."""
        self.sendClose(1000)


def _unreachable(url: str, error: BaseException) -> CommandError:
    if isinstance(error, CommandError):
        return error
    reasons = getattr(error, "reasons", None)
    if isinstance(error, ResponseFailed | ResponseNeverReceived) and reasons:
        return _unreachable(url, reasons[0].value)
    if isinstance(error, TlsError):
        return CommandError(
            f"{url}: the certificate is not trusted ({failed_check(error)}); "
            "name the file of the server's certificate authority (CA) with --ca FILE",
            UNREACHABLE,
        )
    for kind, sentence in _REASONS.items():
        if isinstance(error, kind):
            return CommandError(f"{url}: {sentence}", UNREACHABLE)
    return CommandError(f"{url}: {str(error) or type(error).__name__}", UNREACHABLE)


_REASONS: dict[type[BaseException], str] = {
    DNSLookupError: "the host name cannot be resolved",
    TwistedTimeoutError: f"no answer in {CONNECT_SECONDS} s",
    VerificationError: "the certificate is for another name",
}


def _refused(method: str, path: str, code: int, content: bytes) -> CommandError:
    try:
        sentence = msgspec.json.decode(content, type=JsonObject).get("error")
    except msgspec.DecodeError:
        sentence = None
    usual = {
        401: "the token is not accepted",
        403: "you do not have the right to do this",
        404: "not found, or not for you",
    }
    said = sentence or usual.get(code, "the server refused")
    return CommandError(f"{method} {path}: {said} ({code})", UNREACHABLE)
