"""The companion never changes interfaces of other programs."""

import json

from msgspec.structs import replace

from semaphore_twisted.wireguard import firewall, settings, wire
from tests.support import lab
from tests.support.companion_process import (
    INTERFACE,
    SETTINGS,
    Companion,
    Peer,
    as_unit,
)
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import CommandFailed


def reason(companion: Companion) -> str:
    """Return why it has no interface, nothing while it does not answer."""
    try:
        return companion.hello().reason
    except OSError:
        return ""


class OwnershipTests(LabTestCase):
    """The machine has interfaces before the companion starts."""

    def setUp(self) -> None:
        """Have a companion that does not run."""
        super().setUp()
        self.companion = as_unit(self.lab.server)
        self.namespace = ("-n", self.lab.server.namespace)

    def ip(self, *words: str) -> str:
        """Run ``ip`` for the server."""
        return lab.ip(*self.namespace, *words)

    def links(self) -> dict[str, str]:
        """Return each interface of the server with its addresses."""
        shown = json.loads(self.ip("-json", "address", "show"))
        return {
            each["ifname"]: " ".join(x["local"] for x in each["addr_info"])
            for each in shown
        }

    def refusal(self, interface: str = INTERFACE) -> str:
        """Start, have it refuse *interface*, take it down, and return the reason."""
        self.companion.write(replace(SETTINGS, interface=interface))
        before = self.links()
        reason = self.started("interface: ")
        self.assertEqual(self.companion.hello().backend, "")
        self.assertEqual(self.companion.rules(), "")
        answer = self.companion.ask(wire.Sync(1, (Peer().wire,)), wire.Failed)
        self.assertEqual((answer.code, answer.reason), ("unavailable", reason))
        self.companion.ask(wire.Down(), wire.Done)
        self.assertEqual(self.links(), before)
        self.assertNotIn("proto 147", self.ip("rule", "show"))
        self.companion.end()
        return reason

    def started(self, word: str) -> str:
        """Start, and return the reason with *word* why there is no interface."""
        self.companion.start_only()
        until(lambda: word in reason(self.companion), "it has looked")
        return reason(self.companion)

    def test_others(self) -> None:
        """A physical interface, a bridge and a foreign tunnel are left alone."""
        self.ip("link", "add", "br7", "type", "bridge")
        self.ip("tuntap", "add", "dev", "tun7", "mode", "tun")
        self.ip("address", "add", "10.99.0.1/24", "dev", "tun7")
        for name in ("outer", "site", "br7", "tun7"):
            self.assertIn(f"{name} exists", self.refusal(name))

    def test_other_name(self) -> None:
        """An alternative name of an interface is refused for the tunnel."""
        self.ip("link", "property", "add", "dev", "site", "altname", INTERFACE)
        self.assertIn("another name of site", self.refusal())

    def test_rules_of_before(self) -> None:
        """Rules that an earlier version made for a foreign interface are removed."""
        found = replace(SETTINGS, interface="outer")
        machine = self.lab.server
        machine.run("nft", "-f", "-", text=firewall.ruleset(found, ()))
        (self.companion.state / "interface.json").write_text('"outer"')
        self.assertNotEqual(self.lab.client1.try_run(*PING).returncode, 0)
        self.assertIn("outer exists", self.refusal("outer"))
        self.lab.client1.run(*PING)

    def test_former_name_of_others(self) -> None:
        """A former name that is another program's interface now is not deleted."""
        for record in ('"site"', '{"name": "site", "index": 1, "place": ""}'):
            (self.companion.state / "interface.json").write_text(record)
            self.companion.start()
            self.assertIn("site", self.links())
            self.companion.end()

    def test_damaged_record(self) -> None:
        """An invalid name in the record is not passed to any program."""
        for content in ('"-h"', '"a b"', "{", "7", '"x; reboot"'):
            (self.companion.state / "interface.json").write_text(content)
            self.companion.start()
            self.assertEqual(self.companion.hello().interface, INTERFACE)
            self.companion.end()

    def test_state_of_before(self) -> None:
        """Device, daemon and rules of an earlier version are adopted."""
        self.companion.start()
        index, daemons = self.companion.hello().index, self.companion.daemons()
        self.companion.end()
        (self.companion.state / "interface.json").write_text(f'"{INTERFACE}"')
        for family in ("-4", "-6"):
            for priority in ("109", "100", "101", "102", "103"):
                self.ip(family, "rule", "del", "pref", priority)
        self.ip("route", "del", "blackhole", "10.80.0.0/16")
        self.companion.start()
        self.assertEqual(self.companion.hello().index, index)
        self.assertEqual(self.companion.daemons(), daemons)
        self.assertIn("blackhole", self.ip("rule", "show"))
        self.assertIn("blackhole 10.80.0.0/16", self.ip("route", "show"))

    def test_state_lost(self) -> None:
        """Without its record it knows its interface by the daemon at its own socket."""
        self.companion.start()
        index = self.companion.hello().index
        self.companion.end()
        (self.companion.state / "interface.json").unlink()
        self.companion.start()
        self.assertEqual(self.companion.hello().index, index)

    def test_renamed(self) -> None:
        """An interface that was renamed has its name back, and peers their tunnel."""
        self.companion.start()
        peer, index = Peer(), self.companion.hello().index
        self.companion.sync(peer)
        peer.join(self.lab.client1, self.companion)

        def rename() -> bool:
            # Only an interface that is down takes a name; the companion has it up soon.
            self.ip("link", "set", "dev", INTERFACE, "down")
            try:
                self.ip("link", "set", "dev", INTERFACE, "name", "other", "up")
            except CommandFailed:
                return False
            return True

        until(rename, "the interface has another name")
        until(lambda: self.companion.hello().index == index, "the name is back")
        self.assertNotIn("other", self.links())
        until(self.reaches, "the peer is in", seconds=30)

    def reaches(self) -> bool:
        """Whether the client has an answer from the server in the tunnel."""
        words = ("ping", "-nc1", "-W1", "10.80.0.1")
        return self.lab.client1.try_run(*words).returncode == 0

    def test_other_pool(self) -> None:
        """With another pool nothing of the former one is left."""
        self.companion.start()
        self.companion.end()
        found = ("10.90.0.1/16", "fd90::1/64")
        self.companion.write(replace(SETTINGS, addresses=found))
        self.companion.start()

        def shown() -> str:
            return "".join(
                self.ip(family, *words)
                for family in ("-4", "-6")
                for words in (("rule", "show"), ("route", "show"))
            )

        until(lambda: "10.80.0.0" not in shown(), "IPv4 is gone")
        until(lambda: "fd80::" not in shown(), "IPv6 is gone")
        self.assertIn("blackhole 10.90.0.0/16", shown())
        self.assertIn("blackhole fd90::/64", shown())
        self.assertEqual(self.links()[INTERFACE].split()[:2], ["10.90.0.1", "fd90::1"])

    def test_name_taken(self) -> None:
        """A foreign interface that took the name of ours is not touched."""
        self.companion.start()
        peer = Peer()
        self.companion.sync(peer, grants=[(peer.ipv4, "10.20.0.0/24")])
        self.assertEqual(self.forwarding(), "1")
        self.ip("link", "set", "dev", INTERFACE, "down")
        # in one go, or the companion is quicker
        self.lab.server.run(
            "ip",
            "-batch",
            "-",
            text=(
                f"link set dev {INTERFACE} name other\n"
                f"link add {INTERFACE} type bridge\n"
                f"address add 10.98.0.1/24 dev {INTERFACE}\n"
            ),
        )
        until(lambda: "exists" in self.companion.hello().reason, "it has looked")
        self.assertEqual(self.links()[INTERFACE], "10.98.0.1")
        # it has no rules of ours, and the machine has not become a router
        until(lambda: self.companion.rules() == "", "the rules are gone")
        self.assertEqual(self.forwarding(), "0")
        self.companion.ask(wire.Down(), wire.Done)
        self.assertEqual(self.links()[INTERFACE], "10.98.0.1")

    def forwarding(self) -> str:
        """Return whether the server forwards IPv4."""
        return self.lab.server.run("cat", "/proc/sys/net/ipv4/ip_forward").strip()

    def test_pool_of_the_machine(self) -> None:
        """A file whose pool is a network of the machine is refused, too."""
        for pool in ("10.20.0.9/24", "10.20.0.9/28", "192.0.2.9/24"):
            self.companion.write(
                replace(
                    SETTINGS,
                    addresses=(pool,),
                    sites=(settings.SiteRule("10.9.0.0/24"),),
                )
            )
            before = self.links(), self.ip("route", "show")
            self.assertIn("from the machine", self.started("pool"))
            self.assertEqual((self.links(), self.ip("route", "show")), before)
            self.companion.end()


PING = ("ping", "-nc1", "-W1", "192.0.2.1")


class FormerTests(LabTestCase):
    """A companion as root starts it."""

    def test_link_of_others(self) -> None:
        """It refuses a foreign interface as root, too."""
        companion = Companion(self.lab.server, replace(SETTINGS, interface="outer"))
        companion.start_only()
        until(lambda: "exists" in reason(companion), "it has looked")
        self.lab.client1.run(*PING)
