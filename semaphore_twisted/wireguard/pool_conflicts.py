"""Reasons against a pool or a site network, before root accepts it."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from semaphore_twisted.wireguard.machine import (
    WIDEST,
    UsedNetwork,
    network_of,
    overlap,
)
from semaphore_twisted.wireguard.settings import AnyNetwork

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


class PoolConflict(msgspec.Struct, frozen=True):
    """The reason why a pool cannot be used; *forcible* if root may override it."""

    sentence: str
    forcible: bool


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
        if overlap(pool, each.network)
    ]
    host = network_of(endpoint.strip("[]"))
    if host is not None and overlap(pool, host):
        overlaps.append(
            PoolConflict(f"{pool} holds the endpoint {endpoint} itself", forcible=False)
        )
    unique = {each.sentence: each for each in (*found, *overlaps)}
    return tuple(sorted(unique.values(), key=lambda each: each.forcible))


def suggested(present: Sequence[UsedNetwork], length: int) -> str:
    """Return a free private IPv4 network as a proposal; empty if none is free."""
    for second in (*range(80, 256), *range(80)):
        network = ipaddress.ip_network((f"10.{second}.0.0", max(length, 16)))
        if not any(overlap(network, each.network) for each in present):
            return str(network)
    return ""


def no_site(network: AnyNetwork, endpoint: str) -> str:
    """Return the reason why *network* cannot be a site network, empty if it can.

    Clients route site networks into the tunnel. If one contained the *endpoint*, they
    would route the tunnel's own packets into the tunnel.
    """
    if network.prefixlen < WIDEST[network.version]:
        return (
            f"{network} is a part of the whole internet; a prefix length of at least "
            f"{WIDEST[network.version]} is accepted"
        )
    host = network_of(endpoint.strip("[]"))
    if host is not None and overlap(network, host):
        return (
            f"{network} holds the endpoint {endpoint}: clients would send the tunnel's "
            "own packets into the tunnel; name the networks around it"
        )
    for text, what in _IMPOSSIBLE.items():
        if overlap(network, ipaddress.ip_network(text)):
            return f"{network} holds {what} ({text}), which are never forwarded"
    return ""


def _kinds(pool: AnyNetwork) -> Iterator[PoolConflict]:
    for text, what in _IMPOSSIBLE.items():
        if overlap(pool, ipaddress.ip_network(text)):
            yield PoolConflict(f"{pool} holds {what} ({text})", forcible=False)
            return
    if not any(_within(pool, each) for each in _PRIVATE):
        yield PoolConflict(
            f"{pool} is no private network; the hosts that really have these addresses "
            "cannot be reached any more",
            forcible=True,
        )


def _within(network: AnyNetwork, other: AnyNetwork) -> bool:
    return network.prefixlen >= other.prefixlen and overlap(network, other)
