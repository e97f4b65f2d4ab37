"""Build the nftables rules of the tunnel, as input for ``nft -f -``.

All rules are in one table of our own, which each load replaces atomically: rules do not
accumulate, and no packet passes a partly loaded table. The text consists of fixed
words, canonical addresses, networks and numbers, and the name of the interface.

* The server's own tunnel addresses accept packets from the tunnel and from the server
  itself (``lo``) only: Linux answers for any address on any interface.
* From the tunnel, the server answers ICMP echo, its published ports, and replies to
  connections that it opened itself; nothing else, and nothing on its other addresses.
* Through the server, a peer reaches the networks that it was granted. It reaches
  neither other peers nor the metadata addresses of cloud providers. Each packet from a
  peer is checked, so a withdrawn grant ends at once. Hosts behind the server cannot
  open connections to a peer.
* A packet that may be forwarded is marked before it is routed. The kernel's policy
  rules (:mod:`semaphore_twisted.wireguard.routing`) discard unmarked packets, also
  after another program has deleted this table.
* Where forwarding was off until a grant needed it, only traffic of the tunnel is
  forwarded: a server that gives one peer access to a network does not become a router
  for other hosts.

An ``accept`` in this table does not override a ``drop`` of another table.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence

from semaphore_twisted.wireguard import routing
from semaphore_twisted.wireguard.settings import (
    AnyAddress,
    AnyNetwork,
    TunnelSettings,
    check,
)
from semaphore_twisted.wireguard.state import Grant

#: Elements per statement. Some versions of ``nft`` fail at about 3,300 elements.
BATCH = 1000

#: Link-local addresses and the metadata services of clouds, which serve credentials.
METADATA = {
    4: ("100.100.100.200", "168.63.129.16", "169.254.0.0/16"),
    6: ("fd00:ec2::254", "fd20:ce::254", "fe80::/10"),
}

_SYN = "tcp flags & (syn | rst) == syn tcp option maxseg size set"


class WrongGrant(Exception):
    """A grant exceeds what the settings allow; the sentence names the grant."""


def removal(settings: TunnelSettings) -> str:
    """Return the ``nft`` text that deletes our table, if it exists."""
    name = settings.table
    return f"add table inet {name}\ndelete table inet {name}\n"


def ruleset(
    settings: TunnelSettings, grants: Sequence[Grant], *, closed: Collection[int] = ()
) -> str:
    """Return the text that replaces our table by the one for *settings* and *grants*.

    For the families in *closed* (4, 6), only packets from or to the tunnel are
    forwarded. The text does not depend on the order of *grants*.

    :raises WrongGrant: if a grant names a network that is not a site network, or an
        address outside the pools.
    :raises semaphore_twisted.wireguard.settings.WrongSettings: if *settings* are
        invalid.
    """
    check(settings)
    families = [_Family(settings, version) for version in (4, 6)]
    pairs = _pairs(settings, grants)
    for family in families:
        family.take(pairs)
    name = settings.table
    lines = [f"table inet {name} {{"]
    for family in families:
        lines += family.declared_set()
    lines += _chains(f'"{settings.interface}"', settings, families, closed)
    lines.append("}")
    for family in families:
        lines += family.elements(name)
    return removal(settings) + "\n".join(lines) + "\n"


_Pair = tuple[AnyAddress, AnyNetwork]


def _order(pair: _Pair) -> tuple[int, int, int, int]:
    address, network = pair
    return (
        address.version,
        int(address),
        int(network.network_address),
        network.prefixlen,
    )


def _pairs(settings: TunnelSettings, grants: Iterable[Grant]) -> list[_Pair]:
    """Return the grants as pairs of address and network, sorted and without duplicates.

    :raises WrongGrant: if the settings do not allow one.
    """
    own, pools = set(settings.own), settings.pools
    sites = {str(each): each for each in settings.networks}
    found = set()
    for grant in grants:
        network = sites.get(grant.network)
        if network is None:
            raise WrongGrant(
                "A grant is for a network that is not one of the server's sites"
            )
        try:
            address = ipaddress.ip_address(grant.address)
        except ValueError:
            raise WrongGrant("A grant has an invalid address") from None
        if (
            address.version != network.version
            or str(address) != grant.address
            or address in own
            or not any(address in pool for pool in pools)
        ):
            raise WrongGrant(f"A grant is for {address}, which is no peer's address")
        found.add((address, network))
    return sorted(found, key=_order)


class _Family:
    """The nftables keywords, addresses and grants of one address family."""

    def __init__(self, settings: TunnelSettings, version: int) -> None:
        self.version = version
        self.ip = {4: "ip", 6: "ip6"}[version]
        self.icmp = {4: "icmp", 6: "icmpv6"}[version]
        self.type = {4: "ipv4_addr", 6: "ipv6_addr"}[version]
        self.set = f"granted{version}"
        self.metadata = _braces(METADATA[version])
        self.segment = settings.mtu - {4: 40, 6: 60}[version]
        self.own = [str(each) for each in settings.own if each.version == version]
        self.pools = [str(each) for each in settings.pools if each.version == version]
        self.nat = {
            network: site.nat
            for network, site in zip(settings.networks, settings.sites, strict=True)
            if network.version == version
        }
        self.pairs: list[_Pair] = []
        self.granted: set[AnyNetwork] = set()

    def take(self, pairs: Iterable[_Pair]) -> None:
        """Keep the grants of this family that no wider grant of the same peer contains.

        An nftables set of intervals refuses overlapping elements.
        """
        networks: dict[AnyAddress, list[AnyNetwork]] = {}
        for address, network in pairs:
            if address.version == self.version:
                networks.setdefault(address, []).append(network)
        self.pairs = [
            (address, network)
            for address, several in networks.items()
            for network in several
            if len(several) == 1 or not any(_within(network, each) for each in several)
        ]
        self.granted = {each for several in networks.values() for each in several}

    def declared_set(self) -> Iterator[str]:
        """Yield the lines that declare the set of grants, none without grants."""
        if self.pairs:
            yield f"\tset {self.set} {{"
            yield f"\t\ttype {self.type} . {self.type}"
            yield "\t\tflags interval"
            yield "\t}"

    def elements(self, table: str) -> Iterator[str]:
        """Yield the statements that add the grants to the set, in batches."""
        for start in range(0, len(self.pairs), BATCH):
            batch = ", ".join(
                f"{address} . {network}"
                for address, network in self.pairs[start : start + BATCH]
            )
            yield f"add element inet {table} {self.set} {{ {batch} }}"

    def hidden(self, tunnel: str) -> list[str]:
        """Return the masquerading rules; narrower networks are matched first."""
        reachable = [
            site
            for site in self.nat
            if site in self.granted or any(_within(site, each) for each in self.granted)
        ]
        if not any(self.nat[site] for site in reachable):
            return []
        return [
            f"oifname != {tunnel} {self.ip} daddr {site} "
            f"{self.ip} saddr . {self.ip} daddr @{self.set} "
            f"{'masquerade' if self.nat[site] else 'return'}"
            for site in sorted(reachable, key=_narrow_first)
        ]


def _narrow_first(network: AnyNetwork) -> tuple[int, int]:
    return -network.prefixlen, int(network.network_address)


def _within(network: AnyNetwork, other: AnyNetwork) -> bool:
    """Whether *network* is a proper subnet of *other*; both have the same family."""
    return network.prefixlen > other.prefixlen and network.overlaps(other)


def _braces(values: Iterable[object]) -> str:
    return "{ " + ", ".join(map(str, values)) + " }"


def _chains(
    tunnel: str,
    settings: TunnelSettings,
    families: Sequence[_Family],
    closed: Collection[int],
) -> Iterator[str]:
    """Yield the lines of every chain."""
    filtering = "type filter hook {} priority filter; policy accept;"
    yield from _chain(
        "input",
        filtering.format("input"),
        *(
            f'iifname != {{ "lo", {tunnel} }} {each.ip} daddr {_braces(each.own)} drop'
            for each in families
            if each.own
        ),
        f"iifname {tunnel} jump served",
    )
    yield from _chain("served", *_served(settings, families), "drop")
    yield from _chain(
        "forward",
        filtering.format("forward"),
        f"iifname {tunnel} jump from_peers",
        f"oifname {tunnel} jump to_peers",
        *(
            f"meta nfproto ipv{each.version} drop"
            for each in families
            if each.version in closed
        ),
    )
    yield from _chain(
        "prerouting",
        # after address translation, before routing
        "type filter hook prerouting priority dstnat + 10; policy accept;",
        f"iifname {tunnel} jump marked_from_peers",
        *(
            f"iifname != {tunnel} {each.ip} daddr {_braces(each.pools)} "
            "jump marked_to_peers"
            for each in families
            if each.pools
        ),
    )
    yield from _chain("marked_from_peers", *_marked_from_peers(families))
    yield from _chain("marked_to_peers", *_marked_to_peers(families))
    yield from _chain("from_peers", *_from_peers(tunnel, families), "drop")
    yield from _chain("to_peers", *_to_peers(families), "drop")
    hidden = [rule for each in families for rule in each.hidden(tunnel)]
    if hidden:
        yield from _chain(
            "postrouting",
            "type nat hook postrouting priority srcnat; policy accept;",
            *hidden,
        )


def _chain(name: str, *rules: str) -> Iterator[str]:
    yield f"\tchain {name} {{"
    for rule in rules:
        yield f"\t\t{rule}"
    yield "\t}"


def _served(settings: TunnelSettings, families: Sequence[_Family]) -> Iterator[str]:
    """Yield the rules for packets that the server itself accepts from peers."""
    yield "ct state established,related accept"
    for each in families:
        if not each.own:
            continue
        own = f"{each.ip} daddr {_braces(each.own)}"
        yield f"{own} {each.icmp} type echo-request accept"
        for protocol, ports in (
            ("tcp", settings.tcp_ports),
            ("udp", settings.udp_ports),
        ):
            if ports:
                numbers = _braces(f"{port:d}" for port in sorted(set(ports)))
                yield f"{own} {protocol} dport {numbers} accept"


#: Clears the mark of a packet first, so that only these chains can set it.
_FORBID = f"meta mark set meta mark & {0xFFFFFFFF ^ routing.MARK:#010x}"
_PERMIT = f"meta mark set meta mark | {routing.MARK:#010x}"


def _marked_from_peers(families: Sequence[_Family]) -> Iterator[str]:
    """Yield the rules that mark the packets that :func:`_from_peers` accepts."""
    yield _FORBID
    for each in families:
        yield f"{each.ip} daddr {each.metadata} return"
    for each in families:
        if each.pairs:
            yield f"{each.ip} saddr . {each.ip} daddr @{each.set} {_PERMIT}"


def _marked_to_peers(families: Sequence[_Family]) -> Iterator[str]:
    """Yield the rules that mark the packets that :func:`_to_peers` accepts."""
    yield _FORBID
    for each in families:
        if each.pairs:
            yield (
                f"ct state established ct direction reply "
                f"{each.ip} daddr . {each.ip} saddr @{each.set} {_PERMIT}"
            )
            yield f"ct state related meta l4proto {each.icmp} {_PERMIT}"


def _from_peers(tunnel: str, families: Sequence[_Family]) -> Iterator[str]:
    """Yield the rules for packets forwarded from peers: each needs a grant."""
    yield f"oifname {tunnel} drop"
    for each in families:
        yield f"{each.ip} daddr {each.metadata} drop"
    yield f"{_SYN} rt mtu"
    for each in families:
        if each.pairs:
            pair = f"{each.ip} saddr . {each.ip} daddr @{each.set}"
            yield f"{pair} {_SYN} {each.segment:d}"
            yield f"{pair} accept"


def _to_peers(families: Sequence[_Family]) -> Iterator[str]:
    """Yield the rules for packets forwarded to peers: replies from granted networks.

    Related ICMP errors are accepted too, such as "packet too big" and "unreachable".
    """
    yield f"{_SYN} rt mtu"
    for each in families:
        if each.pairs:
            yield (
                f"ct state established ct direction reply "
                f"{each.ip} daddr . {each.ip} saddr @{each.set} accept"
            )
            yield f"ct state related meta l4proto {each.icmp} accept"
