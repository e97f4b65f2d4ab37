"""Which source an address belongs to."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import ip


class CanonicalTests(SynchronousTestCase):
    """One form of an address."""

    def test_forms(self) -> None:
        """Each way to write an address has one form; other text stays."""
        for text, form in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::FFFF:C000:201", "192.0.2.1"),
            ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("2001:db8::1%eth0", "2001:db8::1"),
            ("::1%lo", "::1"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("unix", "unix"),
            ("", ""),
            ("1" * 100_000, "1" * 100_000),
        ):
            with self.subTest(text=text[:50]):
                self.assertEqual(ip.canonical(text), form)

    def test_loopback(self) -> None:
        """This machine's own addresses, as a dual-stack listener reports them too."""
        for text in ("127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "::1%lo"):
            self.assertTrue(ip.is_loopback(text), text)
        # an address that only holds 127.0.0.1 comes from a network, so it is not ours
        for text in ("::2", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "localhost", ""):
            self.assertFalse(ip.is_loopback(text), text)

    def test_network(self) -> None:
        """A network of mapped addresses is a network of IPv4."""
        self.assertEqual(str(ip.network("::ffff:10.0.0.0/120")), "10.0.0.0/24")
        self.assertEqual(str(ip.network("::ffff:10.0.0.7")), "10.0.0.7/32")
        self.assertEqual(str(ip.network("2001:db8::7/64")), "2001:db8::/64")
        self.assertEqual(str(ip.network("::/0")), "::/0")
        self.assertRaises(ValueError, ip.network, "10.0.0.0/33")


class SourceTests(SynchronousTestCase):
    """The source key of a client's address."""

    def test_sources(self) -> None:
        """IPv4 counts by address, IPv6 by its /64, a tunnel by the IPv4 address."""
        for text, source in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8::2:3:4:5", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            ("::ffff:0:192.0.2.1", "192.0.2.1"),
            ("2002:c000:201::1", "192.0.2.1"),
            ("2002:c000:201:ffff::1", "192.0.2.1"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdfe", "192.0.2.1"),
            ("unix", "unix"),
            ("?", "?"),
        ):
            with self.subTest(text=text):
                self.assertEqual(ip.source(text), source)

    @given(st.ip_addresses(v=4))
    def test_every_ipv4(self, address: ipaddress.IPv4Address) -> None:
        """No two IPv4 clients of a dual-stack listener are one source."""
        self.assertEqual(ip.source(f"::ffff:{address}"), str(address))

    @given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
    def test_every_ipv6(self, address: ipaddress.IPv6Address, low: int) -> None:
        """The bits that a host chooses itself do not count, except in tunnels."""
        other = ipaddress.IPv6Address(int(address) >> 64 << 64 | low)
        if any(
            each.teredo or each.ipv4_mapped or ip.source(str(each)).count(".")
            for each in (address, other)
        ):
            return
        self.assertEqual(ip.source(str(address)), ip.source(str(other)))
