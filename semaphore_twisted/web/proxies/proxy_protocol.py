"""Parses the PROXY protocol, versions 1 and 2; pure.

See https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
"""

from ipaddress import IPv4Address, IPv6Address, ip_address

from attrs import frozen

from semaphore_twisted.web.listener.protocol_detection import PROXY_1

#: Maximum size of a header, by version; version 2 permits up to 64 KiB of TLVs.
_LIMIT_1, _LIMIT_2 = 107, 4096

_LOCAL, _PROXY = 0x20, 0x21

#: Address families of version 2 streams: length of one address, 0 without address.
_FAMILIES = {0x00: 0, 0x11: 4, 0x21: 16, 0x31: 108}
_UNIX = 0x31

#: The TLV for the client's TLS, and its bit that says that TLS is used.
_TLS, _TLS_BIT = 0x20, 0x01


class MalformedHeader(Exception):
    """The header is invalid, so the connection must be closed."""


@frozen
class ProxyHeader:
    """A parsed header and its *length*.

    *client* is address and port, ``None`` if the proxy does not know them. *encrypted*
    is true if the header says that the client uses TLS. *own* is a connection of the
    proxy itself, such as a health check.
    """

    client: tuple[str, int] | None
    encrypted: bool
    length: int
    own: bool = False


def read(data: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of *data*, ``None`` while it is incomplete.

    :raises MalformedHeader: if the header is invalid
    """
    return _version_1(data) if data.startswith(PROXY_1) else _version_2(data)


def _version_1(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:_LIMIT_1].partition(b"\r\n")
    if not end:
        if len(data) >= _LIMIT_1:
            raise MalformedHeader
        return None
    length = len(line) + len(end)
    try:
        _, family, *words = line.decode("ascii").split(" ")
        if family == "UNKNOWN":
            return ProxyHeader(None, encrypted=False, length=length)
        source, destination, *ports = words
        kind = {"TCP4": IPv4Address, "TCP6": IPv6Address}[family]
        kind(destination)
        port, _ = map(_port, ports)
        return ProxyHeader((str(kind(source)), port), encrypted=False, length=length)
    except (KeyError, ValueError):
        raise MalformedHeader from None


def _port(text: str) -> int:
    if not text.isdigit() or str(int(text)) != text or int(text) >= 1 << 16:
        raise ValueError("a port is wanted")
    return int(text)


def _version_2(data: bytes) -> ProxyHeader | None:
    if len(data) < 16:
        return None
    command, family = data[12], data[13]
    length = 16 + int.from_bytes(data[14:16])
    if command not in {_LOCAL, _PROXY} or length > _LIMIT_2:
        raise MalformedHeader
    if len(data) < length:
        return None
    if command == _LOCAL:
        return ProxyHeader(None, encrypted=False, length=length, own=True)
    width = _FAMILIES.get(family)
    if width is None:
        raise MalformedHeader
    ports = 0 if family in {0x00, _UNIX} else 4
    body = data[16:length]
    fixed = 2 * width + ports
    if len(body) < fixed:
        raise MalformedHeader
    client = None
    if ports:
        port = int.from_bytes(body[2 * width : 2 * width + 2])
        client = str(ip_address(body[:width])), port
    return ProxyHeader(client, encrypted=_encrypted(body[fixed:]), length=length)


def _encrypted(extras: bytes) -> bool:
    """Return whether the TLVs *extras* say that the client uses TLS."""
    at, found = 0, False
    while at < len(extras):
        size = int.from_bytes(extras[at + 1 : at + 3])
        value = extras[at + 3 : at + 3 + size]
        if len(extras) < at + 3 or len(value) < size:
            raise MalformedHeader
        if extras[at] == _TLS:
            found = bool(value and value[0] & _TLS_BIT)
        at += 3 + size
    return found
