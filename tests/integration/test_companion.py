"""The companion with real tunnels between machines of the lab."""

import signal
import time

from msgspec.structs import replace

from semaphore_twisted.wireguard import wire
from tests.support import lab
from tests.support.companion_process import INTERFACE, Companion, Peer, as_unit
from tests.support.lab import LabTestCase, until
from tests.support.lab_flood import Flood
from tests.support.pace import in_time


class TunnelTests(LabTestCase):
    """A client, the server, and a tunnel between them."""

    def setUp(self) -> None:
        """Start the companion with the rights of its unit, and a client."""
        super().setUp()
        self.companion = as_unit(self.lab.server)
        self.companion.start()
        self.peer = Peer()

    def joined(self) -> None:
        """Have the client in."""
        self.companion.sync(self.peer)
        self.peer.join(self.lab.client1, self.companion)

    def reaches(self, address: str = "10.80.0.1", wait: float = 1) -> bool:
        """Whether the client has an answer to one ping."""
        done = self.lab.client1.try_run("ping", "-nc1", f"-W{wait}", address)
        return done.returncode == 0

    def test_tunnel(self) -> None:
        """Both families pass, and the peers' counters are reported."""
        self.joined()
        self.assertTrue(self.reaches())
        self.assertTrue(self.reaches("fd80::1"))
        observed = self.companion.ask(wire.Observe(), wire.Observed)
        self.assertEqual(len(observed.peers), 1)
        status = observed.peers[0]
        self.assertEqual(status.public_key, self.peer.pair.public_key)
        self.assertTrue((status.endpoint or "").startswith("192.0.2.11:"))
        self.assertLess(abs(status.handshake - time.time()), 60)
        self.assertGreater(status.received, 0)
        self.assertGreater(status.sent, 0)

    def test_others_change(self) -> None:
        """200 changes of other peers lose no packet of a peer."""
        others = [Peer(number) for number in range(10, 59)]
        self.joined()
        self.companion.sync(self.peer, *others)
        index = self.companion.hello().index
        flood = Flood(self.lab.client1, "10.80.0.1", interval=0.01).wait(50)
        before = self.companion.wg("show", INTERFACE, "latest-handshakes")
        for number in range(200):
            place = number % len(others)
            if number % 2:
                others[place] = Peer(10 + place)
            else:
                others[place].preshared = bytes([number]) * 32
            left = [each for each in others if each is not others[-1 - place]]
            self.companion.sync(self.peer, *(left if number % 3 else others))
        loss = flood.wait(20).stop()
        self.assertEqual(loss.lost, 0)
        self.assertGreater(loss.sent, 100)
        self.assertEqual(self.companion.hello().index, index)
        mine = next(each for each in before.split("\n") if self.peer.text in each)
        self.assertIn(mine, self.companion.wg("show", INTERFACE, "latest-handshakes"))

    def test_roaming(self) -> None:
        """A peer that has moved keeps its learned endpoint over an apply."""
        self.joined()
        self.assertTrue(self.reaches())
        namespace = ("-n", self.lab.client1.namespace)
        lab.ip(*namespace, "address", "del", "192.0.2.11/24", "dev", "outer")
        lab.address(self.lab.client1, "outer", "192.0.2.200/24")
        until(self.reaches, "the peer is heard at its new address", seconds=30)
        synced = self.companion.sync(self.peer, Peer(9))
        self.assertTrue(self._endpoint(synced).startswith("192.0.2.200:"))
        self.peer.preshared = None
        synced = self.companion.sync(self.peer)
        self.assertTrue(self._endpoint(synced).startswith("192.0.2.200:"))

    def _endpoint(self, synced: wire.Synced) -> str:
        return next(
            each.endpoint or ""
            for each in synced.peers
            if each.public_key == self.peer.pair.public_key
        )

    def test_suspended(self) -> None:
        """A removed peer is cut off at once, the last one as well."""
        self.joined()
        flood = Flood(self.lab.client1, "10.80.0.1").wait(10)
        gone = time.time()
        synced = self.companion.sync()
        self.assertEqual((synced.changes, synced.peers), (1, ()))
        time.sleep(5)  # several times as long as it may take
        in_time(flood.stop().last - gone, 1)
        self.assertEqual(self.companion.wg("show", INTERFACE, "peers"), "")

    def test_unchanged(self) -> None:
        """A correct state is not written again."""
        peers = [self.peer, *(Peer(number) for number in range(10, 30))]
        self.companion.sync(*peers)
        for _ in range(20):
            synced = self.companion.sync(*peers)
            self.assertEqual((synced.changes, synced.drift), (0, ()))

    def test_foreign_change(self) -> None:
        """Changes made by hand are repaired and reported."""
        other = Peer(9)
        self.joined()
        self.companion.sync(self.peer, other)
        # takes the first peer's address, and adds a third one
        self.companion.wg(
            *("set", INTERFACE, "peer", other.text, "allowed-ips"),
            f"{self.peer.ipv4}/32",
            *("peer", Peer(77).text, "allowed-ips", "10.80.7.7/32"),
        )
        self.assertFalse(self.reaches())
        synced = self.companion.sync(self.peer, other)
        self.assertEqual(len(synced.drift), 3)
        told = " ".join(synced.drift)
        self.assertIn(self.peer.text, told)
        self.assertIn(other.text, told)
        self.assertIn("Remove peer", told)
        self.assertTrue(self.reaches())
        self.companion.wg("set", INTERFACE, "listen-port", "40000")
        self.companion.sync(self.peer, other)
        port = self.companion.wg("show", INTERFACE, "listen-port")
        self.assertEqual(port, "51820\n")
        self.assertTrue(self.reaches())

    def test_daemon_killed(self) -> None:
        """The daemon ``wireguard-go``, killed five times, is back within 2 seconds."""
        self.joined()
        index = self.companion.hello().index
        for _ in range(5):
            flood = Flood(self.lab.client1, "10.80.0.1").wait(5)
            self.companion.ask(wire.Observe(), wire.Observed)  # notes the endpoint
            (daemon,) = self.companion.daemons()
            killed = time.time()
            self.lab.server.run("kill", "-9", str(daemon))
            time.sleep(0.1)
            flood.wait(10)
            in_time(flood.stop().gap(killed), 2)
            self.assertNotEqual(self.companion.daemons(), [daemon])
        # the interface is the same, so sockets bound to it are not affected
        self.assertEqual(self.companion.hello().index, index)

    def test_link_deleted(self) -> None:
        """A deleted interface is restored within 2 seconds."""
        self.joined()
        flood = Flood(self.lab.client1, "10.80.0.1").wait(5)
        self.companion.ask(wire.Observe(), wire.Observed)
        deleted = time.time()
        lab.ip("-n", self.lab.server.namespace, "link", "del", INTERFACE)
        time.sleep(0.1)
        flood.wait(10)
        in_time(flood.stop().gap(deleted), 2)
        self.assertEqual(len(self.companion.daemons()), 1)

    def test_keepalive_ends(self) -> None:
        """The keepalive that wakes a peer is removed after the handshake."""
        self.joined()
        self.assertTrue(self.reaches())
        self.companion.sync(self.peer)
        (daemon,) = self.companion.daemons()
        self.lab.server.run("kill", "-9", str(daemon))
        until(lambda: self.companion.daemons() not in ([], [daemon]), "it is back")
        until(
            # the new daemon may not answer yet
            lambda: self.lab.server.try_run(
                "wg", "show", INTERFACE, "persistent-keepalive"
            ).stdout.endswith("\toff\n"),
            "the keepalive is gone",
        )
        self.assertTrue(self.reaches())

    def test_companion_killed(self) -> None:
        """A killed companion adopts what it finds, without a write."""
        self.joined()
        self.companion.sync(self.peer, grants=[(self.peer.ipv4, "10.20.0.0/24")])
        rules = self.companion.rules()
        daemons = self.companion.daemons()
        handshakes = self.companion.wg("show", INTERFACE, "latest-handshakes")
        flood = Flood(self.lab.client1, "10.80.0.1", interval=0.01).wait(20)
        for number in range(20):
            self.companion.end(signal.SIGKILL if number % 2 else signal.SIGTERM)
            self.companion.start()
            self.assertEqual(self.companion.rules(), rules)
        synced = self.companion.sync(
            self.peer, grants=[(self.peer.ipv4, "10.20.0.0/24")]
        )
        self.assertEqual((synced.changes, synced.drift), (0, ()))
        self.assertEqual(flood.wait(20).stop().lost, 0)
        self.assertEqual(self.companion.daemons(), daemons)
        found = self.companion.wg("show", INTERFACE, "latest-handshakes")
        self.assertEqual(found, handshakes)
        self.assertEqual(self.companion.rules(), rules)

    def test_daemon_killed_after_restart(self) -> None:
        """An adopted daemon that is killed is replaced as well."""
        self.joined()
        self.companion.end(signal.SIGKILL)
        self.companion.start()
        self.companion.sync(self.peer)
        (daemon,) = self.companion.daemons()
        self.lab.server.run("kill", "-9", str(daemon))
        in_time(until(self.reaches, "it is back"), 2)

    def test_renamed(self) -> None:
        """With another name in the settings, the former interface and its rules go."""
        self.joined()
        self.companion.end()
        self.companion.write(replace(self.companion.settings, interface="vpn7"))
        self.companion.start()
        links = lab.ip("-n", self.lab.server.namespace, "link")
        self.assertNotIn(INTERFACE, links)
        self.assertIn("vpn7", links)
        self.assertNotIn(INTERFACE, self.companion.rules())
        self.assertEqual(len(self.companion.daemons()), 1)
        self.companion.sync(self.peer)
        until(self.reaches, "the peer is in again", seconds=20)

    def test_rules_flushed(self) -> None:
        """Flushed rules are loaded again at the next sync."""
        rules = self.companion.rules()
        self.lab.server.run("nft", "flush", "ruleset")
        self.companion.sync(self.peer)
        self.assertEqual(self.companion.rules(), rules)

    def test_down(self) -> None:
        """Taken down, nothing of ours is left; the next sync brings it back."""
        self.joined()
        self.companion.sync(self.peer, grants=[(self.peer.ipv4, "10.20.0.0/24")])
        self.assertEqual(self._forwarding(), "1")
        self.companion.ask(wire.Down(), wire.Done)
        self.assertEqual(self.companion.rules(), "")
        self.assertEqual(self._forwarding(), "0")
        until(lambda: not self.companion.daemons(), "wireguard-go has ended")
        links = lab.ip("-n", self.lab.server.namespace, "link")
        self.assertNotIn(INTERFACE, links)
        self.assertEqual(self.companion.hello().backend, "")
        time.sleep(1.5)
        self.assertEqual(self.companion.hello().index, 0)
        self.companion.sync(self.peer)
        until(self.reaches, "it is back", seconds=20)

    def _forwarding(self) -> str:
        return self.lab.server.run("cat", "/proc/sys/net/ipv4/ip_forward").strip()


