"""The listeners of the DNS server inside the tunnel.

They need the library for DNS, which only servers with a VPN load.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from semaphore_twisted.interfaces import IServerReactor
from semaphore_twisted.model.peers import Network
from semaphore_twisted.vpn.dns.forwarder import DnsForwarder
from semaphore_twisted.vpn.dns.messages import Zone
from semaphore_twisted.vpn.dns.rate_limit import RateLimit
from semaphore_twisted.vpn.dns.server import NameDatagrams, NameServer, NameStreams
from semaphore_twisted.vpn.dns.system_resolvers import ResolvConf
from semaphore_twisted.vpn.dns.transport import NetworkTransport
from semaphore_twisted.vpn.tunnel import TunnelPort, tunnel_ports

#: The configuration of this machine's own resolvers.
RESOLV_CONF = Path("/etc/resolv.conf")

DNS_PORT = 53


def name_ports(
    network: Network, addresses: Sequence[str], domain: str, *, reactor: IServerReactor
) -> list[TunnelPort]:
    """Return the ports of the DNS server for *domain*, by TCP and by UDP."""
    pools = [each for each in (network.pool4, network.pool6) if each]
    resolvers = ResolvConf(RESOLV_CONF, addresses, reactor.seconds)
    names = NameServer.of(
        Zone(domain, tuple(addresses), tuple(pools)),
        pools,
        upstream=DnsForwarder(
            NetworkTransport(reactor), resolvers, reactor, os.urandom
        ),
        limits=RateLimit(reactor.seconds),
    )
    streams = NameStreams(names, clock=reactor)
    datagrams = lambda: NameDatagrams(names)  # noqa: E731 - makes a protocol
    return [
        *tunnel_ports(network.interface, addresses, DNS_PORT, streams),
        *tunnel_ports(network.interface, addresses, DNS_PORT, datagrams),
    ]
