"""``vpn init`` takes no existing interface or network of the machine."""

import json
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from semaphore_twisted.wireguard import settings, wire
from tests.support.vpn_command import VpnCase


def link(name: str, *addresses: str, **more: Any) -> dict[str, Any]:
    """Return an interface as ``ip -json -details address`` prints it."""
    pairs = [each.partition("/") for each in addresses]
    return {
        "ifname": name,
        "ifindex": 7,
        "addr_info": [
            {"local": local, "prefixlen": int(length)} for local, _, length in pairs
        ],
        **more,
    }


def tunnel(name: str, kind: str = "tun") -> dict[str, Any]:
    """Return an interface of a type that the companion makes, too."""
    return link(name, linkinfo={"info_kind": kind})


WELCOME = wire.Welcome(
    version=1,
    backend="userspace",
    reason="",
    interface="semaphore0",
    index=7,
    public_key=b"\1" * 32,
    port=51820,
    mtu=1420,
    addresses=(),
    pools=(),
    sites=(),
    tcp_ports=(),
    udp_ports=(),
)


class InterfaceTests(VpnCase):
    """The interface has to be one that the companion makes, or has made."""

    def refusal(self, name: str) -> str:
        """Return why ``init --interface`` is refused; nothing is written."""
        folder = str(self.site.settings)
        said = self.refused(
            *("init", "--vpn-settings", folder, "--endpoint", "vpn.example.net"),
            *("--interface", name),
        )
        self.assertFalse(self.site.settings.exists())
        return said

    def test_existing(self) -> None:
        """A physical interface, a bridge, and a WireGuard interface are refused."""
        self.site.machine(
            [
                link("lo", "127.0.0.1/8"),
                link("eth0", "192.168.1.10/24"),
                link("docker0", linkinfo={"info_kind": "bridge"}),
                tunnel("wg0", "wireguard"),
                tunnel("tun0"),
            ]
        )
        for name in ("eth0", "docker0", "wg0", "tun0"):
            said = self.refusal(name)
            self.assertIn(f"--interface: {name} exists", said)
            self.assertIn("semaphore0", said)
        self.assertIn("bridge", self.refusal("docker0"))
        self.init("--endpoint", "vpn.example.net", "--interface", "vpn0")

    def test_default_name(self) -> None:
        """The default name is looked at as well."""
        self.site.machine([tunnel("semaphore0")])
        folder = str(self.site.settings)
        words = ("--endpoint", "vpn.example.net")
        said = self.refused("init", "--vpn-settings", folder, *words)
        self.assertIn("--interface: semaphore0 exists", said)

    def test_other_name(self) -> None:
        """An alternative name of an interface is refused, with the interface."""
        self.site.machine([link("eth0", altnames=["enp3s0", "lan"])])
        self.assertIn("another name of the interface eth0", self.refusal("lan"))

    def test_odd_names(self) -> None:
        """An invalid name of an interface is refused."""
        for name in ("lo", "all", "a" * 16, "a b", "a/b", "a%d", "ä", ".", "x;y", ""):
            self.assertIn("interface: ", self.refusal(name))

    def test_own(self) -> None:
        """The interface of the settings so far stays, if it can be the companion's."""
        self.set_up()
        self.site.machine([tunnel("semaphore0")])
        self.assertIn("was changed", self.init("--mtu", "1380"))
        self.site.machine([link("semaphore0", "192.168.1.10/24")])
        folder = str(self.site.settings)
        said = self.refused("init", "--vpn-settings", folder, "--mtu", "1400")
        self.assertIn("the companion did not make it", said)

    def test_companion_knows(self) -> None:
        """An interface that the companion calls its own is accepted."""
        self.site.machine([tunnel("semaphore0")])
        for index in (8, 7):

            def respond(request: wire.Request, index: int = index) -> wire.Answer:
                return replace(WELCOME, index=index)

            self.companion(respond)
            code, _, err = self.site.run(
                *("init", "--vpn-settings", str(self.site.settings)),
                *("--endpoint", "vpn.example.net"),
            )
            self.assertEqual(code, int(index != 7), err)


