"""Root's settings, made from options and the earlier settings."""

import argparse
from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import _parser
from semaphore_twisted.cli.vpn import settings
from semaphore_twisted.cli.vpn.settings import Pools, site_port
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.vpn_options import VpnOptions
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from tests.support.memory import Entropy

POOLS = Pools("10.80.0.0/16", "")


def options(*words: str) -> argparse.Namespace:
    """Return the options of ``vpn init``."""
    argv = ["vpn", "init", *words]
    return _parser(argv).parse_args(argv)


def made(
    *words: str,
    former: TunnelSettings | None = None,
    known: dict[str, str] | None = None,
    **config: Any,
) -> TunnelSettings:
    """Return the settings of ``vpn init`` with *words*."""
    return settings.settings(
        options(*words),
        former,
        config=Config(port=":443", vpn=VpnOptions(**config)),
        wanted=POOLS,
        port=51820,
        user=1234,
        known=known or {},
    )


class PoolTests(SynchronousTestCase):
    """The networks of peers' addresses."""

    def test_first(self) -> None:
        """The default is 10.80.0.0/16 and a random private /64."""
        found = settings.pools(options(), None, Entropy())
        self.assertEqual(found.pool4, "10.80.0.0/16")
        self.assertRegex(found.pool6, r"\Afd.*::/64\Z")
        self.assertEqual(found.server4, "10.80.0.1")
        self.assertTrue(found.server6.endswith("::1"))
        self.assertEqual(found.interfaces[0], "10.80.0.1/16")
        self.assertTrue(found.interfaces[1].endswith("::1/64"))

    def test_off(self) -> None:
        """IPv6 can be left out."""
        found = settings.pools(options("--pool6=off"), None, Entropy())
        self.assertEqual((found.pool6, found.server6), ("", ""))
        self.assertEqual(found.interfaces, ("10.80.0.1/16",))

    def test_kept(self) -> None:
        """By default the pools stay, with or without IPv6."""
        for former in (POOLS, Pools("10.1.0.0/24", "fd01::/64")):
            self.assertEqual(settings.pools(options(), former, Entropy()), former)
        former = Pools("10.1.0.0/24", "fd01::/64")
        self.assertEqual(
            settings.pools(options("--pool6=auto"), former, Entropy()), former
        )

    def test_given(self) -> None:
        """Networks can be given; an invalid one is refused with an example."""
        words = ("--pool=10.99.0.0/24", "--pool6=fd99::/64")
        found = settings.pools(options(*words), POOLS, Entropy())
        self.assertEqual(found, Pools("10.99.0.0/24", "fd99::/64"))
        for word in (
            "--pool=10.99.0.1/24",
            "--pool=fd99::/64",
            "--pool=10.99.0.0",
            "--pool6=10.0.0.0/8",
            "--pool6=on",
            "--pool6=fe80::%eth0/64",
        ):
            with self.assertRaises((CommandError, Invalid)):
                settings.pools(options(word), POOLS, Entropy())


