"""The text of the rules; ``tests.integration.test_ruleset`` loads it."""

import ipaddress
import random
import re
import time

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import firewall
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from semaphore_twisted.wireguard.state import Grant

BOTH = TunnelSettings(
    addresses=("10.80.0.1/16", "fd80::1/64"),
    sites=(
        SiteRule("10.20.0.0/16"),
        SiteRule("10.20.1.0/24", nat=False),
        SiteRule("10.30.0.0/16", nat=False),
        SiteRule("fd20::/48"),
    ),
    tcp_ports=(443, 22),
)
V4 = TunnelSettings(addresses=("10.80.0.1/16",), sites=(SiteRule("10.20.0.0/16"),))

#: All that the texts here may consist of, but for addresses and numbers.
WORDS = frozenset(
    re.findall(
        r"\S+",
        "add delete table inet set type flags interval element chain filter nat hook "
        "input forward postrouting priority srcnat policy accept drop jump iifname "
        "oifname lo ip ip6 saddr daddr icmp icmpv6 tcp udp dport ct state established "
        "related direction reply meta l4proto echo-request option maxseg size rt mtu "
        "syn rst masquerade return ipv4_addr ipv6_addr semaphore_vpn semaphore0 "
        "granted4 granted6 served from_peers to_peers prerouting dstnat mark "
        "marked_from_peers marked_to_peers 0x20000000 0xdfffffff",
    )
)
_TOKEN = re.compile(r"[\w.:/-]+|\S")

grants = st.one_of(
    st.builds(
        Grant,
        st.integers(2, 2**16 - 2).map(
            lambda each: str(ipaddress.IPv4Address("10.80.0.0") + each)
        ),
        st.sampled_from([each.network for each in BOTH.sites if "." in each.network]),
    ),
    st.builds(
        Grant,
        st.integers(2, 2**64 - 2).map(
            lambda each: str(ipaddress.IPv6Address("fd80::") + each)
        ),
        st.just("fd20::/48"),
    ),
)


def chain(text: str, name: str) -> list[str]:
    """Return the rules of a chain."""
    found = re.search(rf"\tchain {name} {{\n(.*?)\t}}", text, re.DOTALL)
    return [] if found is None else [line.strip() for line in found[1].splitlines()]


class TextTests(SynchronousTestCase):
    """The text as a whole."""

    @given(st.lists(grants, max_size=20))
    def test_words(self, some: list[Grant]) -> None:
        """Each word is a fixed one, an address or a number."""
        text = firewall.ruleset(BOTH, some)
        self.assertTrue(text.isascii())
        for token in _TOKEN.findall(text):
            if token in WORDS or token in '{};.,&|()=!@"+':
                continue
            if not token.isdigit():
                ipaddress.ip_network(token)  # raises for anything else

    @given(st.lists(grants, max_size=20), st.randoms(use_true_random=False))
    def test_order(self, some: list[Grant], chance: random.Random) -> None:
        """Equal grants give equal texts, in any order and with repetitions."""
        other = some * 2
        chance.shuffle(other)
        self.assertEqual(firewall.ruleset(BOTH, some), firewall.ruleset(BOTH, other))

    def test_replaces(self) -> None:
        """The text begins with the removal of the old table, if it exists."""
        text = firewall.ruleset(BOTH, ())
        self.assertTrue(text.startswith(firewall.removal(BOTH)))
        self.assertEqual(
            text.split("\n")[:3],
            [
                "add table inet semaphore_vpn",
                "delete table inet semaphore_vpn",
                "table inet semaphore_vpn {",
            ],
        )

    def test_names(self) -> None:
        """Each interface has a table of its own, with a plain name."""
        for interface, wanted in {
            "semaphore0": "semaphore_vpn",
            "wg0": "semaphore_vpn_wg0",
            "a.b-c=d+e_f": "semaphore_vpn_a_b_c_d_e_f",
        }.items():
            settings = msgspec.structs.replace(V4, interface=interface)
            self.assertEqual(settings.table, wanted)
            self.assertIn(f"table inet {wanted}\n", firewall.removal(settings))
            self.assertIn(f'iifname "{interface}" ', firewall.ruleset(settings, ()))

    def test_wrong_grants(self) -> None:
        """A text of a grant never reaches the rules: unknown ones make no text."""
        for address, network in (
            ("10.80.0.2", "10.40.0.0/16"),
            ("10.80.0.2", "10.20.0.0/24"),
            ("10.80.0.2", "0.0.0.0/0"),
            ("10.80.0.2", "10.20.0.0/16 accept"),
            ("10.80.0.2", "fd20::/48"),
            ("fd80::2", "10.20.0.0/16"),
            ("10.80.0.2/32", "10.20.0.0/16"),
            ("10.80.0.02", "10.20.0.0/16"),
            ("10.80.0.2 . 10.0.0.0/8", "10.20.0.0/16"),
            ("", "10.20.0.0/16"),
        ):
            with self.assertRaises((KeyError, ValueError)):
                firewall.ruleset(BOTH, [Grant(address, network)])
        text = firewall.ruleset(BOTH, [Grant("FD80::2", "fd20::/48")])
        self.assertIn("{ fd80::2 . fd20::/48 }", text)


