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
from semaphore_twisted.wireguard.settings import AnyAddress, AnyNetwork, TunnelSettings
from semaphore_twisted.wireguard.state import Grant

#: Elements per statement. Some versions of ``nft`` fail at about 3,300 elements.
BATCH = 1000

#: Link-local addresses and the metadata services of clouds, which serve credentials.
METADATA = {
    4: ("100.100.100.200", "168.63.129.16", "169.254.0.0/16"),
    6: ("fd00:ec2::254", "fd20:ce::254", "fe80::/10"),
}

_SYN = "tcp flags & (syn | rst) == syn tcp option maxseg size set"

#: Clears the mark of a packet first, so that only these chains can set it.
_FORBID = f"meta mark set meta mark & {0xFFFFFFFF ^ routing.MARK:#010x}"
_PERMIT = f"meta mark set meta mark | {routing.MARK:#010x}"

_FILTER = "type filter hook {} priority filter; policy accept;"


def removal(settings: TunnelSettings) -> str:
    """Return the ``nft`` text that deletes our table, if it exists."""
    name = settings.table
    return f"add table inet {name}\ndelete table inet {name}\n"


def ruleset(
    settings: TunnelSettings, grants: Iterable[Grant], *, closed: Collection[int] = ()
) -> str:
    """Return the text that replaces our table by the one for *settings* and *grants*.

    For the families in *closed* (4, 6), only packets from or to the tunnel are
    forwarded. The text does not depend on the order of *grants*. *settings* and
    *grants* are checked already.

    :raises KeyError: if a grant names a network that is not a site network.
    :raises ValueError: if a grant's address is not one.
    """
    families = [_Family(settings, version, grants) for version in (4, 6)]
    granted = [each for each in families if each.pairs]
    lines = [f"table inet {settings.table} {{"]
    for each in granted:
        lines += [
            f"\tset {each.set} {{",
            f"\t\ttype {each.type} . {each.type}",
            "\t\tflags interval",
            "\t}",
        ]
    for name, rules in _chains(settings, families, granted, closed):
        lines += [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in rules), "\t}"]
    lines.append("}")
    for each in granted:
        lines += each.elements(settings.table)
    return removal(settings) + "\n".join(lines) + "\n"


class _Family:
    """The nftables keywords, addresses and grants of one address family."""

    def __init__(
        self, settings: TunnelSettings, version: int, grants: Iterable[Grant]
    ) -> None:
        self.version = version
        self.ip, self.icmp = {4: ("ip", "icmp"), 6: ("ip6", "icmpv6")}[version]
        self.type, self.set = f"ipv{version}_addr", f"granted{version}"
        self.metadata = _braces(METADATA[version])
        self.segment = settings.mtu - {4: 40, 6: 60}[version]
        self.own = _braces(each for each in settings.own if each.version == version)
        self.pools = _braces(x for x in settings.pools if x.version == version)
        networks = dict(zip(settings.networks, settings.sites, strict=True))
        self.nat = {x: site.nat for x, site in networks.items() if x.version == version}
        sites = {str(each): each for each in self.nat}
        granted: dict[AnyAddress, set[AnyNetwork]] = {}
        for grant in grants:
            if grant.family == version:
                address = ipaddress.ip_address(grant.address)
                granted.setdefault(address, set()).add(sites[grant.network])
        #: without networks within another one of the same peer: a set of intervals
        #: refuses overlapping elements
        self.pairs = [
            f"{address} . {network}"
            for address in sorted(granted, key=int)
            for network in sorted(granted[address], key=_order)
            if not any(_within(network, each) for each in granted[address])
        ]
        self.granted = {each for several in granted.values() for each in several}
        self.from_peer = f"{self.ip} saddr . {self.ip} daddr @{self.set}"
        self.to_peer = (
            "ct state established ct direction reply "
            f"{self.ip} daddr . {self.ip} saddr @{self.set}"
        )
        self.related = f"ct state related meta l4proto {self.icmp}"

    def elements(self, table: str) -> Iterator[str]:
        """Yield the statements that add the grants to the set, in batches."""
        for start in range(0, len(self.pairs), BATCH):
            batch = ", ".join(self.pairs[start : start + BATCH])
            yield f"add element inet {table} {self.set} {{ {batch} }}"

    def masqueraded(self, tunnel: str) -> list[str]:
        """Return the masquerading rules; narrower networks are matched first."""
        reachable = [
            site
            for site in self.nat
            if site in self.granted or any(_within(site, each) for each in self.granted)
        ]
        if not any(self.nat[site] for site in reachable):
            return []
        return [
            f"oifname != {tunnel} {self.ip} daddr {site} {self.from_peer} "
            f"{'masquerade' if self.nat[site] else 'return'}"
            for site in sorted(reachable, key=lambda x: (-x.prefixlen, _order(x)))
        ]


