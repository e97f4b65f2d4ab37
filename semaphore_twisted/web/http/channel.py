"""HTTP/1.1 server connections with strict parsing and time limits.

Twisted parses the requests. Syntax that two programs could interpret differently is
refused here, so that no proxy can be made to see other requests than this server does.
Every refusal is answered, then the connection is closed. Heads, bodies and the reading
of responses all have time limits.
"""

import re
from typing import Any

from twisted.internet.interfaces import IDelayedCall, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.web.http.host_header import name_of
from semaphore_twisted.web.http.responses import closing_response

#: Seconds for the head of a request, and for each :data:`FLOOR` bytes of its body.
SECONDS = limits.REQUEST_SECONDS

#: Bytes of a body that must arrive in that time.
FLOOR = limits.BODY_FLOOR

#: Seconds that a response may wait for a client that does not read.
STALLED = limits.STALLED_SECONDS

#: Seconds until a refused connection is aborted, unless the client closes it first.
_LINGER = 5

#: Characters that no header may contain; Twisted refuses only three of them.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

#: Lengths of the names of framing headers, for a fast check.
_FRAMING = frozenset(map(len, ("content-length", "transfer-encoding")))

#: Sentences for refusals before a request object exists.
_REFUSALS = {
    400: "The request cannot be read (RFC 9112)",
    408: f"The request did not get on for {SECONDS} seconds",
}


