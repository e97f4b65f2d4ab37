"""The policy rules that isolate the tunnel."""

from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import routing
from tests.support.devices import SETTINGS

#: As iproute2 6.1 prints our rules for a server without grants.
PRINTED: list[dict[str, Any]] = [
    {"priority": 0, "src": "all", "table": "local"},
    {"priority": 100, "src": "all", "iif": "lo", "goto": 109, "protocol": "147"},
    {
        "priority": 101,
        "src": "all",
        "fwmark": "0",
        "fwmask": "0x20000000",
        "iif": "semaphore0",
        "iif_detached": None,
        "action": "blackhole",
        "protocol": "147",
    },
    {
        "priority": 102,
        "src": "all",
        "dst": "10.80.0.0",
        "dstlen": 16,
        "fwmark": "0",
        "fwmask": "0x20000000",
        "table": "main",
        "suppress_prefixlen": 16,
        "protocol": "147",
    },
    {
        "priority": 103,
        "src": "all",
        "dst": "10.80.0.0",
        "dstlen": 16,
        "fwmark": "0",
        "fwmask": "0x20000000",
        "action": "blackhole",
        "protocol": "147",
    },
    {"priority": 109, "src": "all", "nop": None, "protocol": "147"},
    {"priority": 32766, "src": "all", "table": "main"},
]

WANTED = routing.rules(SETTINGS, 4, closed=False)


class RuleTests(SynchronousTestCase):
    """Missing rules are added, surplus ones are deleted."""

    def test_right(self) -> None:
        """Correct rules are not touched."""
        self.assertEqual(routing.changes(PRINTED, WANTED), ())

    def test_missing(self) -> None:
        """Only missing rules are added."""
        for gone in PRINTED:
            left = [each for each in PRINTED if each is not gone]
            found = routing.changes(left, WANTED)
            if routing.is_ours(gone):
                (line,) = found
                self.assertTrue(line.startswith(f"rule add pref {gone['priority']} "))
            else:
                self.assertEqual(found, ())

    def test_changed(self) -> None:
        """A changed rule of ours is replaced; the correct one is added first."""
        for number, changes in (
            (2, {"iif": "eth0"}),
            (2, {"fwmark": "0x1"}),
            (2, {"oif": "eth0"}),
            (2, {"src": "10.0.0.0", "srclen": 8}),
            (2, {"not": None}),
            (4, {"dstlen": 24}),
            (1, {"goto": 32766}),
        ):
            printed = [*PRINTED]
            printed[number] = printed[number] | changes
            first, second = routing.changes(printed, WANTED)
            self.assertTrue(first.startswith("rule add"))
            self.assertTrue(second.startswith("rule del pref"))
            self.assertIn("protocol 147", second)

    def test_extra(self) -> None:
        """A duplicate or former rule is deleted once."""
        self.assertEqual(
            routing.changes([*PRINTED, PRINTED[2]], WANTED),
            (
                "rule del pref 101 iif semaphore0 fwmark 0/0x20000000 blackhole "
                "protocol 147",
            ),
        )
        self.assertEqual(len(routing.changes(PRINTED, ())), 5)

    def test_closed(self) -> None:
        """If only the tunnel may be forwarded, there is one more rule."""
        closed = routing.rules(SETTINGS, 4, closed=True)
        self.assertEqual(
            set(closed) - set(WANTED),
            {"pref 104 fwmark 0/0x20000000 blackhole protocol 147"},
        )

    def test_families(self) -> None:
        """Without a pool of IPv6 nothing of the tunnel is forwarded in IPv6."""
        only4 = replace(SETTINGS, addresses=SETTINGS.addresses[:1])
        found = " ".join(routing.rules(only4, 6, closed=False))
        self.assertIn("iif semaphore0", found)
        self.assertNotIn(" to ", found)
