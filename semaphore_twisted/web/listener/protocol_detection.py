"""Detects the protocol from a connection's first bytes; pure."""

from enum import Enum, auto

#: Content type of TLS handshake records.
_HANDSHAKE = 0x16

#: Signatures of PROXY protocol versions 1 and 2.
PROXY_1 = b"PROXY "
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"


class ProtocolKind(Enum):
    """The protocol that a connection begins with."""

    TLS = auto()
    HTTP = auto()
    PROXY = auto()
    NOISE = auto()


def kind(data: bytes) -> ProtocolKind | None:
    """Return the protocol that the non-empty *data* begins; ``None`` if undecided."""
    first = data[0]
    if first == _HANDSHAKE:
        return ProtocolKind.TLS
    if data.startswith((PROXY_1, PROXY_2)):
        return ProtocolKind.PROXY
    if PROXY_1.startswith(data) or PROXY_2.startswith(data):
        return None
    # all HTTP methods are upper-case
    return ProtocolKind.HTTP if 0x41 <= first <= 0x5A else ProtocolKind.NOISE
