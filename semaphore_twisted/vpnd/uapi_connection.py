"""A connection to wireguard-go that carries one request at a time."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.model import companion_limits as limits
from semaphore_twisted.wireguard.state import DeviceFailed

#: Seconds after which a request without an answer fails.
TIMEOUT = 8.0

_END = b"\n\n"


class UapiConnection(Protocol):
    """Sends one request at a time; *lost* is called when the daemon has ended."""

    transport: ITCPTransport | None

    def __init__(self, clock: IReactorTime, lost: Callable[[], None]) -> None:
        """Measure timeouts by *clock*."""
        self._clock = clock
        self._lost = lost
        self._received: list[bytes] = []
        self._size = 0
        self._pending: Deferred[bytes] | None = None
        self.over = False

    def ask(self, request: bytes) -> "Deferred[bytes]":
        """Send *request*; fires with the answer, or fails with ``DeviceFailed``.

        A timeout closes the connection: the late answer would be taken for the next
        one.
        """
        if self.over or self._pending is not None:
            return fail(DeviceFailed("The device is not there, or busy"))
        pending: Deferred[bytes] = Deferred()
        self._pending = pending
        timer = self._clock.callLater(TIMEOUT, self.end, "did not answer in time")

        def ended(result: bytes | Failure) -> bytes | Failure:
            if timer.active():
                timer.cancel()
            return result

        _ = pending.addBoth(ended)
        if self.transport is not None:
            self.transport.write(request)
        return pending

    @override
    def dataReceived(self, data: bytes) -> None:
        """Collect parts of the answer, which ends with a blank line."""
        self._received.append(data)
        self._size += len(data)
        if self._size > limits.PROGRAM_OUTPUT:
            self.end("sent an answer that is too long")
            return
        if not b"".join(self._received[-2:]).endswith(_END):
            return
        answer, self._received = b"".join(self._received), []
        self._size = 0
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.callback(answer)

    def end(self, why: str = "was closed") -> None:
        """Close the connection; a pending request fails with *why*."""
        if not self.over and self.transport is not None:
            self.transport.abortConnection()
        self._end(why)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail a pending request and call *lost*, unless we closed the connection."""
        if not self.over:
            self._end("has ended")
            self._lost()

    def _end(self, why: str) -> None:
        self.over = True
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.errback(DeviceFailed(f"The device {why}"))