class Channel(HTTPChannel):
    """One HTTP connection, until it is upgraded to a websocket."""

    site: Any
    transport: ITCPTransport
    MAX_LENGTH = totalHeadersSize = limits.HEAD  # noqa: N815 - Twisted's names
    maxHeaders = limits.HEADERS  # noqa: N815 - Twisted's name
    _deadline: IDelayedCall | None = None
    _stalled: IDelayedCall | None = None
    _body = 0
    _over = False
    _counted = False

    @property
    def address(self) -> str | None:
        """The peer's address; ``None`` for a UNIX socket."""
        return getattr(self.transport.getPeer(), "host", None)

    @property
    def line(self) -> tuple[bytes, bytes]:
        """Method and target of the request that is being read."""
        return self._command, self._path

    @override
    def connectionMade(self) -> None:
        """Count the connection; abort it if its source has too many."""
        super().connectionMade()
        self._counted = self.site.connections.admit(self.address)
        if not self._counted:
            self._over = True
            self.setTimeout(None)
            self.transport.abortConnection()
        else:
            self.site.connections.mark_idle(self, self.transport.abortConnection)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Cancel the timers and release the connection's slot."""
        self.release()
        super().connectionLost(reason)

    def release(self) -> None:
        """Stop counting and timing: the connection ends, or becomes a websocket."""
        self._unwatch()
        self._unstall()
        if self._counted:
            self._counted = False
            self.site.connections.mark_busy(self)
            self.site.connections.release(self.address)

    # Refusals ------------------------------------------------------------------------

    def refuse(self, status: int = 400) -> None:
        """Answer *status*, close the connection, and ignore further input."""
        if self._over:
            return
        self._over = True
        self.site.refused(self.address, status)
        answered = self.requests and getattr(self.requests[-1], "refused", False)
        if not answered:
            self.transport.write(closing_response(status, _REFUSALS[status]))
        self._unwatch()
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(_LINGER, self.forceAbortClient)
        self.loseConnection()

    @override
    def _respondToBadRequestAndDisconnect(self) -> None:
        """Answer a parse error that Twisted found, with the common headers."""
        self.refuse()

    @override
    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that exceeds the limit."""
        self.refuse()

    @override
    def lineReceived(self, line: bytes) -> None:
        """Refuse a folded header line (RFC 9112, 5.2)."""
        if self._over:
            return
        if line[:1] in {b" ", b"\t"}:
            self.refuse()
        else:
            super().lineReceived(line)

    @override
    def headerReceived(self, line: bytes) -> bool:
        """Refuse ambiguous framing and control characters."""
        if self._over:
            return False
        odd = _CONTROL.search(line) is not None
        if line.find(b":") in _FRAMING:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            if name == b"content-length":
                odd = odd or len(value) > 18
            elif name == b"transfer-encoding":
                odd = odd or value.lower() != b"chunked"
                odd = odd or self._version != b"HTTP/1.1"
        if odd:
            self.refuse()
            return False
        accepted: bool = super().headerReceived(line)
        return accepted

    @override
    def allHeadersReceived(self) -> None:
        """Refuse a request with an invalid target or not exactly one host name."""
        if self._over:
            return
        hosts = self.requests[-1].requestHeaders.getRawHeaders(b"host") or []
        named = all(map(_named, hosts)) and len(hosts) < 2
        if self._version == b"HTTP/1.1" and not hosts:
            named = False
        if not named or self._path[:1] != b"/" or not self._path.isascii():
            self.refuse()
            return
        self._unwatch()
        self._body = 0
        super().allHeadersReceived()

    @override
    def allContentReceived(self) -> None:
        """Pass the complete request on."""
        if not self._over:
            self.site.connections.mark_busy(self)
            super().allContentReceived()

    # Timeouts ------------------------------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        """Parse *data*; an incomplete request starts the timeout."""
        if self._over:
            return
        self.resetTimeout()
        super().dataReceived(data)
        self._watch()

    @override
    def rawDataReceived(self, data: bytes) -> None:
        """Count and parse bytes of a body."""
        if not self._over:
            self._body += len(data)
            super().rawDataReceived(data)

    @override
    def requestDone(self, request: Any) -> None:
        """Release the request, and continue with data that arrived meanwhile."""
        request.release()
        if self._counted:
            self.site.connections.mark_idle(self, self.transport.abortConnection)
        super().requestDone(request)
        if self.transport is not None:
            self._watch()

    @override
    def setLineMode(self, extra: bytes = b"") -> None:
        """Read the next request, unless the last response is still to be read.

        Otherwise a client that pipelines requests and reads nothing would make the
        server hold all their responses.
        """
        if self._waitingForTransport:
            self.paused = True  # LineReceiver keeps the unparsed rest
            self._networkProducer.pauseProducing()
        super().setLineMode(extra)

    @override
    def _send100Continue(self) -> None:
        """Send ``100 Continue``, unless the body was already refused."""
        if not self.requests[-1].refused:
            super()._send100Continue()

    def keep(self) -> None:
        """Keep the connection, even if there are too many, until the answer."""
        self.site.connections.mark_busy(self)

    def pause_reading(self) -> None:
        """Stop reading from the network for now."""
        self._networkProducer.pauseProducing()

    def resume_reading(self) -> None:
        """Read from the network again, unless a response blocks it."""
        if not self._waitingForTransport:
            self._networkProducer.resumeProducing()

    def _watch(self) -> None:
        if self._over:
            return
        begun = bool(self.requests or self._buffer)
        if self._handlingRequest or self.paused or not begun:
            self._unwatch()
        elif self.line_mode and _bare(self._buffer):
            self.refuse()
        elif self._deadline is None:
            self._deadline = self.callLater(SECONDS, self._late)

    def _late(self) -> None:
        self._deadline = None
        if not self.line_mode and self._body >= FLOOR:
            self._body = 0
            self._watch()
        else:
            self.refuse(408)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _unstall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    @override
    def pauseProducing(self) -> None:
        """Stop producing until the client reads; the wait has a time limit."""
        super().pauseProducing()
        self.paused = not self._handlingRequest
        if self._stalled is None:
            self._stalled = self.callLater(STALLED, self._cut)

    @override
    def resumeProducing(self) -> None:
        """Continue: the client has read everything that was written."""
        self._unstall()
        super().resumeProducing()
        if self.paused:
            self.paused = False
            self.dataReceived(b"")

    def _cut(self) -> None:
        self._stalled = None
        self.transport.abortConnection()


def _named(host: bytes) -> bool:
    """Return whether *host* is a valid ``Host`` value; an empty one is valid."""
    return not host or name_of(host.decode("latin-1")) is not None


def _bare(rest: bytes) -> bool:
    """Return whether *rest* has a line that ends without CR and none that has one."""
    return b"\n" in rest and b"\r\n" not in rest