class PoolTests(VpnCase):
    """The pool must not be a network that the machine needs."""

    LAN = link("eth0", "192.168.1.10/24", "2001:db8:1::5/64")
    ROUTES: Sequence[Any] = (
        {"dst": "default", "gateway": "192.168.1.1", "dev": "eth0"},
        {"dst": "0.0.0.0/1", "gateway": "192.168.1.1", "dev": "eth0"},
        {"dst": "128.0.0.0/1", "gateway": "192.168.1.1", "dev": "eth0"},
        {"dst": "192.168.1.0/24", "dev": "eth0", "protocol": "kernel"},
        {"dst": "10.0.0.0/9", "gateway": "192.168.1.254", "dev": "eth0"},
        {"dst": "172.17.0.0/16", "dev": "docker0", "protocol": "kernel"},
    )
    ROUTES6: Sequence[Any] = (
        {"dst": "default", "gateway": "fe80::1", "dev": "eth0", "metric": 1024},
        {"dst": "fd12:3456::/32", "gateway": "fe80::1", "dev": "eth0"},
        {"dst": "fe80::/64", "dev": "eth0"},
        {"dst": "ff00::/8", "dev": "eth0", "type": "multicast"},
    )

    def setUp(self) -> None:
        """Simulate a machine in a network, with routes to other networks."""
        super().setUp()
        docker = link(
            "docker0", "172.17.0.1/16", linkinfo={"info_kind": "bridge"}, altnames=[]
        )
        self.site.machine(
            [link("lo", "127.0.0.1/8", "::1/128"), self.LAN, docker],
            self.ROUTES,
            self.ROUTES6,
            ["10.200.3.4:50000", "[::ffff:10.201.3.4]:50000"],
        )

    def try_init(self, *words: str) -> tuple[int, str]:
        """Run ``init``; return the exit code and output."""
        code, _, err = self.site.run(
            *("init", "--vpn-settings", str(self.site.settings)),
            *("--endpoint", "vpn.example.net", *words),
        )
        self.assertEqual(bool(code), err.count("\n") == 1, err)
        self.assertEqual(bool(code), not self.site.settings.exists())
        return code, err

    def refuses(self, *words: str, saying: str, forcible: bool) -> None:
        """Check that it is refused, and whether ``--force`` helps."""
        code, said = self.try_init(*words)
        self.assertEqual(code, 1, words)
        self.assertIn(saying, said)
        self.assertEqual("--force" in said, forcible, said)
        if not forcible:
            self.assertEqual(self.try_init(*words, "--force")[0], 1, words)

    def test_overlaps(self) -> None:
        """Networks that hold the machine or its router are refused in any case."""
        for pool, saying in (
            ("192.168.1.0/24", "192.168.1.10/24 of eth0"),
            ("192.168.0.0/16", "192.168.1.10/24 of eth0"),
            ("192.168.1.8/29", "192.168.1.10/24 of eth0"),
            ("192.168.1.0/29", "192.168.1.1"),
            ("172.16.0.0/12", "172.17.0.1/16 of docker0"),
        ):
            self.refuses("--pool", pool, saying=saying, forcible=False)
        self.refuses(
            *("--pool", "10.128.0.0/16", "--pool6", "2001:db8:1::/64"),
            saying="2001:db8:1::5/64 of eth0",
            forcible=False,
        )

    def test_parts(self) -> None:
        """A part of a network without the machine may be meant."""
        for words, saying in (
            (("--pool", "192.168.1.64/26"), "192.168.1.10/24"),
            (("--pool", "10.80.0.0/16"), "the route to 10.0.0.0/9"),
            ((), "the route to 10.0.0.0/9"),
            (("--pool", "10.200.0.0/16"), "a connection to 10.200.3.4"),
            (("--pool", "10.201.0.0/16"), "a connection to 10.201.3.4"),
            (("--pool6", "fd12:3456:7::/64"), "the route to fd12:3456::/32"),
        ):
            pool = () if words[:1] != ("--pool6",) else ("--pool", "10.128.0.0/16")
            self.refuses(*pool, *words, saying=saying, forcible=True)
        self.assertEqual(self.try_init("--pool", "10.80.0.0/16", "--force")[0], 0)

    def test_kinds(self) -> None:
        """Loopback, link-local, multicast and reserved ranges never are a pool."""
        for option, pool in (
            *(("--pool", "127.0.0.0/8"), ("--pool", "127.5.0.0/16")),
            *(("--pool", "169.254.0.0/16"), ("--pool", "224.0.0.0/8")),
            *(("--pool", "239.1.0.0/16"), ("--pool", "240.0.0.0/8")),
            *(("--pool", "0.0.0.0/8"), ("--pool6", "fe80::/64")),
            *(("--pool6", "ff05::/64"), ("--pool6", "::/64")),
            *(("--pool6", "::ffff:0:0/96"), ("--pool6", "fec0::/64")),
        ):
            other = ("--pool", "10.128.0.0/16") if option == "--pool6" else ()
            self.refuses(*other, option, pool, saying=pool, forcible=False)

    def test_public(self) -> None:
        """Public ranges and those of documents are odd, and possible."""
        for option, pool in (
            *(("--pool", "8.8.0.0/16"), ("--pool", "203.0.113.0/24")),
            *(("--pool", "198.18.0.0/16"), ("--pool6", "2a01:4f8::/64")),
            *(("--pool6", "2001:db8::/64"),),
        ):
            other = ("--pool", "10.128.0.0/16") if option == "--pool6" else ()
            self.refuses(
                *other, option, pool, saying="no private network", forcible=True
            )
        words = ("--pool", "8.8.0.0/16", "--pool6", "2a01:4f8::/64", "--force")
        self.assertEqual(self.try_init(*words)[0], 0)

    def test_endpoint(self) -> None:
        """The address that clients send to is in no pool."""
        for words in (
            ("--pool", "10.128.0.0/16", "--endpoint", "10.128.0.9"),
            ("--pool", "10.128.0.0/16", "--endpoint", "10.128.0.9:5000"),
        ):
            self.refuses(*words, saying="the endpoint 10.128.0.9", forcible=False)
        self.refuses(
            *("--pool", "10.128.0.0/16", "--pool6", "fd80::/64"),
            *("--endpoint", "[fd80::7]:51820"),
            saying="the endpoint [fd80::7]",
            forcible=False,
        )

    def test_suggested(self) -> None:
        """The refusal names a pool that is free."""
        _, said = self.try_init()
        self.assertIn("such as 10.128.0.0/16", said)
        self.assertEqual(self.try_init("--pool", "10.128.0.0/16")[0], 0)

    def test_kept(self) -> None:
        """A pool that is in use is not refused later: its peers have addresses."""
        self.assertEqual(self.try_init("--pool", "10.128.0.0/16")[0], 0)
        routes = [{"dst": "10.128.0.0/16", "dev": "br0", "protocol": "kernel"}]
        self.site.machine([tunnel("semaphore0"), link("br0", "10.128.3.1/16")], routes)
        self.assertEqual(self.site.run(*self.words("--mtu", "1300"))[0], 0)
        self.assertEqual(self.site.run(*self.words("--pool", "10.128.0.0/15"))[0], 1)

    def words(self, *words: str) -> tuple[str, ...]:
        """Return the words of ``init`` in the folder of this installation."""
        return ("init", "--vpn-settings", str(self.site.settings), *words)

    def test_own_routes(self) -> None:
        """Interface and routes of the tunnel do not count."""
        self.assertEqual(self.try_init("--pool", "10.128.0.0/16")[0], 0)
        routes = [
            {"dst": "10.128.0.0/16", "dev": "semaphore0", "protocol": "kernel"},
            {"dst": "10.128.0.0/16", "type": "blackhole", "protocol": "147"},
        ]
        own = tunnel("semaphore0") | link("semaphore0", "10.128.0.1/16")
        self.site.machine([own], routes)
        self.assertEqual(self.site.run(*self.words("--pool", "10.128.0.0/15"))[0], 0)

    def test_sites(self) -> None:
        """No site is a part of the internet, or holds the endpoint."""
        words = ("--pool", "10.128.0.0/16", "--site")
        for site in ("128.0.0.0/1", "64.0.0.0/2", "2000::/3", "::/1"):
            self.refuses(*words, f"x={site}", saying="whole internet", forcible=False)
        for site in ("127.0.0.0/8", "224.0.0.0/8", "ff00::/8", "fe80::/64"):
            self.refuses(*words, f"x={site}", saying="never forwarded", forcible=False)
        self.refuses(
            *(*words, "x=192.168.0.0/16", "--endpoint", "192.168.1.10"),
            saying="the endpoint 192.168.1.10",
            forcible=False,
        )
        # the network that the server is in may be granted, with its router
        self.assertEqual(self.try_init(*words, "lan=192.168.1.0/24")[0], 0)
        said = self.refused(*self.words("--endpoint", "192.168.1.10"))
        self.assertIn("the endpoint 192.168.1.10", said)

    def test_no_ip(self) -> None:
        """Where ``ip`` fails nothing is written."""
        (self.site.programs / "ip").write_text("#!/bin/sh\necho broken >&2; exit 3\n")
        self.assertIn("broken", self.try_init("--pool", "10.128.0.0/16")[1])
        (self.site.programs / "ip").write_text("#!/bin/sh\necho '<'\n")
        self.assertIn("not understood", self.try_init("--pool", "10.128.0.0/16")[1])

    def test_restored(self) -> None:
        """Restoring on another machine looks at that machine's networks."""
        file = str(self.site.folder / "vpn.sealed")
        secret = self.site.folder / "passphrase"
        secret.write_text("correct horse battery staple\n")
        secret.chmod(0o600)
        passphrase = ("--passphrase-file", str(secret))
        self.assertEqual(self.try_init("--pool", "10.128.0.0/16")[0], 0)
        folder = ("--vpn-settings", str(self.site.settings))
        self.done("backup", file, *passphrase, *folder)
        other = ("--vpn-settings", str(self.site.folder / "other"))
        self.site.machine([link("eth0", "10.128.7.1/24")])
        said = self.refused("restore", file, *passphrase, *other, "--replace")
        self.assertIn("10.128.7.1/24 of eth0", said)
        self.site.machine([link("semaphore0", "10.1.7.1/24")])
        said = self.refused("restore", file, *passphrase, *other, "--replace")
        self.assertIn("semaphore0 exists", said)
        self.assertFalse((self.site.folder / "other" / settings.FILE).exists())
        self.site.machine()
        self.done("restore", file, *passphrase, *other, "--replace")
        found = json.loads((self.site.folder / "other" / settings.FILE).read_text())
        self.assertIn("10.128.0.1/16", found["addresses"])
