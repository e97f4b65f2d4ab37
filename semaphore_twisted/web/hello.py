"""The first message of TLS, as far as it decides who answers it; pure.

Nothing is checked here that OpenSSL checks: a hello that cannot be understood goes on
to it, as long as it is one and not too long.
"""

from collections.abc import Iterator

from attrs import frozen

from semaphore_twisted.model import limits

#: Bytes within which a hello must be complete; those of today's browsers have 2,000.
LIMIT = limits.HELLO

#: The protocol by which an authority asks for its challenge (RFC 8737).
ACME = b"acme-tls/1"

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_RECORD = 16_384

_SERVER_NAME, _ALPN = 0, 16


class NoHello(Exception):
    """What came is not the beginning of TLS."""


@frozen
class ClientHello:
    """Whom a client wants to speak to, and by which protocols."""

    server_name: str = ""
    protocols: tuple[bytes, ...] = ()

    @property
    def asks_for_challenge(self) -> bool:
        """Whether an authority asks, and not a client that knows that protocol too."""
        return self.protocols == (ACME,)


class Records:
    """Joins a hello from its records: each is looked at once, however they come."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._message = bytearray()
        self._at = 0

    def message(self, data: bytes) -> bytes | None:
        """Return the hello in *data*, all that came so far; ``None`` if it goes on.

        :raises NoHello: if it is none, or longer than the limit.
        """
        while len(data) >= self._at + 5:
            begin = self._at + 5
            length = int.from_bytes(data[begin - 2 : begin])
            kind, version = data[self._at], data[self._at + 1]
            if kind != _HANDSHAKE or version != 3 or not 0 < length <= _RECORD:
                raise NoHello
            if len(data) < begin + length:
                _size(self._message[:4] + data[begin : begin + 4])
                break
            self._message += data[begin : begin + length]
            self._at = begin + length
            size = _size(self._message)
            if size is not None and len(self._message) >= size:
                return bytes(self._message[4:size])
        if len(data) > LIMIT:
            raise NoHello
        return None


def _size(begun: bytearray) -> int | None:
    """Return the size of the message that has *begun*, ``None`` if it is not said yet.

    :raises NoHello: if it is no hello, or too large.
    """
    if len(begun) < 4:
        return None
    size = 4 + int.from_bytes(begun[1:4])
    if begun[0] != _CLIENT_HELLO or size > LIMIT:
        raise NoHello
    return size


def read(body: bytes) -> ClientHello:
    """Return what the message *body* asks for; nothing where it is damaged."""
    name = ""
    protocols: tuple[bytes, ...] = ()
    try:
        for kind, content in _extensions(body):
            if kind == _SERVER_NAME:
                name = _name(content)
            elif kind == _ALPN:
                protocols = tuple(_short(_sized(content, 0, 2)))
    except (IndexError, ValueError):
        return ClientHello()
    return ClientHello(name, protocols)


def _sized(data: bytes, at: int, width: int) -> bytes:
    """Return the content at *at*, which its length in *width* bytes precedes."""
    length = int.from_bytes(data[at : at + width])
    begin = at + width
    if begin + length > len(data):
        raise ValueError("too short")
    return data[begin : begin + length]


def _extensions(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2 + 32  # version and random
    for width in (1, 2, 1):  # session, suites, compression
        at += width + len(_sized(body, at, width))
    found = _sized(body, at, 2)
    at = 0
    while at < len(found):
        content = _sized(found, at + 2, 2)
        yield int.from_bytes(found[at : at + 2]), content
        at += 4 + len(content)


def _name(content: bytes) -> str:
    names = _sized(content, 0, 2)
    if not names or names[0] != 0:  # a host's name is the only kind there is
        return ""
    return _sized(names, 1, 2).decode("ascii").lower()


def _short(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        each = _sized(data, at, 1)
        yield each
        at += 1 + len(each)
