"""Addresses: read strictly, given away without a clash."""

import ipaddress
import socket
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import addresses, endpoints, pool_addresses
from semaphore_twisted.wireguard.addresses import WrongAddress

#: Texts that other parsers accept, and common mistakes.
HOSTILE = (
    "",
    " ",
    "10.0.0.1 ",
    " 10.0.0.1",
    "10.0.0.1\n",
    "10.0.0.1;id",
    "$(id)",
    "010.0.0.1",
    "10.0.0.01",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.1.2",
    "0x0a.0.0.1",
    "167772161",
    "\u0661\u0660.0.0.1",
    "10\u30020.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a00:1",
    "fe80::1%eth0",
    "fe80::1%",
    "[fd80::1]",
    "fd80::1::2",
    "fd80:::1",
    ":::",
    "fd80::12345",
    "-h",
    "localhost",
    "10.0.0.1#",
    "10.0.0.1\u2028",
    "1" * 5000,
)


class AddressTests(SynchronousTestCase):
    """Addresses and networks."""

    def test_canonical(self) -> None:
        """All spellings of an address give the same text."""
        for text, wanted in {
            "10.80.0.2": "10.80.0.2",
            "2001:DB8::": "2001:db8::",
            "2001:0db8:0:0:0:0:0:0": "2001:db8::",
            "fd80:0::0002": "fd80::2",
            "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
        }.items():
            self.assertEqual(addresses.parse_address(text), wanted)

    def test_refused(self) -> None:
        """A text with more than an address is refused, also as a network."""
        for text in (*HOSTILE, "10.0.0.1/32", "10.0.0.1/", "/"):
            self.assertRaises(WrongAddress, addresses.parse_address, text)
        for text in HOSTILE:
            for length in ("", "/32", "/8", "/0"):
                self.assertRaises(WrongAddress, addresses.parse_network, text + length)

    def test_network(self) -> None:
        """Networks are written in one way."""
        for text, wanted in {
            "10.20.0.0/16": "10.20.0.0/16",
            "2001:DB8::/32": "2001:db8::/32",
            "fd20:0:0::/64": "fd20::/64",
            "0.0.0.0/0": "0.0.0.0/0",
            "::/0": "::/0",
            "10.0.0.1/32": "10.0.0.1/32",
        }.items():
            self.assertEqual(addresses.parse_network(text), wanted)

    def test_bad_lengths(self) -> None:
        """A prefix length is a plain number of the family."""
        for length in (
            *("", "33", "-1", "+8", "08", "8 ", " 8", "8/8", "8.0", "1e1", "\u0668"),
            *("255.0.0.0", "0.255.255.255", "8\n", "1_6", "999999999999"),
        ):
            self.assertRaises(
                WrongAddress, addresses.parse_network, f"10.0.0.0/{length}"
            )
        self.assertRaises(WrongAddress, addresses.parse_network, "fd00::/129")

    def test_host_bits(self) -> None:
        """An address within a network is refused, with the network."""
        for text, network in {
            "10.0.0.5/24": "10.0.0.0/24",
            "10.0.0.5/0": "0.0.0.0/0",
            "fd20::5/64": "fd20::/64",
            "10.0.0.5": "10.0.0.5/32",
            "fd20::5": "fd20::5/128",
        }.items():
            error = self.assertRaises(WrongAddress, addresses.parse_network, text)
            self.assertIn(network, error.message)

    @given(st.ip_addresses())
    def test_all(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        """Each address is taken, but for IPv4 in IPv6, and stays what it is."""
        text = str(address)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            self.assertRaises(WrongAddress, addresses.parse_address, text)
        else:
            self.assertEqual(addresses.parse_address(text), text)
            self.assertEqual(
                addresses.parse_network(addresses.prefix_of(text)),
                f"{text}/{address.max_prefixlen}",
            )

    @given(
        st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0xA00]), min_size=8, max_size=8)
    )
    def test_zeros(self, groups: list[int]) -> None:
        """Zeros in IPv6 are left out in one way, as `ipaddress` does."""
        number = int("".join(f"{group:04x}" for group in groups), 16)
        address = ipaddress.IPv6Address(number)
        for text in (
            str(address),
            address.exploded,
            socket.inet_ntop(socket.AF_INET6, address.packed),
            ":".join(f"{group:x}" for group in groups),
        ):
            if address.ipv4_mapped:
                self.assertRaises(WrongAddress, addresses.parse_address, text)
                self.assertRaises(WrongAddress, addresses.parse_network, f"{text}/128")
            else:
                self.assertEqual(addresses.parse_address(text), str(address))
                self.assertEqual(
                    addresses.parse_network(f"{text}/128"), f"{address}/128"
                )

    @given(st.text(alphabet="0123456789abcdefABCDEF.:/% \n", max_size=30))
    def test_any_text(self, text: str) -> None:
        """A text is refused, or read as `ipaddress` reads it."""
        try:
            found = addresses.parse_address(text)
        except WrongAddress:
            return
        self.assertEqual(found, str(ipaddress.ip_address(text)))

    def test_not_repeated(self) -> None:
        """A refused text is shown short, in ASCII, on one line."""
        hostile = "\u202e\n\x1b[31m" + "x" * 500
        for parse in (
            addresses.parse_address,
            addresses.parse_network,
            addresses.parse_port,
            endpoints.parse_endpoint,
        ):
            error = self.assertRaises(WrongAddress, parse, hostile)
            self.assertTrue(error.message.isascii())
            self.assertTrue(error.message.isprintable())
            self.assertLess(len(error.message), 300)


