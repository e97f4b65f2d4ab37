"""The companion's own file."""

import ipaddress

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import settings
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings, WrongSettings

GOOD = TunnelSettings(
    addresses=("10.80.0.1/16", "fd80::1/64"),
    sites=(SiteRule("10.20.0.0/16"), SiteRule("fd20::/48", nat=False)),
    users=(990,),
)


class LoadTests(SynchronousTestCase):
    """Reading the file."""

    def test_round_trip(self) -> None:
        """Written settings are read back unchanged."""
        self.assertEqual(settings.load(settings.dump(GOOD)), GOOD)
        self.assertEqual(
            GOOD.own, tuple(map(ipaddress.ip_address, ("10.80.0.1", "fd80::1")))
        )
        self.assertEqual(
            [str(each) for each in GOOD.pools], ["10.80.0.0/16", "fd80::/64"]
        )
        self.assertEqual(
            [str(each) for each in GOOD.networks], ["10.20.0.0/16", "fd20::/48"]
        )

    def test_least(self) -> None:
        """A pool is enough; the rest has its defaults."""
        self.assertEqual(
            settings.load(b'{"addresses": ["10.80.0.1/16"]}'),
            TunnelSettings(addresses=("10.80.0.1/16",)),
        )

    def test_not_a_file(self) -> None:
        """Invalid JSON, and a field too many or too few, are refused."""
        for wrong in (
            *(b"", b"{}", b"[]", b"\xff", b"null", b'{"addresses": "10.80.0.1/16"}'),
            b'{"addresses": ["10.80.0.1/16"], "hook": "id"}',
            b'{"addresses": ["10.80.0.1/16"], "port": 0}',
            b'{"addresses": ["10.80.0.1/16"], "port": 65536}',
            b'{"addresses": ["10.80.0.1/16"], "mtu": 1279}',
            b'{"addresses": ["10.80.0.1/16"], "tcp_ports": [0]}',
            b'{"addresses": ["10.80.0.1/16"], "users": [-1]}',
            b'{"addresses": ["10.80.0.1/16"], "backend": "magic"}',
            b'{"addresses": ["10.80.0.1/16"], "sites": ["10.20.0.0/16"]}',
            b"[" * 100_000,
        ):
            self.assertRaises(WrongSettings, settings.load, wrong)

    @given(st.binary())
    def test_any(self, content: bytes) -> None:
        """Noise is refused with a sentence."""
        self.assertRaises(WrongSettings, settings.load, content)


class CheckTests(SynchronousTestCase):
    """Values that root may not set either."""

    def refuse(self, option: str, **fields: object) -> None:
        """Show that these fields are refused, and the option named."""
        wrong = msgspec.structs.replace(GOOD, **fields)
        error = self.assertRaises(WrongSettings, settings.check, wrong)
        self.assertIn(f"{option}: ", str(error))
        self.assertTrue(str(error).isprintable())

    def test_interface(self) -> None:
        """An interface's name is a plain word, and no option of a program."""
        for interface in (
            *("", ".", "..", "a b", "a/b", "a\n", 'a"', "x" * 16, "\u00e9"),
            *("-h", "--help", "all", "default", "lo"),
            *('x" accept', "x\ny", "x;y", 'a"b', "a*"),
        ):
            self.refuse("interface", interface=interface)

    def test_addresses(self) -> None:
        """The server's addresses are hosts' in pools of a sensible size."""
        for addresses in (
            *((), ("fd80::1/64",), ("10.80.0.1/16", "10.81.0.1/16")),
            *(("10.80.0.1",), ("10.80.0.0/16",), ("10.80.255.255/16",), ("x",)),
            *(
                ("10.80.0.1/31",),
                ("10.80.0.1/32",),
                ("10.0.0.1/7",),
                ("10.80.0.01/16",),
            ),
            *(("10.80.0.1/255.255.0.0",), ("10.80.0.1/16 ",), ("10.80.0.1/016",)),
            ("10.80.0.1/16", "fd80::/64"),
            ("10.80.0.1/16", "fe80::1%eth0/64"),
            ("10.80.0.1/16", "FD80::1/64"),
            ("10.80.0.1/16", "fd80::1/127"),
            ("10.80.0.1/16", "fd00::1/47"),
        ):
            self.refuse("addresses", addresses=addresses, sites=())

    def test_sites(self) -> None:
        """Sites are canonical networks that do not overlap the pools."""
        for network in (
            *(
                "10.20.0.1/16",
                "10.20.0.0",
                "x",
                "0.0.0.0/0",
                "::/0",
                "10.20.0.0/255.255.0.0",
            ),
            *("10.80.0.0/16", "10.80.5.0/24", "10.0.0.0/8", "fd80::/48", "FD20::/48"),
            *("10.20.0.0/16\naccept", "10.20.0.0/16; x"),
        ):
            self.refuse("sites", sites=(SiteRule(network),))
        self.refuse(
            "sites",
            sites=(SiteRule("10.20.0.0/16"), SiteRule("10.20.0.0/16", nat=False)),
        )
