"""The networks of a machine, and pools that would take one from it."""

import ipaddress

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import machine, pool_conflicts
from semaphore_twisted.wireguard.machine import (
    MachineInterface,
    MachineRoute,
    UsedNetwork,
)

LINKS = msgspec.convert(
    [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
        {
            "ifname": "eth0",
            "addr_info": [
                {"local": "10.0.3.4", "prefixlen": 8},
                {"local": "fe80::1", "prefixlen": 64},
                {"local": "2001:db8::4", "prefixlen": 64},
            ],
        },
        {
            "ifname": "semaphore0",
            "addr_info": [{"local": "10.80.0.1", "prefixlen": 16}],
        },
    ],
    list[MachineInterface],
)


def routes(*found: dict[str, object]) -> list[MachineRoute]:
    """Return routes as they are printed."""
    return msgspec.convert(list(found), list[MachineRoute])


def used_networks(*found: dict[str, object]) -> list[UsedNetwork]:
    """Return what a machine with these routes has."""
    return [*machine.used_networks(LINKS, routes(*found), without="semaphore0")]


class HeldTests(SynchronousTestCase):
    """The networks that the machine uses."""

    def test_addresses(self) -> None:
        """Addresses and their networks count, those of the tunnel do not."""
        self.assertEqual(
            {(str(each.network), each.vital) for each in used_networks()},
            {
                ("10.0.0.0/8", False),
                ("10.0.3.4/32", True),
                ("2001:db8::/64", False),
                ("2001:db8::4/128", True),
            },
        )

    def test_routes(self) -> None:
        """Routes and their routers count; a default route, in halves too, does not."""
        found = used_networks(
            {"dst": "default", "gateway": "10.0.0.1", "dev": "eth0"},
            {"dst": "0.0.0.0/1", "dev": "tun0"},
            {"dst": "128.0.0.0/1", "dev": "tun0"},
            {"dst": "2000::/3", "dev": "tun0"},
            {"dst": "172.16.0.0/12", "gateway": "10.0.0.2", "dev": "eth0"},
            {"dst": "172.20.0.9", "dev": "tun0"},
            {"dst": "192.168.7.0/24", "nexthops": [{"gateway": "10.0.0.3"}]},
            {"dst": "10.80.0.0/16", "dev": "semaphore0"},
            {"dst": "10.80.0.0/16", "type": "blackhole", "protocol": "147"},
            {"dst": "10.0.3.4", "type": "local", "dev": "eth0", "table": "local"},
            {"dst": "ff00::/8", "type": "multicast", "dev": "eth0"},
            {"dst": "fd33::/16", "gateway": "fe80::9%eth0", "dev": "eth0"},
        )
        texts = {str(each.network) for each in found if each not in used_networks()}
        self.assertEqual(
            texts,
            {
                *("10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"),
                *("172.16.0.0/12", "172.20.0.9/32", "192.168.7.0/24", "fd33::/16"),
            },
        )


class SwallowedTests(SynchronousTestCase):
    """Which pool a companion must not make a route to."""

    def swallowed(self, pool: str) -> bool:
        """Whether the machine would lose a network."""
        present = used_networks(
            {"dst": "default", "gateway": "10.9.0.1", "dev": "eth0"}
        )
        network = ipaddress.ip_network(pool)
        return machine.swallowed(network, present) is not None

    def test_pools(self) -> None:
        """One with the machine or a router in it, and no wider than the network."""
        for pool, wanted in {
            "10.0.0.0/8": True,
            "10.0.0.0/16": True,
            "10.9.0.0/16": True,
            "10.80.0.0/16": False,  # a part without an address of ours or a router
            "192.168.0.0/16": False,
            "2001:db8::/64": True,
            "2001:db8::/48": False,  # the network of the machine is narrower, and stays
            "fd80::/64": False,
        }.items():
            self.assertEqual(self.swallowed(pool), wanted, pool)


class SuggestedTests(SynchronousTestCase):
    """A pool that is proposed is free."""

    def test_free(self) -> None:
        """The proposal overlaps no network; without a free one it is empty."""
        some = [UsedNetwork(ipaddress.ip_network("10.64.0.0/10"), "x")]
        self.assertEqual(pool_conflicts.suggested(some, 16), "10.128.0.0/16")
        self.assertEqual(pool_conflicts.suggested(some, 24), "10.128.0.0/24")
        self.assertEqual(pool_conflicts.suggested(used_networks(), 16), "")