class RulesTests(SynchronousTestCase):
    """The rules of each chain."""

    def test_guard(self) -> None:
        """The server's addresses accept packets from the tunnel and itself only."""
        rules = chain(firewall.ruleset(BOTH, ()), "input")
        self.assertEqual(
            rules,
            [
                "type filter hook input priority filter; policy accept;",
                'iifname != { "lo", "semaphore0" } ip daddr { 10.80.0.1 } drop',
                'iifname != { "lo", "semaphore0" } ip6 daddr { fd80::1 } drop',
                'iifname "semaphore0" jump served',
            ],
        )

    def test_served(self) -> None:
        """Echo and published ports of the tunnel's addresses, then nothing."""
        rules = chain(firewall.ruleset(BOTH, ()), "served")
        self.assertEqual(rules[0], "ct state established,related accept")
        self.assertIn("ip daddr { 10.80.0.1 } tcp dport { 22, 443 } accept", rules)
        self.assertIn("ip6 daddr { fd80::1 } udp dport { 53 } accept", rules)
        self.assertEqual(rules[-1], "drop")
        self.assertTrue(all("daddr" in rule for rule in rules[1:-1]))
        closed = msgspec.structs.replace(BOTH, tcp_ports=(), udp_ports=())
        self.assertNotIn("dport", firewall.ruleset(closed, ()))

    def test_no_bypass(self) -> None:
        """Packets from peers need a grant, even in established connections."""
        some = [Grant("10.80.0.2", "10.20.0.0/16"), Grant("fd80::2", "fd20::/48")]
        rules = chain(firewall.ruleset(BOTH, some), "from_peers")
        self.assertEqual(rules[0], 'oifname "semaphore0" drop')
        self.assertEqual(rules[-1], "drop")
        for rule in rules:
            self.assertNotIn("ct state", rule)
            if rule.endswith("accept"):
                self.assertIn("@granted", rule)
        metadata = max(n for n, rule in enumerate(rules) if "169.254" in rule)
        granted = min(n for n, rule in enumerate(rules) if "@granted" in rule)
        self.assertLess(metadata, granted)

    def test_metadata(self) -> None:
        """Link-local and metadata addresses are dropped, of both families."""
        rules = "\n".join(chain(firewall.ruleset(V4, ()), "from_peers"))
        for each in ("169.254.0.0/16", "fd00:ec2::254", "fe80::/10"):
            self.assertIn(each, rules)

    def test_closed(self) -> None:
        """If only grants need forwarding, packets outside the tunnel are dropped."""
        some = [Grant("10.80.0.2", "10.20.0.0/16")]
        jumps = [
            'iifname "semaphore0" jump from_peers',
            'oifname "semaphore0" jump to_peers',
        ]
        for closed, wanted in (
            ((), []),
            ({4}, ["meta nfproto ipv4 drop"]),
            ({4, 6}, ["meta nfproto ipv4 drop", "meta nfproto ipv6 drop"]),
        ):
            rules = chain(firewall.ruleset(V4, some, closed=closed), "forward")
            self.assertEqual(rules[1:], [*jumps, *wanted])

    def test_masquerade(self) -> None:
        """Peers are hidden only on the way to a granted network that asks for it."""
        for granted, wanted in (
            ((), []),
            (("10.30.0.0/16",), []),
            (("10.20.1.0/24",), []),
            (
                ("10.20.0.0/16",),
                ["10.20.1.0/24 return", "10.20.0.0/16 masquerade"],
            ),
            (
                ("10.20.0.0/16", "10.20.1.0/24", "10.30.0.0/16"),
                [
                    "10.20.1.0/24 return",
                    "10.20.0.0/16 masquerade",
                    "10.30.0.0/16 return",
                ],
            ),
        ):
            some = [Grant("10.80.0.2", network) for network in granted]
            rules = chain(firewall.ruleset(BOTH, some), "postrouting")[1:]
            self.assertEqual(
                [f"{rule.split()[5]} {rule.split()[-1]}" for rule in rules], wanted
            )
            for rule in rules:
                self.assertTrue(rule.startswith('oifname != "semaphore0" ip daddr '))
                self.assertIn("ip saddr . ip daddr @granted4", rule)

    def test_families(self) -> None:
        """Without IPv6 there is no rule that lets IPv6 through."""
        some = [Grant("10.80.0.2", "10.20.0.0/16")]
        for text in (firewall.ruleset(V4, some), firewall.ruleset(V4, ())):
            for line in text.splitlines():
                if "ip6" in line or "icmpv6" in line:
                    self.assertTrue(line.endswith(("drop", "return")))
        only6 = firewall.ruleset(BOTH, [Grant("fd80::2", "fd20::/48")])
        self.assertNotIn("granted4", only6)
        self.assertIn("fd80::2 . fd20::/48", only6)

    def test_marks(self) -> None:
        """Permitted packets get the mark, and a mark from outside is removed."""
        text = firewall.ruleset(BOTH, [Grant("10.80.0.2", "10.20.0.0/16")])
        for name in ("marked_from_peers", "marked_to_peers"):
            first, *others = chain(text, name)
            self.assertEqual(first, "meta mark set meta mark & 0xdfffffff")
            given = [each for each in others if each.endswith("| 0x20000000")]
            self.assertTrue(given)
            for each in given:
                self.assertTrue("@granted4" in each or "ct state related" in each)
        # other packets are not affected
        for each in chain(text, "prerouting")[1:]:
            self.assertIn(" jump marked_", each)

    def test_overlap(self) -> None:
        """A grant within another one of the same peer is left out; sets refuse both."""
        some = [
            Grant("10.80.0.2", "10.20.1.0/24"),
            Grant("10.80.0.2", "10.20.0.0/16"),
            Grant("10.80.0.3", "10.20.1.0/24"),
        ]
        self.assertIn(
            "granted4 { 10.80.0.2 . 10.20.0.0/16, 10.80.0.3 . 10.20.1.0/24 }",
            firewall.ruleset(BOTH, some),
        )

    def test_segment(self) -> None:
        """Segments fit the tunnel: its MTU less the headers."""
        settings = msgspec.structs.replace(BOTH, mtu=1280)
        some = [Grant("10.80.0.2", "10.20.0.0/16"), Grant("fd80::2", "fd20::/48")]
        text = firewall.ruleset(settings, some)
        rules = "\n".join(chain(text, "from_peers"))
        self.assertRegex(rules, r"@granted4 .*maxseg size set 1240\n")
        self.assertRegex(rules, r"@granted6 .*maxseg size set 1220\n")
        self.assertIn("maxseg size set rt mtu", chain(text, "to_peers")[0])


class SizeTests(SynchronousTestCase):
    """Texts with many grants."""

    def test_batches(self) -> None:
        """No statement has more than a thousand elements, and none is lost."""
        first = ipaddress.IPv4Address("10.80.0.2")
        some = [Grant(str(first + n), "10.20.0.0/16") for n in range(10_000)]
        started = time.perf_counter()
        text = firewall.ruleset(V4, some)
        self.assertLess(time.perf_counter() - started, 10)
        counts = [
            line.count("10.20.0.0/16")
            for line in text.splitlines()
            if line.startswith("add element")
        ]
        self.assertEqual(counts, [1000] * 10)
        for each in some:
            self.assertIn(f"{each.address} . ", text)
