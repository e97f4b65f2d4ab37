"""A program for a server's namespace: a site and a resolver inside the tunnel.

For an input line ``status`` it prints the state of its listeners. Its argument is the
path of a ``resolv.conf``. It runs without privileges, which proves that it needs none.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.stdio import StandardIO
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.protocols.basic import LineOnlyReceiver

from semaphore_twisted.vpn.dns.forwarder import DnsForwarder
from semaphore_twisted.vpn.dns.messages import Zone
from semaphore_twisted.vpn.dns.rate_limit import RateLimit
from semaphore_twisted.vpn.dns.server import NameDatagrams, NameServer, NameStreams
from semaphore_twisted.vpn.dns.system_resolvers import ResolvConf
from semaphore_twisted.vpn.dns.transport import NetworkTransport
from semaphore_twisted.vpn.tunnel import TunnelListeners, tunnel_ports

INTERFACE = "semaphore0"
ADDRESSES = ("10.80.0.1", "fd80::1")
NOBODY = 65534


class Greeting(Protocol):
    """Sends the client's address, then echoes."""

    def connectionMade(self) -> None:
        """Greet."""
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """Echo."""
        assert self.transport is not None
        self.transport.write(data)


class Console(LineOnlyReceiver):
    """Answers the lines of the test."""

    delimiter = b"\n"

    def __init__(self, tunnel: TunnelListeners) -> None:
        """Report the state of *tunnel*."""
        self._tunnel = tunnel

    def lineReceived(self, line: bytes) -> None:
        """Print the state of the listeners."""
        found = [
            [port.address, port.port, port.device, port.listening, port.reason]
            for port in self._tunnel.ports
        ]
        self.sendLine(json.dumps(found).encode())


def run(resolv_conf: str) -> None:
    """Serve until killed."""
    clock: Any = global_reactor
    server = NameServer.of(
        Zone("semaphore.internal", ADDRESSES),
        ["10.80.0.0/16", "fd80::/64"],
        upstream=DnsForwarder(
            NetworkTransport(clock),
            ResolvConf(Path(resolv_conf), ADDRESSES, clock.seconds),
            clock,
            os.urandom,
        ),
        limits=RateLimit(clock.seconds),
    )
    tunnel = TunnelListeners(
        [
            *tunnel_ports(INTERFACE, ADDRESSES, 443, Factory.forProtocol(Greeting)),
            *tunnel_ports(INTERFACE, ADDRESSES, 53, lambda: NameDatagrams(server)),
            *tunnel_ports(INTERFACE, ADDRESSES, 53, NameStreams(server, clock=clock)),
        ],
        reactor=clock,
    )
    globalLogBeginner.beginLoggingTo(
        [textFileLogObserver(sys.stderr)], redirectStandardIO=False
    )
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    tunnel.startService()
    console = Console(tunnel)
    StandardIO(console)
    console.sendLine(b"ready")
    clock.run()


if __name__ == "__main__":
    run(sys.argv[1])
