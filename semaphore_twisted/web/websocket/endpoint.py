"""The websocket at ``/api/ws``: checks of the handshake, and flow control.

All checks precede the upgrade, in this order: a request that is not a websocket
handshake (426), a page of another site (403), missing or ended credentials (401), too
many websockets (429 of the account, 503 in total). The protocol itself (RFC 6455) is
autobahn's.

After each :data:`limits.WEBSOCKET_MARK` bytes a ping is sent whose payload is the
number of bytes sent so far; its pong confirms that they were read. So a slow reader is
known to be alive, and at most one window of bytes is unconfirmed: otherwise a ping
would wait behind megabytes in the buffers of both systems.
"""

import struct
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from attrs import frozen
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.model import limits
from semaphore_twisted.model.users import Credentials, Visibility
from semaphore_twisted.web.http.site import HttpRequest
from semaphore_twisted.web.websocket.hub import Hub, ReadAudiences
from semaphore_twisted.web.websocket.watcher import Watcher

#: Maximum size of an incoming message in bytes; of a longer one than
#: ``limits.WEBSOCKET_REQUEST`` nothing is kept.
INCOMING_BYTES = limits.WEBSOCKET_MESSAGE

#: The opcode of a pong (RFC 6455, 5.5.3), and the payload of a ping: a byte count.
_PONG = 10
_MARK = struct.Struct("!Q")

#: Seconds between pings, below the idle limits of proxies, and until a pong is due.
PING_INTERVAL, PING_TIMEOUT = 25, 60


@frozen
class Admission:
    """The facts that decide about a websocket handshake."""

    credentials: Credentials
    #: the ``Origin`` header, or ``None``
    origin: str | None
    #: the origins of this site for this request
    own_origins: frozenset[str]
    #: whether a request without an origin is accepted
    origin_may_be_missing: bool
    #: the client's address, empty if the peer may be a proxy that does not state it
    address: str = ""

    @property
    def foreign(self) -> bool:
        """Whether the page of another site may have caused the request.

        Browsers send only cookies by themselves, not bearer tokens.
        """
        if not self.credentials.by_cookie:
            return False
        if self.origin is None:
            return not self.origin_may_be_missing
        return self.origin.lower() not in self.own_origins


