"""Endpoints as users enter them: a name or an address, with or without a port."""

import re

import idna

from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.wireguard.addresses import WrongAddress, address_of, parse_port

DEFAULT_PORT = 51820

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def parse_endpoint(text: str, default_port: int = DEFAULT_PORT) -> str:
    """Return the canonical ``HOST:PORT`` of *text*, IPv6 in brackets, names in ASCII.

    *text* is a name or an address, with or without a port.

    :raises WrongAddress: if *text* is anything else, such as a URL, a text with blanks,
        or a host with an invalid port.
    """
    host, port = _split(text)
    number = default_port if port is None else parse_port(port)
    address = address_of(host)
    if address is not None:
        if address.is_unspecified or address.is_multicast or address.is_link_local:
            raise WrongAddress(f"Clients cannot reach {address}; give a public address")
        return f"[{address}]:{number}" if address.version == 6 else f"{host}:{number}"
    return f"{_name(host, text)}:{number}"


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