def _order(network: AnyNetwork) -> tuple[int, int]:
    return int(network.network_address), network.prefixlen


def _within(network: AnyNetwork, other: AnyNetwork) -> bool:
    """Whether *network* is a proper subnet of *other*; both have the same family."""
    return network.prefixlen > other.prefixlen and network.overlaps(other)


def _braces(values: Iterable[object]) -> str:
    """Return an anonymous set, empty without *values*."""
    listed = ", ".join(map(str, values))
    return f"{{ {listed} }}" if listed else ""


def _chains(
    settings: TunnelSettings,
    families: Sequence[_Family],
    granted: Sequence[_Family],
    closed: Collection[int],
) -> Iterator[tuple[str, list[str]]]:
    """Yield name and rules of each chain; *granted* are families with grants."""
    tunnel = f'"{settings.interface}"'
    yield (
        "input",
        [
            _FILTER.format("input"),
            *(
                f'iifname != {{ "lo", {tunnel} }} {each.ip} daddr {each.own} drop'
                for each in families
                if each.own
            ),
            f"iifname {tunnel} jump served",
        ],
    )
    yield "served", [*_served(settings, families), "drop"]
    yield (
        "forward",
        [
            _FILTER.format("forward"),
            f"iifname {tunnel} jump from_peers",
            f"oifname {tunnel} jump to_peers",
            *(f"meta nfproto ipv{each} drop" for each in sorted(closed)),
        ],
    )
    yield (
        "prerouting",
        [
            # after address translation, before routing
            "type filter hook prerouting priority dstnat + 10; policy accept;",
            f"iifname {tunnel} jump marked_from_peers",
            *(
                f"iifname != {tunnel} {each.ip} daddr {each.pools} jump marked_to_peers"
                for each in families
                if each.pools
            ),
        ],
    )
    yield (
        "marked_from_peers",
        [
            _FORBID,
            *(f"{each.ip} daddr {each.metadata} return" for each in families),
            *(f"{each.from_peer} {_PERMIT}" for each in granted),
        ],
    )
    yield "marked_to_peers", [_FORBID, *_replies(granted, _PERMIT)]
    yield (
        "from_peers",
        [
            f"oifname {tunnel} drop",
            *(f"{each.ip} daddr {each.metadata} drop" for each in families),
            f"{_SYN} rt mtu",
            *(
                f"{each.from_peer} {verdict}"
                for each in granted
                for verdict in (f"{_SYN} {each.segment:d}", "accept")
            ),
            "drop",
        ],
    )
    yield "to_peers", [f"{_SYN} rt mtu", *_replies(granted, "accept"), "drop"]
    masqueraded = [rule for each in granted for rule in each.masqueraded(tunnel)]
    if masqueraded:
        hook = "type nat hook postrouting priority srcnat; policy accept;"
        yield "postrouting", [hook, *masqueraded]


def _served(settings: TunnelSettings, families: Sequence[_Family]) -> Iterator[str]:
    """Yield the rules for packets that the server itself accepts from peers."""
    yield "ct state established,related accept"
    for each in families:
        if each.own:
            own = f"{each.ip} daddr {each.own}"
            yield f"{own} {each.icmp} type echo-request accept"
            for protocol in ("tcp", "udp"):
                ports = settings.tcp_ports if protocol == "tcp" else settings.udp_ports
                if ports:
                    numbers = _braces(sorted(set(ports)))
                    yield f"{own} {protocol} dport {numbers} accept"


def _replies(granted: Sequence[_Family], verdict: str) -> Iterator[str]:
    """Yield rules for replies to peers, and for ICMP errors such as "too big"."""
    for each in granted:
        yield f"{each.to_peer} {verdict}"
        yield f"{each.related} {verdict}"