class SettingsTests(SynchronousTestCase):
    """The companion's file."""

    def test_first(self) -> None:
        """Only the site and DNS are open, and only the server's user is permitted."""
        found = made()
        self.assertEqual(found.tcp_ports, (53, 443))
        self.assertEqual(found.udp_ports, (53,))
        self.assertEqual(found.users, (1234,))
        self.assertEqual(found.addresses, ("10.80.0.1/16",))
        self.assertEqual((found.port, found.mtu), (51820, 1420))
        self.assertEqual((found.interface, found.backend), ("semaphore0", "auto"))

    def test_ports(self) -> None:
        """The site's port is that of the configuration."""
        self.assertEqual(made(only=True, port=8443).tcp_ports, (53, 8443))
        self.assertEqual(made(dns="off").tcp_ports, (443,))
        self.assertEqual(made(dns="off").udp_ports, ())
        self.assertEqual(made(publish=("tcp/22", "udp/123")).tcp_ports, (22, 53, 443))
        self.assertIsNone(site_port(Config(interface="unix:/run/s.sock")))
        self.assertIsNone(site_port(Config(port=":0")))

    def test_published(self) -> None:
        """Published ports stay until other ones are given."""
        first = made("--publish=tcp/22", "--publish=udp/123")
        self.assertEqual(first.tcp_ports, (22, 53, 443))
        self.assertEqual(first.udp_ports, (53, 123))
        self.assertEqual(made(former=first), first)
        self.assertEqual(
            made("--publish=tcp/80", former=first).tcp_ports, (53, 80, 443)
        )
        self.assertEqual(made("--publish=none", former=first), made())
        for word in (
            "22",
            "tcp",
            "icmp/1",
            "tcp/0",
            "tcp/65536",
            "tcp/x",
            "tcp/\uff12\uff12",
        ):
            with self.assertRaises((CommandError, Invalid)):
                made(f"--publish={word}")

    def test_changed_site_port(self) -> None:
        """The port that the site had when root was asked last is closed."""
        first = made("--publish=tcp/22")
        self.assertEqual(first.site_port, 443)
        again = settings.settings(
            options(),
            first,
            config=Config(port=":8443"),
            wanted=POOLS,
            port=51820,
            user=1234,
            known={},
        )
        self.assertEqual((again.tcp_ports, again.site_port), ((22, 53, 8443), 8443))

    def test_former_site_port(self) -> None:
        """A port that the site had before is closed when it moves."""
        first = made()
        self.assertEqual(made(former=first, only=True, port=8443).tcp_ports, (53, 8443))

    def test_only_what_is_said(self) -> None:
        """A second run changes only the given options."""
        first = made(
            "--port=5000",
            "--mtu=1380",
            "--interface=wg7",
            "--backend=userspace",
            "--site=lan=10.20.0.0/16",
            "--no-nat=lan",
        )
        known = {"lan": "10.20.0.0/16"}
        self.assertEqual(made(former=first, known=known), first)
        self.assertEqual(
            made("--mtu=1400", former=first, known=known), replace(first, mtu=1400)
        )

    def test_sites(self) -> None:
        """Only root's options allow networks, never the database."""
        lan, dmz = SiteRule("10.20.0.0/16"), SiteRule("10.30.0.0/16")
        words = ("--site=lan=10.20.0.0/16", "--site=dmz=10.30.0.0/16")
        first = made(*words)
        self.assertEqual(first.sites, (lan, dmz))
        known = {"lan": "10.20.0.0/16", "dmz": "10.30.0.0/16", "evil": "192.168.0.0/16"}
        self.assertEqual(made(former=first, known=known).sites, (lan, dmz))
        self.assertEqual(made("--no-site=lan", former=first, known=known).sites, (dmz,))
        self.assertEqual(
            made("--site=lan=10.21.0.0/16", former=first, known=known).sites,
            (dmz, SiteRule("10.21.0.0/16")),
        )
        self.assertEqual(
            made("--no-nat=dmz", former=first, known=known).sites,
            (lan, SiteRule("10.30.0.0/16", nat=False)),
        )

    def test_nat_stays(self) -> None:
        """A network that is given again keeps its NAT setting."""
        known = {"lan": "10.20.0.0/16"}
        first = made("--site=lan=10.20.0.0/16", "--no-nat=lan")
        again = made("--site=lan=10.20.0.0/16", former=first, known=known)
        self.assertEqual(again.sites, (SiteRule("10.20.0.0/16", nat=False),))
        back = made("--nat=lan", former=again, known=known)
        self.assertEqual(back.sites, (SiteRule("10.20.0.0/16"),))

    def test_refused(self) -> None:
        """An unusable value is refused, without a guess."""
        for words in (
            ["--site=10.20.0.0/16"],
            ["--site==10.20.0.0/16"],
            ["--site=lan=10.20.0.1/16"],
            ["--site=lan=0.0.0.0/0"],
            ["--site=lan=10.80.1.0/24"],
            ["--site=a=10.1.0.0/16", "--site=a=10.2.0.0/16"],
            ["--no-site=lan"],
            ["--no-nat=lan"],
            ["--mtu=1279"],
            ["--mtu=9001"],
            ["--mtu=x"],
            ["--mtu=\uff11400"],
            ["--port=0"],
            ["--port=65536"],
            ["--interface=-h"],
            ["--interface=--help"],
            ["--interface=a b"],
            ["--interface=../x"],
            ["--interface=sixteen-letters-"],
            ["--interface="],
        ):
            with self.assertRaises((CommandError, Invalid)) as caught:
                made(*words)
            self.assertNotIn("\n", str(caught.exception))