class RootTests(LabTestCase):
    """The companion as root starts it, without systemd."""

    def test_rights_are_dropped(self) -> None:
        """It becomes its user, keeps one capability, and still serves a tunnel."""
        companion = Companion(self.lab.server)
        companion.start()
        status = self.lab.server.run("cat", f"/proc/{companion.process.pid}/status")
        self.assertIn("Uid:\t61002\t61002\t61002\t61002\n", status)
        self.assertIn("Gid:\t61002\t61002\t61002\t61002\n", status)
        self.assertIn("Groups:\t61002 \n", status)
        self.assertIn("NoNewPrivs:\t1\n", status)
        for name in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
            self.assertIn(f"Cap{name}:\t0000000000001000\n", status)
        peer = Peer()
        companion.sync(peer)
        peer.join(self.lab.client1, companion)
        self.lab.client1.run("ping", "-nc1", "-W2", "10.80.0.1")
        (daemon,) = companion.daemons()
        status = self.lab.server.run("cat", f"/proc/{daemon}/status")
        self.assertIn("Uid:\t61002\t61002\t61002\t61002\n", status)
        companion.ask(wire.Observe(), wire.Observed)
        self.lab.server.run("kill", "-9", str(daemon))
        self.lab.client1.run("ping", "-nc3", "-W2", "10.80.0.1")
