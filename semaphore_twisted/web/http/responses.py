"""Converts the values that handlers return to status, headers and body."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import msgspec
from attrs import field, frozen

from semaphore_twisted.web.http.headers import HEADERS

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

_encoder = msgspec.json.Encoder()

#: Characters that a browser might parse as markup, or as line ends in a script.
_MARKUP = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
_LINE_ENDS = (
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


@frozen
class PlainText:
    """A plain-text response."""

    text: str | bytes


@frozen
class OneOf:
    """The response types of a route whose answer depends on the caller's rights."""

    kinds: tuple[object, ...]


@frozen
class StreamedResponse:
    """A response of unknown length; *chunks* are produced as they are sent."""

    content_type: str
    chunks: AsyncIterator[bytes]


@frozen
class Response:
    """A response ready to be written, without its transfer encoding."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


def json(value: object) -> bytes:
    """Return *value* as JSON that is safe inside HTML, with one final newline."""
    text = _encoder.encode(value)
    escapes = _MARKUP if text.isascii() else _MARKUP + _LINE_ENDS
    for character, escape in escapes:
        if character in text:
            text = text.replace(character, escape)
    return text + b"\n"


def closing_response(status: int, sentence: str) -> bytes:
    """Return a complete response, after which the connection is closed.

    It is used for refusals before a request object exists.
    """
    return closing(Response(status, json({"error": sentence})))


def closing(answer: Response) -> bytes:
    """Return *answer* with its head, marked as the last one of the connection."""
    status = answer.status
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(),
        b"content-type: " + answer.content_type,
        b"content-length: %d" % len(answer.body),
        b"connection: close",
        *(name + b": " + value for name, value in (*HEADERS, *answer.headers)),
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body


def encoded(value: object, status: int) -> Response:
    """Return the response for a handler's *value*; ``None`` is an empty body."""
    if value is None:
        return Response(status)
    if isinstance(value, Response):
        return value
    if isinstance(value, PlainText):
        text = value.text.encode() if isinstance(value.text, str) else value.text
        return Response(status, text, TEXT)
    return Response(status, json(value))
