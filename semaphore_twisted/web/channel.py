"""HTTP/1.1 as it is taken from the network: strictly, and not for ever.

Twisted reads requests; what two programs on a request's way could read differently is
refused here, so that no proxy can be made to see other requests than we do. Everything
that is refused is answered, and the connection closed. Head, body and the reading of
answers each have to get on.
"""

import re
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.web.answers import last_words
from semaphore_twisted.web.hosts import name_of

#: Seconds for a request's head, and for each :data:`FLOOR` bytes of its body.
SECONDS = limits.REQUEST_SECONDS

#: Bytes of a body that have to come in that time.
FLOOR = limits.BODY_FLOOR

#: Seconds that an answer may wait for a client that reads nothing.
STALLED = limits.STALLED_SECONDS

#: Seconds until a refused connection is cut off, if the other side does not close it.
_LINGER = 5

#: What no header may have in it; Twisted refuses but three of them.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

#: The lengths of the names of headers that say where a body ends; a short cut.
_FRAMING = frozenset(map(len, ("content-length", "transfer-encoding")))

#: What is said of a request that is refused before it is one.
_REFUSALS = {
    400: "The request cannot be read (RFC 9112)",
    408: f"The request did not get on for {SECONDS} seconds",
}


class Channel(HTTPChannel):
    """One connection, until a websocket takes it over."""

    site: Any
    transport: Any
    MAX_LENGTH = totalHeadersSize = limits.HEAD  # noqa: N815 - Twisted's names
    maxHeaders = limits.HEADERS  # noqa: N815 - Twisted's name
    _deadline: Any = None
    _stalled: Any = None
    _body = 0
    _over = False
    _counted = False

    @property
    def address(self) -> str | None:
        """The address at the other end; ``None`` for a UNIX socket."""
        return getattr(self.transport.getPeer(), "host", None)

    @property
    def line(self) -> tuple[bytes, bytes]:
        """Method and target of the request that is being read."""
        return self._command, self._path

    @override
    def connectionMade(self) -> None:
        """Begin, unless too many of that address are here already."""
        super().connectionMade()
        self._counted = self.site.visitors.enter(self.address)
        if not self._counted:
            self._over = True
            self.setTimeout(None)
            self.transport.abortConnection()
        else:
            self.site.visitors.rest(self, self.transport.abortConnection)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End every wait."""
        self.release()
        super().connectionLost(reason)

    def release(self) -> None:
        """Stop to count and to watch: the connection ends, or becomes a websocket."""
        self._unwatch()
        self._unstall()
        if self._counted:
            self._counted = False
            self.site.visitors.work(self)
            self.site.visitors.leave(self.address)

    # What is refused -----------------------------------------------------------------

    def refuse(self, status: int = 400) -> None:
        """Answer *status*, close, and read no more."""
        if self._over:
            return
        self._over = True
        self.site.refused(self.address, status)
        answered = self.requests and getattr(self.requests[-1], "refused", False)
        if not answered:
            self.transport.write(last_words(status, _REFUSALS[status]))
        self._unwatch()
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(_LINGER, self.forceAbortClient)
        self.loseConnection()

    @override
    def _respondToBadRequestAndDisconnect(self) -> None:
        """Answer what Twisted finds wrong, with the headers of all answers."""
        self.refuse()

    @override
    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that does not end."""
        self.refuse()

    @override
    def lineReceived(self, line: bytes) -> None:
        """Refuse a header that goes on in a second line (RFC 9112, 5.2)."""
        if self._over:
            return
        if line[:1] in {b" ", b"\t"}:
            self.refuse()
        else:
            super().lineReceived(line)

    @override
    def headerReceived(self, line: bytes) -> bool:
        """Refuse framing that is odd, and characters that nobody can mean."""
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
        """Refuse a request for no place, or for several."""
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
        """Have the request answered."""
        if not self._over:
            self.site.visitors.work(self)
            super().allContentReceived()

    # What takes too long -------------------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        """Read on, and see to it that a request that has begun gets to its end."""
        if self._over:
            return
        self.resetTimeout()
        super().dataReceived(data)
        self._watch()

    @override
    def rawDataReceived(self, data: bytes) -> None:
        """Read a body."""
        if not self._over:
            self._body += len(data)
            super().rawDataReceived(data)

    @override
    def requestDone(self, request: Any) -> None:
        """Go on with what has come meanwhile."""
        request.release()
        if self._counted:
            self.site.visitors.rest(self, self.transport.abortConnection)
        super().requestDone(request)
        if self.transport is not None:
            self._watch()

    @override
    def setLineMode(self, extra: bytes = b"") -> None:
        """Read the next request, unless the last answer is still to be read.

        Otherwise a client that sends many requests at once and reads nothing would
        have all their answers kept for it.
        """
        if self._waitingForTransport:
            self.paused = True  # LineReceiver keeps what it has not read yet
            self._networkProducer.pauseProducing()
        super().setLineMode(extra)

    @override
    def _send100Continue(self) -> None:
        """Ask for the body, unless it is refused already."""
        if not self.requests[-1].refused:
            super()._send100Continue()

    def pause_reading(self) -> None:
        """Take nothing more from the network for now."""
        self._networkProducer.pauseProducing()

    def resume_reading(self) -> None:
        """Go on, unless there is another reason to wait."""
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
        """Wait for the other side to read, but not for ever."""
        super().pauseProducing()
        self.paused = not self._handlingRequest
        if self._stalled is None:
            self._stalled = self.callLater(STALLED, self._cut)

    @override
    def resumeProducing(self) -> None:
        """Go on: all that was written was read."""
        self._unstall()
        super().resumeProducing()
        if self.paused:
            self.paused = False
            self.dataReceived(b"")

    def _cut(self) -> None:
        self._stalled = None
        self.transport.abortConnection()


def _named(host: bytes) -> bool:
    """Whether *host* can be the name of a site; an empty one names none."""
    return not host or name_of(host.decode("latin-1")) is not None


def _bare(rest: bytes) -> bool:
    """Whether a line ends without CR, and none with it is left to be read."""
    return b"\n" in rest and b"\r\n" not in rest