class PortTests(SynchronousTestCase):
    """Valid and invalid ports."""

    def test_good(self) -> None:
        """Numbers from 1 to 65535 are ports."""
        for text, wanted in {"1": 1, "443": 443, "65535": 65535}.items():
            self.assertEqual(addresses.parse_port(text), wanted)
            self.assertEqual(addresses.parse_port(wanted), wanted)

    def test_bad(self) -> None:
        """No port is what `int` alone would take besides."""
        for wrong in (
            *("", "0", "00443", "0443", "65536", "70000", "-1", "+1", " 1", "1 "),
            *("1_0", "\uff15\uff11", "\u0665", "1.0", "1e3", "0x50", "1\n", "9" * 9999),
            *(0, -1, 65536, True, False),
        ):
            self.assertRaises(WrongAddress, addresses.parse_port, wrong)


class EndpointTests(SynchronousTestCase):
    """Where clients find the server."""

    def test_good(self) -> None:
        """A name or an address, with or without a port, has one spelling."""
        for text, wanted in {
            "vpn.example.net": "vpn.example.net:51820",
            "VPN.Example.NET:443": "vpn.example.net:443",
            "vpn.example.net.": "vpn.example.net:51820",
            "vpn": "vpn:51820",
            "b\u00fccher.example": "xn--bcher-kva.example:51820",
            "B\u00dcCHER.example:1": "xn--bcher-kva.example:1",
            "xn--bcher-kva.example": "xn--bcher-kva.example:51820",
            "192.0.2.1": "192.0.2.1:51820",
            "192.0.2.1:1234": "192.0.2.1:1234",
            "2001:db8::1": "[2001:db8::1]:51820",
            "2001:DB8:0::1": "[2001:db8::1]:51820",
            "[2001:db8::1]": "[2001:db8::1]:51820",
            "[2001:db8::1]:443": "[2001:db8::1]:443",
            "1and1.example": "1and1.example:51820",
        }.items():
            self.assertEqual(endpoints.parse_endpoint(text), wanted)
            self.assertEqual(endpoints.parse_endpoint(wanted), wanted)
        self.assertEqual(endpoints.parse_endpoint("vpn", 99), "vpn:99")

    def test_bad(self) -> None:
        """An endpoint that a client cannot use is refused."""
        for wrong in (
            *("", ":", ":51820", "h:", "h:0", "h:70000", "h:51820/", "h h", "h:5 1"),
            *("http://h", "https://h:51820", "//h", "h/x", "user@h", "h?x", "h#x"),
            *("h\n", "h:1\n", "h:1\nPostUp = id", "h\u2028x", "-h", "h-", "a..b", "."),
            *(
                "h_x",
                "*.example",
                "[h]",
                "[h]:1",
                "[192.0.2.1]:1",
                "[2001:db8::1",
                "[]",
            ),
            *("[2001:db8::1]51820", "[2001:db8::1]:", "2001:db8::1]:1", "[[::1]]:1"),
            *("fe80::1%eth0", "[fe80::1%eth0]:1", "[fe80::1]:1", "::", "0.0.0.0:1"),
            *("ff02::1", "224.0.0.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:1"),
            *("192.0.2.256", "192.0.2", "1.2.3.4.5:1", "012.0.2.1", "1234", "0x7f.1"),
            *("a" * 64 + ".example", ".".join(["a" * 60] * 5), "h:\uff15", "$(id)"),
            *("h;id", "`id`", "h|id", "\u202eh", "h\x00", "xn--\u00fc"),
        ):
            error = self.assertRaises(WrongAddress, endpoints.parse_endpoint, wrong)
            self.assertTrue(error.message)

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """An accepted endpoint is one word of few characters."""
        try:
            found = endpoints.parse_endpoint(text)
        except WrongAddress:
            return
        self.assertRegex(found, r"\A[a-z0-9.:\[\]-]+:[0-9]+\Z")
        self.assertEqual(endpoints.parse_endpoint(found), found)


