"""One HTTPS request to the CA and its response, limited in time and size."""

from collections.abc import Awaitable
from io import BytesIO
from typing import Protocol

from attrs import define
from OpenSSL.SSL import Error as TlsError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as TwistedTimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol as NetworkProtocol
from twisted.python.failure import Failure
from twisted.web.client import (
    FileBodyProducer,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from typing_extensions import override

from semaphore_twisted import __version__
from semaphore_twisted.acme.responses import AcmeError, AcmeResponse, plain
from semaphore_twisted.tls_client.policy import failed_check

#: Seconds for one request, its response included.
TIMEOUT = 30.0

#: Maximum size of a response in bytes; a certificate chain has a few thousand.
LARGEST = 256 * 1024

_AGENT = f"semaphore-twisted/{__version__}"


class AcmeTransport(Protocol):
    """Sends a request to the CA; fails only with :class:`AcmeError`."""

    def __call__(
        self, method: str, url: str, body: bytes | None = None
    ) -> Awaitable[AcmeResponse]:
        """Send the request, with *body* (a signed message) if one is given."""


class _TooLarge(Exception):
    """A response exceeded the size limit."""


class _Body(NetworkProtocol):
    """Collects the body of a response, up to the size limit."""

    def __init__(self, done: "Deferred[bytes]") -> None:
        self._done: Deferred[bytes] | None = done
        self._content = bytearray()

    @override
    def dataReceived(self, data: bytes) -> None:
        """Append *data*; close the connection if the body exceeds the limit."""
        self._content += data
        if len(self._content) > LARGEST:
            self._end(Failure(_TooLarge()))

    @override
    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # noqa: B008 - Twisted's signature
        """Fire with the body if it is complete, else fail."""
        whole = reason.check(ResponseDone, PotentialDataLoss) is not None
        self._end(bytes(self._content) if whole else reason)

    def give_up(self) -> None:
        """Close the connection: the request was cancelled."""
        self._done = None
        self._abort()

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def _end(self, outcome: bytes | Failure) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if isinstance(outcome, Failure):
            self._abort()
            done.errback(outcome)
        else:
            done.callback(outcome)


@define(eq=False)
class AgentTransport:
    """Sends requests with a Twisted agent, whose TLS policy verifies the server."""

    _agent: IAgent
    _clock: IReactorTime

    def __call__(
        self, method: str, url: str, body: bytes | None = None
    ) -> "Deferred[AcmeResponse]":
        """Send *body* to *url*.

        Fire with the response or fail with :class:`AcmeError`.
        """
        asking = Deferred.fromCoroutine(self._ask(method, url, body))

        def late(
            found: AcmeResponse | Failure, seconds: float
        ) -> AcmeResponse | Failure:
            # the agent wraps a cancellation in an error of its own
            return Failure(Late(seconds)) if isinstance(found, Failure) else found

        def failed(failure: Failure) -> Failure:
            if failure.check(AcmeError, CancelledError):
                return failure
            raise AcmeError(_reason(url, failure.value or Late()))

        return asking.addTimeout(TIMEOUT, self._clock, late).addErrback(failed)

    async def _ask(self, method: str, url: str, body: bytes | None) -> AcmeResponse:
        headers = {"User-Agent": [_AGENT], "Accept-Language": ["en"]}
        if body is not None:
            headers["Content-Type"] = ["application/jose+json"]
        response: IResponse = await self._agent.request(
            method.encode(),
            url.encode(),
            Headers(headers),
            None if body is None else FileBodyProducer(BytesIO(body)),
        )
        collected: Deferred[bytes] = Deferred(lambda _: reader.give_up())
        reader = _Body(collected)
        response.deliverBody(reader)
        content = await collected
        found = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
            if values
        }
        return AcmeResponse(response.code, found, content)


def _reason(url: str, error: BaseException) -> str:
    """Return a sentence that says why *url* gave no response."""
    host = plain(url.split("/")[2] if url.count("/") > 1 else url)
    reasons = getattr(error, "reasons", None)
    if isinstance(error, ResponseFailed | ResponseNeverReceived) and reasons:
        return _reason(url, reasons[0].value)
    if isinstance(error, TlsError):
        return (
            f"{host}: the CA's own certificate is not trusted "
            f"({failed_check(error)}); name its root by acme.ca_bundle"
        )
    for kind, sentence in _REASONS.items():
        if isinstance(error, kind):
            return f"{host}: {sentence}"
    return f"{host}: {plain(str(error)) or type(error).__name__}"


_REASONS: dict[type[BaseException], str] = {
    DNSLookupError: "the CA's name cannot be resolved",
    Late: f"the CA did not answer within {TIMEOUT:.0f} s",
    TwistedTimeoutError: f"the CA did not answer within {TIMEOUT:.0f} s",
    VerificationError: "the CA's certificate is for another name",
    ConnectError: "the CA cannot be reached",
    _TooLarge: f"the CA's answer is larger than {LARGEST} bytes",
}
