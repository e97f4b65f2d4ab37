"""The companion's own file, which root writes and which bounds every request.

``vpn init`` writes it as JSON, mode 0600; the server's private key (base64, one line)
is in a file beside it. A request that exceeds these settings is refused.
"""

import ipaddress
import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from semaphore_twisted.model.refusals import invalid

#: Names that ``wg-quick`` and Android accept; the kernel limits them to 15 bytes.
INTERFACE = re.compile(r"[a-zA-Z0-9_=+.-]{1,15}")

DEFAULT_INTERFACE = "semaphore0"

_NOT_IN_TABLE_NAMES = re.compile(r"[^A-Za-z0-9]")

_NO_INTERFACES = {".", "..", "all", "default", "lo"}

#: The file names of the settings and of the private key beside them.
FILE, KEY = "companion.json", "private.key"

Port = Annotated[int, Meta(ge=1, le=65535)]

AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
AnyAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class SiteRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network behind the server; *nat* hides peers behind the server's address."""

    network: str
    nat: bool = True


class TunnelSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The limits that root sets.

    *addresses* are the server's own in the tunnel, each with its pool's prefix length
    (``10.80.0.1/16``). *users* are the ids of the users that may connect to the
    companion, besides root. *tcp_ports* and *udp_ports* of the server are open to
    peers; *site_port* is the one of them on which the site listens, 0 if unknown.
    """

    interface: str = DEFAULT_INTERFACE
    port: Port = 51820
    mtu: Annotated[int, Meta(ge=1280, le=9000)] = 1420
    addresses: tuple[str, ...]
    sites: tuple[SiteRule, ...] = ()
    tcp_ports: tuple[Port, ...] = (443,)
    site_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    udp_ports: tuple[Port, ...] = (53,)
    users: tuple[Annotated[int, Meta(ge=0)], ...] = ()
    backend: Literal["auto", "kernel", "userspace"] = "auto"

    @property
    def own(self) -> tuple[AnyAddress, ...]:
        """The server's addresses in the tunnel."""
        return tuple(ipaddress.ip_interface(each).ip for each in self.addresses)

    @property
    def pools(self) -> tuple[AnyNetwork, ...]:
        """The networks from which peers get their addresses."""
        return tuple(ipaddress.ip_interface(each).network for each in self.addresses)

    @property
    def networks(self) -> tuple[AnyNetwork, ...]:
        """The site networks."""
        return tuple(ipaddress.ip_network(each.network) for each in self.sites)

    @property
    def table(self) -> str:
        """The name of our nft table, whose family is ``inet``."""
        if self.interface == DEFAULT_INTERFACE:
            return "semaphore_vpn"
        return "semaphore_vpn_" + _NOT_IN_TABLE_NAMES.sub("_", self.interface)


class WrongSettings(Exception):
    """The settings are invalid; the sentence names the option, found and wanted."""


def load(content: bytes) -> TunnelSettings:
    """Return the checked settings in *content*.

    :raises WrongSettings: if they are invalid.
    """
    try:
        settings = msgspec.json.decode(content, type=TunnelSettings)
    except msgspec.DecodeError as error:
        raise WrongSettings(f"invalid content; {error}") from None
    check(settings)
    return settings


def dump(settings: TunnelSettings) -> bytes:
    """Return the content of the file for *settings*."""
    return msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"


def check(found: TunnelSettings) -> None:
    """Check the values that the types of the fields do not check.

    :raises WrongSettings: with the option, the value found and the values accepted.
    """
    name = found.interface
    # a leading "-" would be read as an option; the listed names have a meaning in Linux
    if not INTERFACE.fullmatch(name) or name.startswith("-") or name in _NO_INTERFACES:
        raise WrongSettings(
            invalid("interface", name, "a name of up to 15 letters, digits and _=+.-")
        )
    families = set()
    for text in found.addresses:
        address = _interface(text)
        network = address.network
        if address.version in families:
            raise WrongSettings(
                "addresses: two of the same family; expected at most one of each"
            )
        families.add(address.version)
        if network.prefixlen > (30 if address.version == 4 else 120):
            raise WrongSettings(f"addresses: {text} leaves no room for peers")
        if network.prefixlen < (8 if address.version == 4 else 48):
            raise WrongSettings(f"addresses: {text} is wider than /8 or /48")
        if address.ip == network.network_address or (
            address.version == 4 and address.ip == network.broadcast_address
        ):
            raise WrongSettings(f"addresses: {text} is not an address of a host")
    if 4 not in families:
        raise WrongSettings("addresses: no IPv4 address; expected one with its pool")
    networks = [_site(each.network) for each in found.sites]
    for network in networks:
        if networks.count(network) > 1:
            raise WrongSettings(f"sites: {network} is given twice")
        for pool in found.pools:
            if network.version == pool.version and network.overlaps(pool):
                raise WrongSettings(f"sites: {network} overlaps the pool {pool}")


def _interface(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    try:
        parsed = ipaddress.ip_interface(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text or "%" in text or "/" not in text:
        raise WrongSettings(invalid("addresses", text, "such as 10.80.0.1/16"))
    return parsed


def _site(text: str) -> AnyNetwork:
    try:
        parsed = ipaddress.ip_network(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text:
        raise WrongSettings(invalid("sites", text, "a network such as 10.20.0.0/16"))
    if parsed.prefixlen == 0:
        raise WrongSettings(
            invalid("sites", text, "a network other than the whole internet")
        )
    return parsed