def _hosts(pool: str) -> list[str]:
    network = ipaddress.ip_network(pool)
    return [str(each) for each in network][1:-1]


POOLS = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(24, 32)).map(
        lambda each: str(ipaddress.ip_network(each, strict=False))
    ),
    st.tuples(st.integers(2**120, 2**128 - 1), st.integers(120, 128)).map(
        lambda each: str(ipaddress.ip_network(each, strict=False))
    ),
)


class LearnedTests(SynchronousTestCase):
    """Endpoints that a device reports."""

    def test_good(self) -> None:
        """An address and a port, of both families, with a scope or without."""
        for text in (
            *("192.0.2.1:51820", "[2001:db8::1]:4000", "[fe80::1%eth0.7]:1"),
            "[::ffff:192.0.2.1]:1",
        ):
            self.assertEqual(addresses.learned(text), text)

    def test_bad(self) -> None:
        """A name, an address without a port, and a second line are refused."""
        for text in (
            *("", "(none)", "host:1", "192.0.2.1", "192.0.2.1:0", "2001:db8::1:4000"),
            *("[192.0.2.1]:1", "[2001:db8::1]", "[fe80::1%a b]:1", "[fe80::1%]:1"),
            *("1.2.3.4:1\nx=1", "[fe80::1%\n]:1", "1.2.3.4%eth0:1", "[]:1", ":1"),
            "[fe80::1%\u00e9]:1",
        ):
            self.assertIsNone(addresses.learned(text))


