"""A server whose default route of IPv6 is advertised keeps it while it forwards."""

import sys

from tests.support import lab
from tests.support.companion_process import Peer, as_unit
from tests.support.lab import LabTestCase, until

#: Advertises itself as a router to all on a link, as radvd does (RFC 4861, 4.2).
_ADVERTISE = """
import socket, struct, sys
link, lifetime = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    message = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0)
    router.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(link)))
"""


class AdvertisedTests(LabTestCase):
    """A router that advertises itself to the server."""

    def setUp(self) -> None:
        """Have the route, and a companion."""
        super().setUp()
        self.companion = as_unit(self.lab.server)
        self.companion.start()
        self.advertise()
        until(self.has_route, "the route is there")

    def advertise(self) -> None:
        """Send one advertisement."""
        words = (sys.executable, "-c", _ADVERTISE, "outer", "1800")
        self.lab.outsider.run(*words)

    def has_route(self) -> bool:
        """Whether the server has its default route of IPv6."""
        words = ("-n", self.lab.server.namespace, "-6", "route", "show", "default")
        return "proto ra" in lab.ip(*words)

    def setting(self, name: str) -> str:
        """Return a setting of IPv6."""
        path = f"/proc/sys/net/ipv6/conf/{name}"
        return self.lab.server.run("cat", path).strip()

    def test_route_stays(self) -> None:
        """A grant of IPv6 leaves the route, and new advertisements count."""
        self.assertEqual(self.setting("outer/accept_ra"), "1")
        peer = Peer()
        self.companion.sync(peer, grants=[(peer.ipv6, "fd20::/64")])
        self.assertEqual(self.setting("all/forwarding"), "1")
        self.assertEqual(self.setting("outer/accept_ra"), "2")
        self.assertTrue(self.has_route())
        lab.ip("-n", self.lab.server.namespace, "-6", "route", "flush", "proto", "ra")
        self.assertFalse(self.has_route())
        self.advertise()
        until(self.has_route, "the route is there again")
        # another companion, and the grant ends
        self.companion.end()
        self.companion.start()
        self.companion.sync(peer)
        self.assertEqual(self.setting("all/forwarding"), "0")
        self.assertEqual(self.setting("outer/accept_ra"), "1")
        self.assertTrue(self.has_route())

    def test_later_interface(self) -> None:
        """An interface created later accepts its router too."""
        peer = Peer()
        self.companion.sync(peer, grants=[(peer.ipv6, "fd20::/64")])
        lab.ip(
            *("-n", self.lab.server.namespace, "link", "add", "late0", "type", "veth"),
            *("peer", "name", "late1"),
        )
        until(lambda: self.setting("late0/accept_ra") == "2", "it accepts routers")
        self.companion.sync(peer)
        self.assertEqual(self.setting("default/accept_ra"), "1")
        self.assertEqual(self.setting("all/forwarding"), "0")