@implementer(IPushProducer)
class WebSocketConnection(WebSocketServerProtocol):
    """One open websocket; pauses its watcher while the client does not read."""

    _log: ClassVar[Logger] = Logger()

    transport: Any

    def __init__(
        self, hub: Hub, credentials: Credentials, audience: Visibility, address: str
    ) -> None:
        """Belong to *hub* after the handshake; *address* is the client's."""
        super().__init__()
        self.address = address
        self._hub = hub
        self._credentials = credentials
        self._audience = audience
        self._watcher: Watcher | None = None
        #: the message that is being received, ``None`` if it is ignored
        self._incoming: bytearray | None = None
        #: bytes sent, bytes sent at the last ping, and bytes confirmed as read
        self._sent = self._marked = self._read = 0
        #: whether the transport's buffer is full, and whether the window is
        self._is_full = self._is_behind = False

    @override
    def onOpen(self) -> None:
        """Register with the hub, and take flow control over from the HTTP channel."""
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, streaming=True)
        self._watcher = self._hub.add(self._credentials, self._audience, self)
        self._hub.send_beginnings(self._watcher)
        self._log.info("{client} opened a websocket", client=self.address)

    @override
    def onMessageBegin(self, isBinary: bool) -> None:
        """Keep the message if it is a text, as far as it may be long."""
        super().onMessageBegin(isBinary)
        self._incoming = None if isBinary else bytearray()

    @override
    def onMessageFrameData(self, payload: bytes) -> None:
        """Keep the payload; discard a message that is too long."""
        if self._incoming is not None:
            self._incoming += payload
            if len(self._incoming) > limits.WEBSOCKET_REQUEST:
                self._incoming = None

    @override
    def onMessageFrameEnd(self) -> None:
        """Discard the frame, of which autobahn keeps nothing."""
        self.frame_data = []

    @override
    def onMessageEnd(self) -> None:
        """Pass the message to the hub; clients of Semaphore send none."""
        self.message_data = []
        message, self._incoming = self._incoming, None
        if message and self._watcher is not None:
            self._hub.received(self._watcher, bytes(message))

    @override
    def onPing(self, payload: bytes) -> None:
        """Answer with a pong, unless the client does not read: pongs would pile up."""
        if not self._is_full:
            super().onPing(payload)

    @override
    def processControlFrame(self) -> bool:
        """Handle the pong of a byte count; autobahn handles other frames."""
        if self.current_frame.opcode == _PONG:
            payload = b"".join(self.control_frame_data)
            if len(payload) == _MARK.size:
                self.control_frame_data = []
                self._has_read(*_MARK.unpack(payload))
                return True
        done: bool = super().processControlFrame()
        return done

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Unregister from the hub."""
        if self._watcher is not None:
            self._hub.remove(self._watcher)
            self._watcher = None
            self._log.info(
                "{client} closed a websocket ({code})", client=self.address, code=code
            )

    def send(self, frames: bytes) -> None:
        """Write complete frames."""
        self._sent += len(frames)
        self.transport.write(frames)
        if self._sent - self._marked >= limits.WEBSOCKET_MARK:
            self._marked = self._sent
            self.sendPing(_MARK.pack(self._sent))
        if self._sent - self._read > limits.WEBSOCKET_WINDOW:
            self._is_behind = True
            self._wait()

    def close(self, code: int, reason: str) -> None:
        """Close with *code* and *reason*; abort if the client does not read."""
        if self._is_full:
            self.transport.abortConnection()
        else:
            # sendClose refuses codes of the protocol itself, such as 1001
            self.sendCloseFrame(code, reason.encode(), isReply=False)

    def pauseProducing(self) -> None:
        """Pause: the transport's buffer is full."""
        self._is_full = True
        self._wait()
        if self._watcher is not None:
            self._hub.filled(self._watcher)

    def resumeProducing(self) -> None:
        """Resume: the transport's buffer is empty."""
        self._is_full = False
        if self._watcher is not None:
            self._hub.drained(self._watcher)
        self._go_on()

    def _has_read(self, sent: int) -> None:
        """Note that the client has read the first *sent* bytes."""
        self._read = max(self._read, min(sent, self._sent))
        waiting: object = self.autoPingTimeoutCall
        if waiting is not None:
            self._cancelAutoPingTimeoutCall()  # a slow reader is alive
        if self._is_behind and self._sent - self._read <= limits.WEBSOCKET_WINDOW // 2:
            self._is_behind = False
            self._go_on()

    def _wait(self) -> None:
        if self._watcher is not None and not self._watcher.paused:
            self._watcher.pause()

    def _go_on(self) -> None:
        if self._watcher is not None and not (self._is_full or self._is_behind):
            self._watcher.resume()

    def stopProducing(self) -> None:
        """Do nothing: ``onClose`` follows."""


#: The factory that :func:`server_factory` returns.
SocketFactory: TypeAlias = WebSocketServerFactory


def server_factory(ping: int = PING_INTERVAL) -> WebSocketServerFactory:
    """Return autobahn's factory with our limits: no compression, small messages.

    After *ping* seconds without traffic from the client a ping is sent.
    """
    factory = WebSocketServerFactory(server="")
    factory.setProtocolOptions(
        maxMessagePayloadSize=INCOMING_BYTES,
        maxFramePayloadSize=INCOMING_BYTES,
        autoPingInterval=ping,
        autoPingTimeout=PING_TIMEOUT,
        autoPingRestartOnAnyTraffic=True,
        openHandshakeTimeout=10,
        closeHandshakeTimeout=3,
        failByDrop=False,  # the client receives the reason
        webStatus=False,
        tcpNoDelay=True,
    )
    return factory


def framing(factory: WebSocketServerFactory) -> Callable[[bytes], bytes]:
    """Return a function that frames a text message once for all connections."""

    def frame(payload: bytes) -> bytes:
        prepared: bytes = factory.prepareMessage(
            payload, isBinary=False, doNotCompress=True
        ).payloadHybi
        return prepared

    return frame


