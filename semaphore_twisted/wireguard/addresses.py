"""Strict parsers for addresses, networks and ports.

The parsers take ASCII only and return canonical text. This text is stored, compared and
written; the text of the request is never passed on. ``ipaddress`` alone would accept
scopes (``fe80::1%eth0``), IPv4-mapped IPv6 (``::ffff:10.0.0.1``) and netmasks, and
``int`` accepts ``5_1820`` and the digits of every script.
"""

import ipaddress
import re
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from semaphore_twisted.model.refusals import Invalid, quoted

_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_SCOPE = re.compile(r"[0-9A-Za-z_.=+-]{1,15}")


class WrongAddress(Invalid):
    """A text is not a valid address, network, port or endpoint."""

    sentence = "This is not an address"


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address in *text*, ``None`` if it is not one that is accepted."""
    if not _ADDRESS.fullmatch(text):
        return None
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return None
    return parsed


def _is_canonical(text: str) -> bool:
    """Whether *text* is an address in its canonical spelling.

    This check is ten times as fast as ``ipaddress`` and recognizes nearly all canonical
    addresses; the caller passes the remaining texts to ``ipaddress``. A device is read
    and written with thousands of addresses.
    """
    family = AF_INET6 if ":" in text else AF_INET
    if family == AF_INET6 and "." in text:
        return False
    try:
        return inet_ntop(family, inet_pton(family, text)) == text
    except (OSError, ValueError):
        return False


def parse_address(text: str) -> str:
    """Return the canonical text of the address in *text*.

    :raises WrongAddress: if *text* is not an address, has a scope or a prefix length,
        or is IPv4-mapped IPv6.
    """
    if _is_canonical(text):
        return text
    parsed = address_of(text)
    if parsed is None:
        raise WrongAddress(
            f"{quoted(text, 60)} is not an address; expected one such as 10.80.0.2 or "
            "fd80::2"
        )
    return str(parsed)


def parse_network(text: str) -> str:
    """Return the canonical text of the network in *text*, such as ``10.20.0.0/16``.

    :raises WrongAddress: if *text* is not a network; for an address within a network,
        the sentence suggests the network.
    """
    before, slash, after = text.partition("/")
    if after == ("128" if ":" in before else "32") and _is_canonical(before):
        return text
    address = address_of(before)
    if address is not None and not slash:
        raise WrongAddress(
            f"{quoted(text, 60)} has no prefix length; for this one address "
            f"write {address}/{address.max_prefixlen}"
        )
    if (
        address is None
        or not _PREFIX.fullmatch(after)
        or int(after) > address.max_prefixlen
    ):
        raise WrongAddress(
            f"{quoted(text, 60)} is not a network; expected one such as 10.20.0.0/16 "
            "or "
            "fd20::/64"
        )
    network = ipaddress.ip_network((address, int(after)), strict=False)
    if network.network_address != address:
        raise WrongAddress(
            f"{quoted(text, 60)} is an address within a network; the network is "
            f"{network}"
        )
    return str(network)


def parse_port(text: str | int) -> int:
    """Return the port in *text*.

    :raises WrongAddress: if it is not a plain number from 1 to 65535.
    """
    shown = str(text)
    if isinstance(text, bool) or not _PORT.fullmatch(shown) or int(shown) > 65535:
        raise WrongAddress(f"{quoted(shown, 60)} is not a port; expected 1 to 65535")
    return int(shown)


def learned(text: str) -> str | None:
    """Return *text* if it is an endpoint that a device learned: an address with a port.

    The address may be link-local, with a scope. Names are not accepted.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host, percent, scope = host[1:-1].partition("%")
        good = ":" in host and (not percent or _SCOPE.fullmatch(scope))
    else:
        good = ":" not in host
    try:
        if not _is_canonical(host):
            ipaddress.ip_address(host)
        parse_port(port)
    except (ValueError, WrongAddress):
        return None
    return text if good and colon and text.isascii() else None


def prefix_of(address: str) -> str:
    """Return the prefix that contains only the canonical *address*."""
    return f"{address}/128" if ":" in address else f"{address}/32"
