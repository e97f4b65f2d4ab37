"""The site inside the tunnel, on real interfaces, run as an unprivileged user."""

import time

from tests.support.pace import in_time
from tests.support.tunnels import (
    INTERFACE,
    OUTSIDE,
    SERVER,
    SERVER6,
    STRANGER,
    TunnelTestCase,
)


class ListenerTests(TunnelTestCase):
    """From where the site is reachable, and when."""

    def test_inside_only(self) -> None:
        """The site is reachable from the tunnel and from the server itself only.

        It is not reachable over the address outside, nor by a packet to the inside
        address that is routed past the tunnel, with any source address.
        """
        self.up()
        self.listening()
        peer, own = self.probe(self.peer), self.probe(self.server)
        outsider = self.probe(self.outsider)
        for address in (SERVER, SERVER6):
            self.assertTrue(peer.greeted(address))
            self.assertTrue(own.greeted(address))
        self.assertFalse(own.greeted("127.0.0.1"))
        self.assertFalse(own.greeted(OUTSIDE))
        self.assertFalse(outsider.greeted(OUTSIDE))
        self.assertFalse(outsider.greeted(SERVER))
        self.assertFalse(outsider.greeted(SERVER, source=STRANGER))

    def test_fails_closed(self) -> None:
        """Without the interface nothing listens anywhere; without the address too."""
        own, outsider = self.probe(self.server), self.probe(self.outsider)
        for address in (SERVER, OUTSIDE, "127.0.0.1", SERVER6):
            self.assertFalse(own.greeted(address))
        self.assertFalse(outsider.greeted(OUTSIDE))
        (reason,) = {each[4] for each in self.site.ask("status")}
        self.assertIn(INTERFACE, reason)
        self.up()
        self.ip(self.server, "address", "flush", "dev", INTERFACE)
        self.listening(all_of=False)
        # the tunnel's address on another interface is not the tunnel
        self.ip(self.server, "address", "add", f"{SERVER}/16", "dev", "eth0")
        time.sleep(1.5)
        self.assertFalse(outsider.greeted(SERVER))

    def test_comes(self) -> None:
        """It listens within a second of the interface's coming."""
        self.assertFalse(self.probe(self.server).greeted())
        self.up()
        in_time(self.listening(), 1.0)

    def test_recreated(self) -> None:
        """A recreated interface is bound again within a second, each time."""
        self.up()
        self.listening()
        peer = self.probe(self.peer)
        self.assertTrue(peer.greeted(keep=True))
        for _ in range(5):
            self.down()
            self.up()
            begun = time.monotonic()
            while not peer.greeted(timeout=0.1):
                in_time(time.monotonic() - begun, 1.0)
            self.assertTrue(self.probe(self.server).greeted())

    def test_gone(self) -> None:
        """Without the interface there is no listener, not for the server either."""
        self.up()
        self.listening()
        self.down()
        in_time(self.listening(all_of=False), 1.0)
        self.assertFalse(self.probe(self.server).greeted())

    def test_address_back(self) -> None:
        """An address that is added again is bound within a second."""
        self.up()
        self.listening()
        self.ip(self.server, "address", "flush", "dev", INTERFACE)
        self.listening(all_of=False)
        self.addresses()
        in_time(self.listening(), 1.0)
        self.assertTrue(self.probe(self.peer).greeted())

    def test_open_connections(self) -> None:
        """An open connection survives changes of other interfaces."""
        self.up()
        self.listening()
        log = self.site.log()
        for _ in range(10):
            self.ip(self.server, "link", "add", "x0", "type", "veth")
            self.ip(self.server, "link", "delete", "x0")
        self.listening()
        self.assertEqual(self.site.log(), log)
