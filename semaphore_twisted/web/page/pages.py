"""Serves the built page, or one that says that it is not built.

``index.html`` is sent for each path of the page, and never cached: each answer has a
new nonce, in its policy and in the place of ``__NONCE__``, and the base path in the
place of ``__BASE__``. The files that it names have hashes in their names, and are kept
by browsers for a year.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from html import escape
from typing import ClassVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET

from semaphore_twisted.web.http.ca_roots import ReadRoots
from semaphore_twisted.web.http.request_info import RequestInfo
from semaphore_twisted.web.http.responses import TEXT, Response
from semaphore_twisted.web.http.site import HttpRequest
from semaphore_twisted.web.http.streaming import send_slices
from semaphore_twisted.web.page import unbuilt
from semaphore_twisted.web.page.files import BuiltPage, PageFile

_HTML = b"text/html; charset=utf-8"
_YEAR = b"public, max-age=31536000, immutable"
_NONCE_BYTES = 16

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self';"
    " form-action 'none'; frame-ancestors 'none'"
)


def policy(nonce: str) -> bytes:
    """Return the content security policy of an answer with *nonce*."""
    return _POLICY.format(nonce=nonce).encode()


class Pages:
    """Serves every path outside of the API, without the base path."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        built: BuiltPage | None,
        *,
        roots: ReadRoots,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Serve *built*; without it, say so, and show the fingerprint in *roots*."""
        self._built = built
        self._roots = roots
        self._entropy = entropy

    def render(
        self, request: HttpRequest, path: bytes, came: RequestInfo
    ) -> bytes | int:
        """Answer *request*, whose path without the base path is *path*."""
        if request.method not in {b"GET", b"HEAD"}:
            request.setResponseCode(405)
            request.setHeader(b"allow", b"GET, HEAD")
            return b""
        if self._built is not None and (file := self._built.files.get(path)):
            return self._send(request, file)
        if b"." in path or b"%" in path:
            request.setResponseCode(404)
            request.setHeader(b"content-type", TEXT)
            return b"Not Found\n"
        base = came.cookie_path.rstrip("/") + "/"
        request.setHeader(b"content-type", _HTML)
        if self._built is None:
            request.setHeader(b"content-security-policy", unbuilt.POLICY.encode())
            return unbuilt.page(
                url=came.origin + base, base=base, fingerprint=self._roots().fingerprint
            ).encode()
        nonce = urlsafe_b64encode(self._entropy(_NONCE_BYTES)).decode().rstrip("=")
        request.setHeader(b"content-security-policy", policy(nonce))
        return self._built.index.replace(b"__NONCE__", nonce.encode()).replace(
            b"__BASE__", escape(base).encode()
        )

    def _send(self, request: HttpRequest, file: PageFile) -> int:
        """Send *file*, no faster than the client reads."""
        content, coding = file.chosen(_accepted(request))
        headers = [(b"vary", b"accept-encoding")] if file.compressed else []
        if coding is not None:
            headers.append((b"content-encoding", coding))
        request.setHeader(b"cache-control", _YEAR)
        answer = Response(200, content, file.content_type, tuple(headers))
        work = Deferred.fromCoroutine(send_slices(request, answer))
        gone = request.notifyFinish()
        _ = gone.addErrback(lambda _: work.cancel())
        _ = work.addErrback(self._failed)
        return NOT_DONE_YET

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("A file of the page could not be sent", failure)


def _accepted(request: HttpRequest) -> frozenset[bytes]:
    """Return the codings that the client accepts, in lower case."""
    sent = request.requestHeaders.getRawHeaders(b"accept-encoding") or []
    accepted = set()
    for each in b",".join(sent).lower().split(b","):
        name, _, parameters = each.partition(b";")
        weight = parameters.strip().removeprefix(b"q=").strip()
        if not (weight and weight.strip(b"0.") == b""):
            accepted.add(name.strip())
    return frozenset(accepted)
