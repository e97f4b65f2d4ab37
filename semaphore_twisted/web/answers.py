"""What a handler returns, turned into status, headers and bytes."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import msgspec
from attrs import field, frozen

from semaphore_twisted.web.headers import HEADERS

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

_encoder = msgspec.json.Encoder()

#: Characters that a browser might take for markup or an end of line in a script.
_MARKUP = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
_LINE_ENDS = (
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


@frozen
class PlainText:
    """An answer that is text."""

    text: str | bytes


@frozen
class OneOf:
    """Answers of a route that gives more to some than to others."""

    kinds: tuple[Any, ...]


@frozen
class Streamed:
    """An answer whose length is not known; *chunks* are asked for as they are sent."""

    content_type: str
    chunks: AsyncIterator[bytes]


@frozen
class Encoded:
    """An answer as it is written: everything but the transfer."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


def json(value: Any) -> bytes:
    """Return *value* as JSON that is safe inside HTML, with one final newline."""
    text = _encoder.encode(value)
    escapes = _MARKUP if text.isascii() else _MARKUP + _LINE_ENDS
    for character, escape in escapes:
        if character in text:
            text = text.replace(character, escape)
    return text + b"\n"


def last_words(status: int, sentence: str) -> bytes:
    """Return a whole answer, head and all, after which the connection is closed.

    It is for what is refused before it is a request that something could answer.
    """
    return closing(Encoded(status, json({"error": sentence})))


def closing(answer: Encoded) -> bytes:
    """Return *answer* with its head, after which the connection is closed."""
    status = answer.status
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(),
        b"content-type: " + answer.content_type,
        b"content-length: %d" % len(answer.body),
        b"connection: close",
        *(name + b": " + value for name, value in (*HEADERS, *answer.headers)),
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body


def encoded(value: Any, status: int) -> Encoded:
    """Return the answer for a handler's *value*; ``None`` is an empty body."""
    if value is None:
        return Encoded(status)
    if isinstance(value, Encoded):
        return value
    if isinstance(value, PlainText):
        text = value.text.encode() if isinstance(value.text, str) else value.text
        return Encoded(status, text, TEXT)
    return Encoded(status, json(value))
