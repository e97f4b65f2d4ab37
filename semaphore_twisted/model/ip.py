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
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.scope_id is not None and not found.is_link_local:
        return IPv6Address(int(found))
    return found


def canonical(text: str) -> str:
    """Return the canonical form of the address in *text*; other text is unchanged."""
    found = address(text)
    return text if found is None else str(found)


@lru_cache(maxsize=1024)
def source(text: str) -> str:
    """Return the source that an address counts as; equal for all addresses of a client.

    An IPv6 address counts as its /64 network, without the scope. A 6to4 (RFC 3056) or
    Teredo (RFC 4380) address counts as the IPv4 address embedded in it: one IPv4
    address owns 65,536 6to4 networks, and all clients of a Teredo server share one
    network. A translated address counts as the IPv4 client's.
    """
    found = address(text)
    if found is None:
        return text
    if isinstance(found, IPv4Address):
        return str(found)
    inner = _inner(found)
    if inner is not None:
        return str(inner)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"


def _inner(found: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address embedded in *found*, or ``None``."""
    if found.sixtofour is not None:
        return found.sixtofour
    if found.teredo is not None:
        return found.teredo[1]
    if any(found in each for each in _TRANSLATED):
        return IPv4Address(int(found) & 0xFFFF_FFFF)
    return None


@lru_cache(maxsize=1024)
def is_loopback(text: str) -> bool:
    """Return whether *text* is a loopback address."""
    found = address(text)
    return found is not None and found.is_loopback


def network(text: str) -> Network:
    """Return the network in *text*; an IPv4-mapped network as an IPv4 network.

    Raises :class:`ValueError`.
    """
    found = ip_network(text.strip(), strict=False)
    if isinstance(found, IPv4Network) or found.prefixlen < 96:
        return found
    mapped = found.network_address.ipv4_mapped
    if mapped is None:
        return found
    return IPv4Network((mapped, found.prefixlen - 96))
