"""The options of listeners and of proxies in front, and what is wrong with them."""

import re
from collections.abc import Callable
from ipaddress import ip_interface

from semaphore_twisted.config_values import WrongOption
from semaphore_twisted.model.ip import network

_Wrong = Callable[..., WrongOption]

_LABEL = re.compile(r"[a-z0-9_-]+", re.I | re.A)

_DIGITS = re.compile(r"[0-9]{1,9}")


def interfaces(text: str) -> tuple[str, ...]:
    """Return the interfaces in *text*, a list with commas; every one is ``""``."""
    found = (each.strip() for each in text.split(","))
    return tuple(dict.fromkeys(filter(None, found))) or ("",)


def socket_path(interface: str) -> str | None:
    """Return the path that ``unix:PATH`` names, or ``None`` for a host."""
    kind, colon, path = interface.partition(":")
    return path if kind == "unix" and colon else None


def redirect_at(address: str, port: int) -> tuple[str | None, int]:
    """Return host and port of the listener that redirects; port 0 for none.

    *address* is ``HOST``, ``HOST:PORT`` or ``:PORT``; the host is ``None`` where it
    is that of ``interface``.
    """
    host, colon, number = address.rpartition(":")
    naked = ":" in host and not host.startswith("[")
    if not colon or "]" in number or naked:
        host, number = address, ""  # an address of IPv6 has colons of its own
    if number and not _DIGITS.fullmatch(number):
        raise ValueError("a port is wanted")
    return host.strip("[]") or None, int(number) if number else port


def check_proxies(
    trusted: tuple[str, ...], *, protocol: bool, unix: bool, wrong: _Wrong
) -> None:
    """Refuse proxies that are none, or that are everybody."""
    for each in trusted:
        try:
            prefix = network(each).prefixlen
        except ValueError:
            raise wrong(
                "trusted_proxies", each, "an address or a network such as 10.0.0.0/24"
            ) from None
        if prefix == 0:
            raise wrong("trusted_proxies", each, "the proxies' addresses, not all,")
    if protocol and not (trusted or unix):
        raise wrong(
            "proxy_protocol", protocol, "false, or the proxies in trusted_proxies,"
        )


def doubts(trusted: tuple[str, ...]) -> list[str]:
    """Return what is odd about ``trusted_proxies`` that were checked."""
    return [
        f"trusted_proxies: {each} found: all of {network(each)} is believed"
        for each in map(str.strip, trusted)
        if ip_interface(each).ip != ip_interface(each).network.network_address
    ]


def check_redirect(address: str, port: int, wrong: _Wrong) -> None:
    """Refuse a listener for redirects that cannot be."""
    path, found = (
        ("tls.http_redirect_addr", address)
        if address
        else ("tls.http_redirect_port", port)
    )
    try:
        _, number = redirect_at(address, port)
    except ValueError:
        raise wrong(path, found, "HOST, HOST:PORT or :PORT") from None
    if number >= 1 << 16:
        raise wrong(path, found, "a port up to 65535")
    if address and not number:
        raise wrong(path, found, "HOST:PORT, or tls.http_redirect_port too,")
    if address and port and number != port:
        raise wrong(path, found, f"the port of tls.http_redirect_port, {port}, or none")


def check_hosts(hosts: tuple[str, ...], wrong: _Wrong) -> None:
    """Refuse a name of the site with anything else in it, a port for instance."""
    for each in hosts:
        labels = each.removeprefix("*.").removesuffix(".").split(".")
        if each != "*" and not all(map(_LABEL.fullmatch, labels)):
            raise wrong(
                "allowed_hosts",
                each,
                "a name such as ci.example.org, *.example.org or *",
            )
