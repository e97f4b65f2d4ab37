"""What a connection's first bytes are: TLS, HTTP, or a proxy's word about it; pure."""

from enum import Enum, auto

#: A record of TLS that is part of a handshake.
_HANDSHAKE = 0x16

#: How the PROXY protocol begins, in its two versions.
PROXY_1 = b"PROXY "
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"


class Kind(Enum):
    """What is spoken."""

    TLS = auto()
    HTTP = auto()
    PROXY = auto()
    NOISE = auto()


def kind(data: bytes) -> Kind | None:
    """Return what *data*, not empty, is the beginning of; ``None`` if it may be two."""
    first = data[0]
    if first == _HANDSHAKE:
        return Kind.TLS
    if data.startswith((PROXY_1, PROXY_2)):
        return Kind.PROXY
    if PROXY_1.startswith(data) or PROXY_2.startswith(data):
        return None
    # all methods of HTTP are written in capitals
    return Kind.HTTP if 0x41 <= first <= 0x5A else Kind.NOISE
