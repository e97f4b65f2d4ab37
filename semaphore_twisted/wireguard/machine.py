"""Networks of the machine, and the effect that a pool of addresses would have on them.

The module is pure; its input is the output of ``ip -json``. The companion adds a route
to each pool. This route must not replace a route to a network that the machine uses.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from semaphore_twisted.wireguard import routing
from semaphore_twisted.wireguard.settings import AnyAddress, AnyNetwork

#: A route with a shorter prefix is part of a split default route, such as 0.0.0.0/1.
_WIDEST = {4: 8, 6: 7}

#: Ranges that cannot contain the address of a peer.
_IMPOSSIBLE = {
    "0.0.0.0/8": "the addresses of this network itself",
    "127.0.0.0/8": "loopback addresses",
    "169.254.0.0/16": "link-local addresses",
    "224.0.0.0/4": "multicast addresses",
    "240.0.0.0/4": "reserved addresses",
    "::/8": "loopback, mapped and reserved addresses",
    "fe80::/10": "link-local addresses",
    "fec0::/10": "addresses that are no longer used (site-local)",
    "ff00::/8": "multicast addresses",
}

#: Ranges for private networks.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)


class UsedNetwork(msgspec.Struct, frozen=True):
    """A network or address that the machine uses; *what* describes its origin."""

    network: AnyNetwork
    what: str
    #: the machine's own addresses and its routers, which it must not lose
    vital: bool = False


class PoolConflict(msgspec.Struct, frozen=True):
    """The reason why a pool cannot be used; *forcible* if root may override it."""

    sentence: str
    forcible: bool


class _Address(msgspec.Struct):
    local: str = ""
    prefixlen: int = 0


class _Info(msgspec.Struct):
    info_kind: str = ""


class MachineInterface(msgspec.Struct):
    """An interface with its addresses, as ``ip -json -details address`` prints it."""

    ifname: str = ""
    ifindex: int = 0
    altnames: list[str] = []
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
            network = _network(f"{each.local}/{each.prefixlen}")
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
        network = _network(route.dst)
        if network is not None and network.prefixlen >= _WIDEST[network.version]:
            by = route.dev or next((hop.dev for hop in hops if hop.dev), "")
            if not network.is_link_local and not network.is_multicast and by != "lo":
                yield UsedNetwork(
                    network, f"the route to {network} by {by or 'a router'}"
                )
        for hop in hops:
            router = _network(hop.gateway)
            if router is not None and not router.is_link_local:
                yield UsedNetwork(router, f"the router {hop.gateway}", vital=True)


def conflicts(
    pool: AnyNetwork, present: Iterable[UsedNetwork], endpoint: str = ""
) -> tuple[PoolConflict, ...]:
    """Return the reasons why *pool* cannot be used, those that cannot be forced first.

    *endpoint* is the host to which clients send; a name is not checked.
    """
    found = [*_kinds(pool)]
    overlaps = [
        PoolConflict(f"{pool} overlaps {each.what}", not each.vital)
        for each in present
        if _overlap(pool, each.network)
    ]
    host = _network(endpoint.strip("[]"))
    if host is not None and _overlap(pool, host):
        overlaps.append(
            PoolConflict(f"{pool} holds the endpoint {endpoint} itself", forcible=False)
        )
    unique = {each.sentence: each for each in (*found, *overlaps)}
    return tuple(sorted(unique.values(), key=lambda each: each.forcible))


def swallowed(pool: AnyNetwork, present: Sequence[UsedNetwork]) -> UsedNetwork | None:
    """Return a network that the machine would lose by a route to *pool*, if any.

    It is as wide as the pool or wider, and the pool contains an address of the machine
    or of one of its routers. The kernel prefers the route to a narrower network.
    """
    vital = [each for each in present if each.vital and _overlap(pool, each.network)]
    for each in present:
        if (
            not each.vital
            and _overlap(pool, each.network)
            and pool.prefixlen >= each.network.prefixlen
            and vital
        ):
            return each
    return None


def suggested(present: Sequence[UsedNetwork], length: int) -> str:
    """Return a free private IPv4 network as a proposal; empty if none is free."""
    for second in (*range(80, 256), *range(80)):
        network = ipaddress.ip_network((f"10.{second}.0.0", max(length, 16)))
        if not any(_overlap(network, each.network) for each in present):
            return str(network)
    return ""


def no_site(network: AnyNetwork, endpoint: str) -> str:
    """Return the reason why *network* cannot be a site network, empty if it can.

    Clients route site networks into the tunnel. If one contained the *endpoint*, they
    would route the tunnel's own packets into the tunnel.
    """
    if network.prefixlen < _WIDEST[network.version]:
        return (
            f"{network} is a part of the whole internet; a prefix length of at least "
            f"{_WIDEST[network.version]} is accepted"
        )
    host = _network(endpoint.strip("[]"))
    if host is not None and _overlap(network, host):
        return (
            f"{network} holds the endpoint {endpoint}: clients would send the tunnel's "
            "own packets into the tunnel; name the networks around it"
        )
    for text, what in _IMPOSSIBLE.items():
        if _overlap(network, ipaddress.ip_network(text)):
            return f"{network} holds {what} ({text}), which are never forwarded"
    return ""


def _kinds(pool: AnyNetwork) -> Iterator[PoolConflict]:
    for text, what in _IMPOSSIBLE.items():
        if _overlap(pool, ipaddress.ip_network(text)):
            yield PoolConflict(f"{pool} holds {what} ({text})", forcible=False)
            return
    if not any(_within(pool, each) for each in _PRIVATE):
        yield PoolConflict(
            f"{pool} is no private network; the hosts that really have these addresses "
            "cannot be reached any more",
            forcible=True,
        )


def _within(network: AnyNetwork, other: AnyNetwork) -> bool:
    return network.prefixlen >= other.prefixlen and _overlap(network, other)


def _overlap(one: AnyNetwork, other: AnyNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)


def _alone(address: AnyAddress) -> AnyNetwork:
    return ipaddress.ip_network((address, address.max_prefixlen))


def _network(text: object) -> AnyNetwork | None:
    """Return the network in a text of ``ip``, ``None`` for words like ``default``."""
    try:
        return ipaddress.ip_network(str(text).partition("%")[0], strict=False)
    except ValueError:
        return None
