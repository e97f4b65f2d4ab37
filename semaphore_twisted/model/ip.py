"""Determines the source (client) of a connection or request from its address.

Every counter, log line and rule about addresses uses this module, so that one client is
one source everywhere. A dual-stack listener reports an IPv4 client as
``::ffff:192.0.2.1`` (RFC 4291, section 2.5.5.2); an IPv6 client usually controls a
whole /64 network; tunnels and translators embed an IPv4 address in an IPv6 one.
"""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Maximum length of an address text: an IPv6 address with a scope.
_LONGEST: Final = 64

#: Networks whose last 32 bits are an IPv4 address: NAT64 (RFC 6052) and stateless
#: translation (RFC 2765).
_TRANSLATED: Final = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("::ffff:0:0:0/96"),
)


@lru_cache(maxsize=1024)  # the same few clients are looked up repeatedly
def address(text: str) -> Address | None:
    """Return the address in *text*; ``None`` if it is not an address.

    An IPv4 address inside ``::ffff:0:0/96`` is returned as IPv4. A scope
    (``fe80::1%eth0``) is kept only for link-local addresses, the only ones that need
    it.
    """
    if len(text) > _LONGEST:
        return None
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    if parsed.scope_id is not None and not parsed.is_link_local:
        return IPv6Address(int(parsed))
    return parsed


def canonical(text: str) -> str:
    """Return the canonical form of the address in *text*; other text is unchanged."""
    parsed = address(text)
    return text if parsed is None else str(parsed)


@lru_cache(maxsize=1024)
def source(text: str) -> str:
    """Return the source that an address counts as; equal for all addresses of a client.

    An IPv6 address counts as its /64 network, without the scope. A 6to4 (RFC 3056) or
    Teredo (RFC 4380) address counts as the IPv4 address embedded in it: one IPv4
    address owns 65,536 6to4 networks, and all clients of a Teredo server share one
    network. A translated address counts as the IPv4 client's.
    """
    parsed = address(text)
    if parsed is None:
        return text
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    inner = _inner(parsed)
    if inner is not None:
        return str(inner)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def _inner(ipv6_address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address embedded in *ipv6_address*, or ``None``."""
    if ipv6_address.sixtofour is not None:
        return ipv6_address.sixtofour
    if ipv6_address.teredo is not None:
        return ipv6_address.teredo[1]
    if any(ipv6_address in each for each in _TRANSLATED):
        return IPv4Address(int(ipv6_address) & 0xFFFF_FFFF)
    return None


@lru_cache(maxsize=1024)
def is_loopback(text: str) -> bool:
    """Return whether *text* is a loopback address."""
    parsed = address(text)
    return parsed is not None and parsed.is_loopback


def network(text: str) -> Network:
    """Return the network in *text*; an IPv4-mapped network as an IPv4 network.

    Raises :class:`ValueError`.
    """
    parsed = ip_network(text.strip(), strict=False)
    if isinstance(parsed, IPv4Network) or parsed.prefixlen < 96:
        return parsed
    mapped = parsed.network_address.ipv4_mapped
    if mapped is None:
        return parsed
    return IPv4Network((mapped, parsed.prefixlen - 96))
