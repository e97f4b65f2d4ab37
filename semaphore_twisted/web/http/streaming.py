"""Writes responses to clients no faster than they read them.

Unread bytes are held in memory. So a response longer than :data:`limits.ANSWER_SMALL`
is written in slices, and the bytes held for each client and for all are limited: a
client with too many unread responses is asked to retry.
"""

from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from semaphore_twisted.model import limits
from semaphore_twisted.web.http.memory_budget import BudgetShare, MemoryBudget
from semaphore_twisted.web.http.responses import Response, StreamedResponse, json

_log = Logger()


@implementer(IPushProducer)
@define(eq=False)
class _Backpressure:
    """Pauses a response while the client does not read."""

    _waiting: Deferred[None] | None = None
    _paused: bool = field(default=False)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """Do nothing: the request's coroutine is cancelled."""

    def ready(self) -> Deferred[None]:
        """Fire once more bytes may be written."""
        ready: Deferred[None] = Deferred()
        if self._paused:
            self._waiting = ready
        else:
            ready.callback(None)
        return ready


def _too_much() -> Response:
    sentence = "Too many answers are waiting to be read; ask again"
    return Response(503, json({"error": sentence}), headers=((b"retry-after", b"5"),))


@define(eq=False)
class ResponseProducer:
    """Writes the responses of a site."""

    _held: MemoryBudget = field(
        factory=lambda: MemoryBudget(limits.ANSWERS_OF_ACCOUNT, limits.ANSWERS)
    )

    async def send(
        self, request: Request, answer: Response | StreamedResponse, owner: str | None
    ) -> None:
        """Write *answer* to *request*; *owner* identifies the client for the limits."""
        size = (
            limits.BATCH if isinstance(answer, StreamedResponse) else len(answer.body)
        )
        if isinstance(answer, Response) and size <= limits.ANSWER_SMALL:
            _head(request, answer)
            request.write(answer.body)
            request.finish()
            return
        share = BudgetShare(self._held, owner)
        if not share.grow(size):
            if isinstance(answer, StreamedResponse):
                close: Any = getattr(answer.chunks, "aclose", None)
                if close is not None:
                    await close()
            await self.send(request, _too_much(), owner)
            return
        try:
            await send_slices(request, answer)
        finally:
            share.release()


async def send_slices(request: Request, answer: Response | StreamedResponse) -> None:
    """Write *answer* in slices, no faster than the client reads.

    Only one slice is held for the client; the body of *answer* is the caller's.
    """
    flow = _Backpressure()
    if isinstance(answer, StreamedResponse):
        request.setHeader(b"content-type", answer.content_type.encode())
    else:
        _head(request, answer)
    request.registerProducer(flow, True)  # noqa: FBT003 - Twisted's signature
    try:
        if isinstance(answer, StreamedResponse):
            async for chunk in answer.chunks:
                await _slices(request, chunk, flow)
        else:
            await _slices(request, answer.body, flow)
    except CancelledError:
        raise
    except Exception:  # noqa: BLE001 - the end of the line; it is logged
        # The status was sent already: only a broken connection tells the client.
        _log.failure("Sending a streamed response failed")
        request.loseConnection()
        return
    request.unregisterProducer()
    request.finish()


async def _slices(request: Request, content: bytes, flow: _Backpressure) -> None:
    for start in range(0, len(content), limits.BATCH):
        request.write(content[start : start + limits.BATCH])
        await flow.ready()


def _head(request: Request, answer: Response) -> None:
    request.setResponseCode(answer.status)
    request.setHeader(b"content-type", answer.content_type)
    for name, value in answer.headers:
        request.responseHeaders.addRawHeader(name, value)
    if answer.status != 204:
        request.setHeader(b"content-length", str(len(answer.body)).encode())
