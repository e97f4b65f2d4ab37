"""Parses the TLS ClientHello to find ACME challenges; pure.

OpenSSL validates the message. A hello that cannot be parsed here is passed on to it, if
it is a ClientHello within the size limit.
"""

from collections.abc import Iterator

from attrs import frozen

from semaphore_twisted.model import limits

#: Maximum size of a ClientHello in bytes; those of current browsers have 2,000.
LIMIT = limits.HELLO

#: The ALPN protocol of TLS-ALPN-01 challenges (RFC 8737).
ACME = b"acme-tls/1"

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_RECORD = 16_384

_SERVER_NAME, _ALPN = 0, 16


class NoHello(Exception):
    """The data is not a ClientHello."""


@frozen
class ClientHello:
    """The server name and the ALPN protocols that a client requests."""

    server_name: str = ""
    protocols: tuple[bytes, ...] = ()

    @property
    def asks_for_challenge(self) -> bool:
        """Whether the client is a CA that validates a TLS-ALPN-01 challenge."""
        return self.protocols == (ACME,)


class Records:
    """Assembles a ClientHello from TLS records; each record is parsed once."""

    def __init__(self) -> None:
        """Start with an empty message."""
        self._message = bytearray()
        self._at = 0

    def message(self, data: bytes) -> bytes | None:
        """Return the hello in *data*, all bytes so far.

        ``None`` while it is incomplete.

        :raises NoHello: if it is not a ClientHello, or exceeds the limit
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
    """Return the size of the message, ``None`` if its header is incomplete.

    :raises NoHello: if it is not a ClientHello, or exceeds the limit
    """
    if len(begun) < 4:
        return None
    size = 4 + int.from_bytes(begun[1:4])
    if begun[0] != _CLIENT_HELLO or size > LIMIT:
        raise NoHello
    return size


def read(body: bytes) -> ClientHello:
    """Return the server name and ALPN of *body*; empty if the message is damaged."""
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
    """Return the bytes at *at* that a length field of *width* bytes precedes."""
    length = int.from_bytes(data[at : at + width])
    begin = at + width
    if begin + length > len(data):
        raise ValueError("too short")
    return data[begin : begin + length]


def _extensions(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2 + 32  # version and random
    for width in (1, 2, 1):  # session, suites, compression
        at += width + len(_sized(body, at, width))
    extensions = _sized(body, at, 2)
    at = 0
    while at < len(extensions):
        content = _sized(extensions, at + 2, 2)
        yield int.from_bytes(extensions[at : at + 2]), content
        at += 4 + len(content)


def _name(content: bytes) -> str:
    names = _sized(content, 0, 2)
    if not names or names[0] != 0:  # host_name is the only type that is defined
        return ""
    return _sized(names, 1, 2).decode("ascii").lower()


def _short(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        each = _sized(data, at, 1)
        yield each
        at += 1 + len(each)