class NextFreeTests(SynchronousTestCase):
    """The address that a new peer gets."""

    @given(POOLS, st.data())
    def test_small_pools(self, pool: str, data: st.DataObject) -> None:
        """The result is the lowest address of the pool that is still free."""
        hosts = _hosts(pool)
        taken = data.draw(st.sets(st.sampled_from(hosts))) if hosts else set()
        server = data.draw(st.sampled_from(hosts)) if hosts else ""
        quarantined = data.draw(st.sets(st.sampled_from(hosts))) if hosts else set()
        reserved = {server, *quarantined} - {""}
        left = [each for each in hosts if each not in taken and each not in reserved]
        self.assertEqual(
            pool_addresses.next_free(pool, taken, reserved), left[0] if left else None
        )

    def test_random_states(self) -> None:
        """Nothing taken, reserved, or at the pool's ends is ever given."""
        for pool in ("10.80.0.0/16", "10.80.7.0/28", "fd80::/64", "fd80::10/124"):
            server = pool_addresses.server_address(pool)
            network = ipaddress.ip_network(pool)
            taken: set[str] = set()
            for _ in range(300):
                found = pool_addresses.next_free(pool, taken, (server,))
                if found is None:
                    self.assertEqual(len(taken), network.num_addresses - 3)
                    break
                self.assertNotIn(found, taken)
                address = ipaddress.ip_address(found)
                self.assertIn(address, network)
                self.assertNotIn(address, (network[0], network[1], network[-1]))
                taken.add(found)

    def test_spellings(self) -> None:
        """Addresses are compared as numbers, with any prefix length."""
        taken = ["10.80.0.2/24", "10.80.0.3/32", "10.80.0.4", "fd80::2"]
        self.assertEqual(
            pool_addresses.next_free("10.80.0.0/24", taken, ["10.80.0.1"]), "10.80.0.5"
        )
        taken = ["FD80:0::2/64", "fd80::0003/128", "fd80:0:0:0::4", "10.80.0.1"]
        self.assertEqual(
            pool_addresses.next_free("fd80::/64", taken, ["fd80::1"]), "fd80::5"
        )

    def test_degenerate(self) -> None:
        """A pool without room is full, and no server has an address in it."""
        for pool in ("10.0.0.0/31", "10.0.0.0/32", "fd00::/127", "fd00::1/128"):
            self.assertIsNone(pool_addresses.next_free(pool, ()))
            self.assertRaises(WrongAddress, pool_addresses.server_address, pool)
        self.assertEqual(pool_addresses.server_address("10.0.0.0/30"), "10.0.0.1")
        self.assertEqual(
            pool_addresses.next_free("10.0.0.0/30", (), ["10.0.0.1"]), "10.0.0.2"
        )
        self.assertIsNone(
            pool_addresses.next_free("10.0.0.0/30", ["10.0.0.2"], ["10.0.0.1"])
        )

    def test_full(self) -> None:
        """A full pool is known to be full within 100 ms."""
        pool = "10.80.0.0/16"
        taken = set(_hosts(pool))
        started = time.perf_counter()
        self.assertIsNone(pool_addresses.next_free(pool, taken))
        self.assertLess(time.perf_counter() - started, 2)

    def test_large(self) -> None:
        """With 10,000 taken, the next is found (its time: ``bench``)."""
        for pool in ("fd80::/64", "10.80.0.0/16"):
            network = ipaddress.ip_network(pool)
            taken = {str(network[number]) for number in range(1, 10_001)}
            times = []
            for _ in range(5):
                started = time.perf_counter()
                found = pool_addresses.next_free(pool, taken)
                times.append(time.perf_counter() - started)
                self.assertEqual(found, str(network[10_001]))
            self.assertLess(min(times), 1)

    def test_any_prefix(self) -> None:
        """Pools of every size give addresses."""
        for length in range(16, 31):
            self.assertEqual(
                pool_addresses.next_free(f"10.80.0.0/{length}", (), ["10.80.0.1"]),
                "10.80.0.2",
            )

    def test_wrong(self) -> None:
        """A pool with host bits, and an invalid address, are refused."""
        self.assertRaises(WrongAddress, pool_addresses.next_free, "10.80.0.1/16", ())
        self.assertRaises(WrongAddress, pool_addresses.next_free, "10.80.0.0/16", ["x"])
        self.assertRaises(
            WrongAddress, pool_addresses.next_free, "10.80.0.0/16", ["\0"]
        )


class PoolTests(SynchronousTestCase):
    """The pool of IPv6."""

    def test_random(self) -> None:
        """A random pool is a unique local network that the parser takes."""
        for number in range(256):
            pool = pool_addresses.pool6(bytes([number]).__mul__)
            self.assertEqual(addresses.parse_network(pool), pool)
            network = ipaddress.IPv6Network(pool)
            self.assertEqual(network.prefixlen, 64)
            self.assertTrue(network.subnet_of(ipaddress.IPv6Network("fd00::/8")))
            self.assertIn(
                ipaddress.ip_address(pool_addresses.server_address(pool)), network
            )
