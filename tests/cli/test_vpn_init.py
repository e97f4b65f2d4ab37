"""``semaphore vpn init``."""

import json
import os
import socket
import stat
from pathlib import Path

from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import site_networks
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.start.running import RunningReport
from semaphore_twisted.start.state import Lock
from semaphore_twisted.wireguard import key_pairs, keys, settings
from semaphore_twisted.wireguard.settings import TunnelSettings
from tests.support.vpn_command import VpnCase


class InitTests(VpnCase):
    """Files and database are changed together."""

    @property
    def settings(self) -> TunnelSettings:
        """The companion's settings."""
        return settings.load((self.site.settings / "companion.json").read_bytes())

    @property
    def private(self) -> bytes:
        """The server's private key."""
        return keys.decode((self.site.settings / "private.key").read_text().strip())

    def tree(self) -> dict[str, bytes]:
        """Return every file of the companion's folder."""
        folder = self.site.settings
        if not folder.exists():
            return {}
        return {each.name: each.read_bytes() for each in folder.iterdir()}

    def test_running_server(self) -> None:
        """Where the running server has another port, nothing is opened to peers."""
        lock = Lock.take(self.site.state)
        self.addCleanup(lock.release)
        options = configuration.parse(
            (self.site.state / "config.json").read_bytes(),
            name="config.json",
            environ={"SEMAPHORE_PORT": "8443", "SEMAPHORE_WEB_ROOT": "https://a.b"},
            read=content_of,
        )
        RunningReport(self.site.state, options).startService()
        words = ("--vpn-settings", str(self.site.settings), "--endpoint", "a.b")
        said = self.refused("init", *words)
        for each in ("port: the running server has 8443", "SEMAPHORE_PORT", "nothing"):
            self.assertIn(each, said)
        self.assertEqual(self.tree(), {})
        self.site.configure(port=":8443")
        self.done("init", *words)
        self.assertIn(8443, self.settings.tcp_ports)

    def test_first(self) -> None:
        """The first run writes the network, a key and settings; it shows next steps."""
        out = self.init("--endpoint", "vpn.example.net", "--site", "lan=10.20.0.0/16")
        network = vpn_network.get(self.site.conn, None)
        self.assertEqual(network.endpoint, "vpn.example.net:51820")
        self.assertEqual(network.pool4, "10.80.0.0/16")
        self.assertTrue(network.pool6.startswith("fd"))
        public = keys.format(keys.public_of(self.private))
        self.assertEqual(network.public_key, public)
        found = self.settings
        self.assertEqual(found.users, (self.site.state.stat().st_uid,))
        self.assertEqual(found.addresses[0], "10.80.0.1/16")
        self.assertEqual([each.network for each in found.sites], ["10.20.0.0/16"])
        (site,) = site_networks.listed(self.site.conn, None)
        self.assertEqual((site.name, site.network), ("lan", "10.20.0.0/16"))
        self.assertIn("semaphore vpn invite", out)
        self.assertIn("systemctl enable --now semaphore-vpn", out)
        self.assertNotIn(keys.format(self.private), out)

    def test_modes(self) -> None:
        """0600 in 0750, under any umask."""
        self.set_up()
        self.assertEqual(stat.S_IMODE(self.site.settings.stat().st_mode), 0o750)
        for each in self.site.settings.iterdir():
            self.assertEqual(stat.S_IMODE(each.stat().st_mode), 0o600)
        self.assertEqual(sorted(self.tree()), ["companion.json", "private.key"])

    def test_again(self) -> None:
        """A second run without options changes neither values nor the revision."""
        self.set_up()
        before, network = self.tree(), vpn_network.get(self.site.conn, None)
        self.assertIn("is as it was", self.init())
        self.assertEqual(self.tree(), before)
        self.assertEqual(vpn_network.get(self.site.conn, None), network)

    def test_changed(self) -> None:
        """Only given values are changed; peers and all other values stay."""
        self.set_up()
        peer = self.add("box")["peer"]
        private, before = self.private, self.settings
        out = self.init("--endpoint", "other.example.net:443", "--mtu", "1380")
        self.assertIn("was changed", out)
        self.assertIn("systemctl restart semaphore-vpn", out)
        network = vpn_network.get(self.site.conn, None)
        self.assertEqual(
            (network.endpoint, network.mtu), ("other.example.net:443", 1380)
        )
        self.assertEqual(self.private, private)
        self.assertEqual(self.settings.addresses, before.addresses)
        self.assertEqual(self.settings.sites, before.sites)
        self.assertEqual(self.settings.port, before.port)
        again = json.loads(self.done("peer", "show", "box", "--json"))["peer"]
        self.assertEqual(again["ipv4"], peer["ipv4"])

    def test_port(self) -> None:
        """Another port is the endpoint's, too."""
        self.set_up()
        self.init("--port", "5000")
        network = vpn_network.get(self.site.conn, None)
        self.assertEqual(network.endpoint, "vpn.example.net:5000")
        self.assertEqual(self.settings.port, 5000)

    def test_pool_with_peers(self) -> None:
        """Another pool is refused while there are peers, and names them."""
        self.set_up()
        self.add("box")
        before = self.tree()
        folder = str(self.site.settings)
        words = ("init", "--vpn-settings", folder, "--pool", "10.99.0.0/16")
        code, out, err = self.site.run(*words)
        self.assertEqual((code, err.count("\n")), (1, 1))
        self.assertIn("box", out)
        self.assertIn("10.80.0.2", out)
        self.assertIn("nothing was changed", err)
        self.assertEqual(self.tree(), before)
        self.assertEqual(vpn_network.get(self.site.conn, None).pool4, "10.80.0.0/16")

    def test_pool_grows(self) -> None:
        """A pool may grow around the peers and the server's address."""
        self.init("--endpoint", "vpn.example.net", "--pool", "10.80.1.0/24")
        peer = self.add("box", "--user", "alice")["peer"]
        out = self.init("--pool", "10.80.0.0/22")
        self.assertIn("restart semaphore-vpn semaphore", out)
        network = vpn_network.get(self.site.conn, None)
        self.assertEqual(
            (network.pool4, network.server4), ("10.80.0.0/22", "10.80.1.1")
        )
        self.assertEqual(self.settings.addresses[0], "10.80.1.1/22")
        again = json.loads(self.done("peer", "show", "box", "--json"))["peer"]
        self.assertEqual(again["ipv4"], peer["ipv4"])
        self.assertIn("is as it was", self.init())
        self.refused(
            *("init", "--vpn-settings", str(self.site.settings)),
            *("--pool", "10.80.1.0/24"),
        )

    def test_pool_without_peers(self) -> None:
        """Without peers the pool can be another."""
        self.set_up()
        self.init("--pool", "10.99.0.0/24", "--pool6", "off")
        network = vpn_network.get(self.site.conn, None)
        self.assertEqual((network.pool4, network.pool6), ("10.99.0.0/24", ""))
        self.assertEqual(self.settings.addresses, ("10.99.0.1/24",))

    def test_sites(self) -> None:
        """A network is named, moved and forgotten in both places at once."""
        self.set_up()
        self.init("--site", "lan=10.21.0.0/16", "--site", "dmz=10.30.0.0/16")
        found = site_networks.listed(self.site.conn, None)
        self.assertEqual(
            {each.name: each.network for each in found},
            {"lan": "10.21.0.0/16", "dmz": "10.30.0.0/16"},
        )
        self.init("--no-site", "lan", "--no-nat", "dmz")
        (site,) = self.settings.sites
        self.assertEqual((site.network, site.nat), ("10.30.0.0/16", False))
        (named,) = site_networks.listed(self.site.conn, None)
        self.assertEqual(named.name, "dmz")

    def test_key_is_kept(self) -> None:
        """An existing key is used: clients of another product know it."""
        private = key_pairs.new_pair(os.urandom).private_key
        self.site.settings.mkdir()
        key = self.site.settings / "private.key"
        key.write_text(keys.format(private) + "\n")
        key.chmod(0o644)
        self.set_up()
        self.assertEqual(self.private, private)
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)

    def test_key_is_gone(self) -> None:
        """A lost or foreign key is not replaced in silence while clients know it."""
        self.set_up()
        self.add("box")
        folder = str(self.site.settings)
        key = self.site.settings / "private.key"
        key.unlink()
        said = self.refused("init", "--vpn-settings", folder)
        self.assertIn("vpn restore", said)
        key.write_text(keys.format(key_pairs.new_pair(os.urandom).private_key))
        said = self.refused("init", "--vpn-settings", folder)
        self.assertIn("vpn restore", said)
        key.write_text("no key")
        self.assertIn(
            "has no WireGuard key", self.refused("init", "--vpn-settings", folder)
        )
        self.assertIn("(new)", self.init("--new-key"))
        public = keys.format(keys.public_of(self.private))
        self.assertEqual(vpn_network.get(self.site.conn, None).public_key, public)

    def test_first_needs_an_endpoint(self) -> None:
        """Without an endpoint nothing is written."""
        folder = str(self.site.settings)
        self.assertIn("--endpoint", self.refused("init", "--vpn-settings", folder))
        self.assertEqual(self.tree(), {})

    def test_hostile(self) -> None:
        """An invalid value is refused, and nothing is written."""
        folder = str(self.site.settings)
        for words in (
            ["--endpoint", "https://vpn.example.net"],
            ["--endpoint", "vpn.example.net:0"],
            ["--endpoint", "a b"],
            ["--endpoint", "a\nPostUp = reboot"],
            ["--endpoint", "$(reboot)"],
            ["--endpoint=-h"],
            ["--endpoint", "ok.example", "--interface=-h"],
            ["--endpoint", "ok.example", "--interface", "a\nb"],
            ["--endpoint", "ok.example", "--pool", "10.0.0.0/8\n"],
            ["--endpoint", "ok.example", "--pool", "10.80.0.0/31"],
            ["--endpoint", "ok.example", "--site", "a\nb=10.20.0.0/16"],
            ["--endpoint", "ok.example", "--site", "lan=10.20.0.0/16;drop"],
            ["--endpoint", "ok.example", "--site", "lan=10.80.0.0/24"],
            ["--endpoint", "ok.example", "--publish", "tcp/22;reboot"],
        ):
            self.refused("init", "--vpn-settings", folder, *words)
            self.assertEqual(self.tree(), {}, words)
            self.assertIsNone(vpn_network.find(self.site.conn))

    def test_store_is_locked(self) -> None:
        """If the files cannot be written, the database is not changed."""
        self.site.settings.write_text("a file where a folder is wanted")
        folder = str(self.site.settings)
        words = ("--endpoint", "vpn.example.net")
        self.refused("init", "--vpn-settings", folder, *words)
        self.assertIsNone(vpn_network.find(self.site.conn))

    def test_not_ours(self) -> None:
        """Without an installation one line gives the remedy."""
        self.site.state = Path(self.mktemp()).absolute()
        said = self.refused("init", "--endpoint", "a.example", code=78)
        self.assertIn("start the server once", said)

    def test_wake(self) -> None:
        """A running server is woken at once, after the commit."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(self.site.state / "wake.sock"))
            listener.settimeout(5)
            self.set_up()
            self.assertTrue(listener.recv(16))
            self.refused("init", "--vpn-settings", str(self.site.settings), "--mtu=1")
            listener.setblocking(False)
            self.assertRaises(BlockingIOError, listener.recv, 16)

    def test_audited(self) -> None:
        """The event describes the change, and has no private key."""
        self.set_up()
        self.init("--mtu", "1380")
        self.assertIn("mtu", self.events())
        self.assertNotIn(keys.format(self.private), self.events())
