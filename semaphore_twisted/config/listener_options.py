"""Options of listeners and reverse proxies, and their checks."""

import re
from collections.abc import Callable
from ipaddress import ip_interface

from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.model.ip import network

_Wrong = Callable[..., WrongOption]

_LABEL = re.compile(r"[a-z0-9_-]+", re.I | re.A)

_DIGITS = re.compile(r"[0-9]{1,9}")


def interfaces(text: str) -> tuple[str, ...]:
    """Return the entries of the comma-separated *text*; ``""`` is every interface."""
    found = (each.strip() for each in text.split(","))
    return tuple(dict.fromkeys(filter(None, found))) or ("",)


def socket_path(interface: str) -> str | None:
    """Return the path in ``unix:PATH``, or ``None`` for a host."""
    kind, colon, path = interface.partition(":")
    return path if kind == "unix" and colon else None


def redirect_at(address: str, port: int) -> tuple[str | None, int]:
    """Return host and port of the redirecting listener; port 0 disables it.

    *address* is ``HOST``, ``HOST:PORT`` or ``:PORT``. The host is ``None`` if *address*
    has none: the listener then uses the hosts of ``interface``.
    """
    host, colon, number = address.rpartition(":")
    naked = ":" in host and not host.startswith("[")
    if not colon or "]" in number or naked:
        host, number = address, ""  # the colons belong to an IPv6 address
    if number and not _DIGITS.fullmatch(number):
        raise ValueError("the port is not a number")
    return host.strip("[]") or None, int(number) if number else port


def check_proxies(
    trusted: tuple[str, ...], *, protocol: bool, unix: bool, wrong: _Wrong
) -> None:
    """Refuse invalid networks, and networks that trust every address."""
    for each in trusted:
        try:
            prefix = network(each).prefixlen
        except ValueError:
            raise wrong(
                "trusted_proxies", each, "an address or a network such as 10.0.0.0/24"
            ) from None
        if prefix == 0:
            raise wrong(
                "trusted_proxies",
                each,
                "the addresses of the proxies, not every address",
            )
    if protocol and not (trusted or unix):
        raise wrong(
            "proxy_protocol", protocol, "false, or trusted_proxies with the proxies"
        )


def doubts(trusted: tuple[str, ...]) -> list[str]:
    """Return warnings about ``trusted_proxies`` that passed the check."""
    return [
        f"trusted_proxies: {each} is an address within a network; every address of"
        f" {network(each)} is trusted"
        for each in map(str.strip, trusted)
        if ip_interface(each).ip != ip_interface(each).network.network_address
    ]


def check_redirect(address: str, port: int, wrong: _Wrong) -> None:
    """Refuse an address or port that cannot be used for the redirecting listener."""
    path, value = (
        ("tls.http_redirect_addr", address)
        if address
        else ("tls.http_redirect_port", port)
    )
    try:
        _, number = redirect_at(address, port)
    except ValueError:
        raise wrong(path, value, "HOST, HOST:PORT or :PORT") from None
    if number >= 1 << 16:
        raise wrong(path, value, "a port from 0 to 65535")
    if address and not number:
        raise wrong(path, value, "HOST:PORT, or HOST with tls.http_redirect_port")
    if address and port and number != port:
        raise wrong(path, value, f"no port, or {port} as in tls.http_redirect_port")


def check_hosts(hosts: tuple[str, ...], wrong: _Wrong) -> None:
    """Refuse an entry that is not a host name, one with a port for instance."""
    for each in hosts:
        labels = each.removeprefix("*.").removesuffix(".").split(".")
        if each != "*" and not all(map(_LABEL.fullmatch, labels)):
            raise wrong(
                "allowed_hosts",
                each,
                "a name such as ci.example.org, *.example.org or *",
            )
