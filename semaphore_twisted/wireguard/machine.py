"""The networks that the machine uses, from the output of ``ip -json``.

The companion adds a route to each pool. This route must not replace a route to a
network that the machine uses.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from semaphore_twisted.wireguard import routing
from semaphore_twisted.wireguard.settings import AnyAddress, AnyNetwork

#: A route with a shorter prefix is part of a split default route, such as 0.0.0.0/1.
WIDEST = {4: 8, 6: 7}


class UsedNetwork(msgspec.Struct, frozen=True):
    """A network or address that the machine uses; *what* describes its origin."""

    network: AnyNetwork
    what: str
    #: the machine's own addresses and its routers, which it must not lose
    vital: bool = False


class _Address(msgspec.Struct):
    local: str = ""
    prefixlen: int = 0
    scope: str = ""


class _Info(msgspec.Struct):
    info_kind: str = ""


class MachineInterface(msgspec.Struct):
    """An interface with its addresses, as ``ip -json -details address`` prints it."""

    ifname: str = ""
    ifindex: int = 0
    altnames: list[str] = []
    flags: list[str] = []
    mtu: int = 0
    addr_info: list[_Address] = []
    linkinfo: _Info = msgspec.field(default_factory=_Info)

    @property
    def kind(self) -> str:
        """The type, such as ``bridge`` or ``tun``; empty for a physical interface."""
        return self.linkinfo.info_kind


class _Hop(msgspec.Struct):
    gateway: str = ""
    dev: str = ""


class MachineRoute(msgspec.Struct):
    """A route, as ``ip -json route show table all`` prints it."""

    dst: str = ""
    dev: str = ""
    gateway: str = ""
    type: str = "unicast"
    protocol: str | int = ""
    table: str | int = "main"
    metric: int = 0
    nexthops: list[_Hop] = []


def used_networks(
    links: Iterable[MachineInterface], routes: Iterable[MachineRoute], *, without: str
) -> Iterator[UsedNetwork]:
    """Yield the networks in use, without our routes and the interface *without*."""
    for link in links:
        if link.ifname in {without, "lo"}:
            continue
        for each in link.addr_info:
            network = network_of(f"{each.local}/{each.prefixlen}")
            if network is not None and not network.is_link_local:
                name = f"{each.local}/{each.prefixlen} of {link.ifname}"
                yield UsedNetwork(network, f"the network {name}")
                own = ipaddress.ip_address(each.local)
                yield UsedNetwork(
                    _alone(own), f"the machine's address {name}", vital=True
                )
    for route in routes:
        if route.type != "unicast" or routing.is_ours({"protocol": route.protocol}):
            continue
        hops = [_Hop(route.gateway, route.dev), *route.nexthops]
        if any(hop.dev == without for hop in hops):
            continue
        network = network_of(route.dst)
        if network is not None and network.prefixlen >= WIDEST[network.version]:
            by = route.dev or next((hop.dev for hop in hops if hop.dev), "")
            if not network.is_link_local and not network.is_multicast and by != "lo":
                yield UsedNetwork(
                    network, f"the route to {network} by {by or 'a router'}"
                )
        for hop in hops:
            router = network_of(hop.gateway)
            if router is not None and not router.is_link_local:
                yield UsedNetwork(router, f"the router {hop.gateway}", vital=True)


def swallowed(pool: AnyNetwork, present: Sequence[UsedNetwork]) -> UsedNetwork | None:
    """Return a network that the machine would lose by a route to *pool*, if any.

    It is as wide as the pool or wider, and the pool contains an address of the machine
    or of one of its routers. The kernel prefers the route to a narrower network.
    """
    vital = [each for each in present if each.vital and overlap(pool, each.network)]
    for each in present:
        if (
            not each.vital
            and overlap(pool, each.network)
            and pool.prefixlen >= each.network.prefixlen
            and vital
        ):
            return each
    return None


def overlap(one: AnyNetwork, other: AnyNetwork) -> bool:
    """Whether two networks of any family have an address in common."""
    return one.version == other.version and one.overlaps(other)


def _alone(address: AnyAddress) -> AnyNetwork:
    return ipaddress.ip_network((address, address.max_prefixlen))


def network_of(text: object) -> AnyNetwork | None:
    """Return the network in a text of ``ip``, ``None`` for words like ``default``."""
    try:
        return ipaddress.ip_network(str(text).partition("%")[0], strict=False)
    except ValueError:
        return None