@frozen
class _Upgrade:
    """The factory that autobahn's resource calls; it knows the client's account."""

    factory: WebSocketServerFactory
    hub: Hub
    credentials: Credentials
    audience: Visibility
    #: the client's address, which the transport may not know
    client: str

    def buildProtocol(self, address: object) -> WebSocketConnection:  # noqa: ARG002 - Twisted's
        connection = WebSocketConnection(
            self.hub, self.credentials, self.audience, self.client
        )
        connection.factory = self.factory
        return connection


class SocketResource(Resource):
    """Answers the handshake, or refuses it with the reason."""

    isLeaf = True
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        hub: Hub,
        factory: WebSocketServerFactory,
        admission: Callable[[HttpRequest], Admission],
        read_audiences: ReadAudiences,
    ) -> None:
        """Check requests by *admission*; read rights by *read_audiences*."""
        super().__init__()
        self._hub = hub
        self._factory = factory
        self._admission = admission
        self._read_audiences = read_audiences

    @override
    def render(self, request: HttpRequest) -> bytes | int:
        """Upgrade the connection, or answer 426, 403 or 401."""
        if (
            b"websocket" not in _words(request, b"upgrade")
            or request.method != b"GET"
            or request.clientproto != b"HTTP/1.1"
        ):
            request.setHeader(b"upgrade", b"websocket")
            request.setHeader(b"connection", b"upgrade")
            return _refused(request, 426, "This address speaks websocket only")
        if _words(request, b"sec-websocket-version") != [b"13"]:
            request.setHeader(b"sec-websocket-version", b"13")
            return _refused(request, 426, "Version 13 of websocket is spoken here")
        admission = self._admission(request)
        if admission.foreign:
            return _refused(request, 403, "The page's origin is not this site")
        work = Deferred.fromCoroutine(self._open(request, admission))
        gone = request.notifyFinish()
        _ = gone.addErrback(lambda _: work.cancel())
        _ = work.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _open(self, request: HttpRequest, admission: Admission) -> None:
        credentials = admission.credentials
        (audience,) = await self._read_audiences([credentials])
        if audience is None:
            request.setResponseCode(401)
            request.setHeader(b"content-type", b"application/json")
            request.finish()
            return
        # NGINX in the configuration of Semaphore's manual states the client only at the
        # login
        client = admission.address or audience.address or "-"
        if self._is_too_much(request, audience, client):
            return
        upgrade = _Upgrade(self._factory, self._hub, credentials, audience, client)
        request.channel.release()
        WebSocketResource(upgrade).render(request)

    def _is_too_much(
        self, request: HttpRequest, audience: Visibility, client: str
    ) -> bool:
        """Refuse a websocket if the account, or the site, has too many."""
        if self._hub.count_of(audience) >= limits.WEBSOCKETS_OF_ACCOUNT:
            status, most = 429, limits.WEBSOCKETS_OF_ACCOUNT
        elif len(self._hub) >= limits.WEBSOCKETS:
            status, most = 503, limits.WEBSOCKETS
        else:
            return False
        self._log.warn(
            "{client}: refused a websocket, {most} are open", client=client, most=most
        )
        request.setHeader(b"retry-after", b"10")
        body = _refused(request, status, f"{most} websockets are open already")
        request.write(body)
        request.finish()
        return True

    def _failed(self, failure: Failure, request: HttpRequest) -> None:
        if failure.check(CancelledError):
            return
        self._log.failure("A websocket could not be opened", failure)
        request.setResponseCode(500)
        request.finish()


def _words(request: HttpRequest, name: bytes) -> list[bytes]:
    """Return the members of a list header, in lower case."""
    sent = request.requestHeaders.getRawHeaders(name) or []
    return [each.strip() for each in b",".join(sent).lower().split(b",")]


def _refused(request: HttpRequest, code: int, sentence: str) -> bytes:
    request.setResponseCode(code)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return sentence.encode() + b"\n"
