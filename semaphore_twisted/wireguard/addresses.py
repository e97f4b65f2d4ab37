"""Strict parsers for addresses, networks, ports and endpoints.

The parsers take ASCII only and return canonical text. This text is stored, compared and
written; the text of the request is never passed on. ``ipaddress`` alone would accept
scopes (``fe80::1%eth0``), IPv4-mapped IPv6 (``::ffff:10.0.0.1``) and netmasks, and
``int`` accepts ``5_1820`` and the digits of every script.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from functools import partial
from itertools import count, filterfalse
from socket import AF_INET, AF_INET6, AddressFamily, inet_ntop, inet_pton

import idna

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted

_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_SCOPE = re.compile(r"[0-9A-Za-z_.=+-]{1,15}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

DEFAULT_PORT = 51820


class WrongAddress(Invalid):
    """A text is not a valid address, network, port or endpoint."""

    sentence = "This is not an address"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
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
    parsed = _address(text)
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
    address = _address(before)
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


def parse_endpoint(text: str, default_port: int = DEFAULT_PORT) -> str:
    """Return the canonical ``HOST:PORT`` of *text*, IPv6 in brackets, names in ASCII.

    *text* is a name or an address, with or without a port.

    :raises WrongAddress: if *text* is anything else, such as a URL, a text with blanks,
        or a host with an invalid port.
    """
    host, port = _split(text)
    number = default_port if port is None else parse_port(port)
    address = _address(host)
    if address is not None:
        if address.is_unspecified or address.is_multicast or address.is_link_local:
            raise WrongAddress(f"Clients cannot reach {address}; give a public address")
        return f"[{address}]:{number}" if address.version == 6 else f"{host}:{number}"
    return f"{_name(host, text)}:{number}"


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


def _split(text: str) -> tuple[str, str | None]:
    """Return the host and the port of an endpoint, ``None`` without a port."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise _wrong_endpoint(text)
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _name(host: str, text: str) -> str:
    """Return *host* in ASCII (IDNA).

    :raises WrongAddress: if it is not a host name; the sentence quotes *text*.
    """
    try:
        name = idna.encode(host, uts46=True).decode("ascii").removesuffix(".")
    except (idna.IDNAError, UnicodeError):
        raise _wrong_endpoint(text) from None
    labels = name.split(".")
    if (
        len(name) > 253
        or not all(_LABEL.fullmatch(label) for label in labels)
        or labels[-1].isdigit()  # an invalid address, such as 10.0.0.256
    ):
        raise _wrong_endpoint(text)
    return name


def _wrong_endpoint(text: str) -> WrongAddress:
    return WrongAddress(
        f"{quoted(text, 60)} is not an endpoint; expected HOST or HOST:PORT, such as "
        "vpn.example.net:51820 or [2001:db8::1]:51820"
    )


def prefix_of(address: str) -> str:
    """Return the prefix that contains only the canonical *address*."""
    return f"{address}/128" if ":" in address else f"{address}/32"


def _numbers(texts: Iterable[str], family: AddressFamily) -> Iterable[int]:
    """Return the addresses of one family as numbers; prefix lengths are ignored."""
    pack = partial(inet_pton, family)
    try:
        return map(int.from_bytes, set(map(pack, texts)))
    except (OSError, ValueError):  # some have prefix lengths or the other family
        bare = (each.partition("/")[0] for each in texts)
        wanted = [each for each in bare if (":" in each) == (family == AF_INET6)]
        try:
            return map(int.from_bytes, set(map(pack, wanted)))
        except (OSError, ValueError):
            raise WrongAddress("One of the addresses in use is invalid") from None


def next_free(
    pool: str, taken: Collection[str], reserved: Collection[str] = ()
) -> str | None:
    """Return the lowest free address of the network *pool*, ``None`` if none is free.

    The first and the last address of the pool are never returned, and neither are the
    addresses in *taken* and *reserved*, independent of their spelling and prefix
    length. The search takes at most as many steps as addresses are taken.
    """
    network = ipaddress.ip_network(parse_network(pool))
    family = AF_INET6 if network.version == 6 else AF_INET
    gone = {*_numbers(taken, family), *_numbers(reserved, family)}
    first = int(network.network_address)
    found = next(filterfalse(gone.__contains__, count(first + 1)))
    if found >= first + network.num_addresses - 1:
        return None
    return str(network.network_address + (found - first))


def pool6(entropy: Callable[[int], bytes]) -> str:
    """Return a random ``/64`` of the unique local IPv6 addresses (RFC 4193)."""
    prefix = b"\xfd" + entropy(7) + bytes(8)
    return f"{ipaddress.IPv6Address(prefix)}/64"


def server_address(pool: str) -> str:
    """Return the server's own address in *pool*: the first usable one.

    :raises WrongAddress: if *pool* has no room for a peer besides the server.
    """
    first = next_free(pool, ())
    if first is None or next_free(pool, (), (first,)) is None:
        raise WrongAddress(f"{quoted(pool)} has no room for a server and a peer")
    return first
