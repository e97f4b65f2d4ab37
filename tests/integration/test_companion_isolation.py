"""Changes of rules and routes by other programs: they fail closed, and are repaired.

One client is granted the site network, another one is not. The server forwards for
other hosts, as one with containers does, and has a default route.
"""

import os
import signal
import subprocess

from semaphore_twisted.wireguard import wire
from tests.support import lab
from tests.support.companion_process import INTERFACE, Peer, as_unit
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import CommandFailed, Machine

#: Debian's /etc/nftables.conf
STOCK = """\
flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter;
	}
	chain forward {
		type filter hook forward priority filter;
	}
	chain output {
		type filter hook output priority filter;
	}
}
"""

HOST, INSIDE = "10.20.0.5", "10.80.0.1"


class _Joined(LabTestCase):
    """Two clients in the tunnel, one with a grant."""

    forwards = True

    def setUp(self) -> None:
        """Start the companion, and join."""
        super().setUp()
        machine = self.machine = self.lab.server
        if self.forwards:
            for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
                machine.run("sysctl", "-qw", f"{name}=1")
        self.ip("route", "add", "default", "via", "192.0.2.66")
        self.ip("-6", "route", "add", "default", "via", "2001:db8::66")
        self.companion = as_unit(machine)
        self.companion.start()
        self.granted, self.other = Peer(2), Peer(3)
        self.sync()
        for peer, client in (
            (self.granted, self.lab.client1),
            (self.other, self.lab.client2),
        ):
            allowed = f"{INSIDE}/32, 10.20.0.0/24, 10.80.0.0/16"
            peer.join(client, self.companion, allowed=allowed)
        until(lambda: self.reaches(self.lab.client2, INSIDE), "the other is in")
        until(lambda: self.reaches(self.lab.client1, HOST), "the grant holds")
        self.assertFalse(self.reaches(self.lab.client2, HOST))
        self.rules, self.policies = self.companion.rules(), self.policy()
        self.routes = self.shown_routes()

    def sync(self) -> None:
        """Have both peers and the grant."""
        grants = [(self.granted.ipv4, "10.20.0.0/24")]
        self.companion.sync(self.granted, self.other, grants=grants)

    def ip(self, *words: str) -> str:
        """Run ``ip`` for the server."""
        return lab.ip("-n", self.machine.namespace, *words)

    def policy(self) -> str:
        """Return the policy rules of both families."""
        return self.ip("rule", "show") + self.ip("-6", "rule", "show")

    def shown_routes(self) -> str:
        """Return the routes to the pools, and the addresses."""
        return "".join(
            self.ip(*words)
            for words in (
                ("-4", "route", "show", "root", "10.80.0.0/16"),
                ("-6", "route", "show", "root", "fd80::/64"),
                ("-brief", "-4", "address", "show", "dev", INTERFACE),
            )
        )

    def reaches(self, client: Machine, address: str) -> bool:
        """Whether *client* has an answer to a ping."""
        words = ("ping", "-nc1", "-W0.5", address)
        return client.try_run(*words).returncode == 0

    def is_as_before(self) -> bool:
        """Whether rules, policies and routes are as they were."""
        wanted = (self.rules, self.policies, self.routes)
        try:
            found = (self.companion.rules(), self.policy(), self.shown_routes())
        except CommandFailed:
            return False  # the interface is not there
        return found == wanted

    def hold(self) -> None:
        """Keep the companion from doing anything."""
        os.kill(self.companion.process.pid, signal.SIGSTOP)
        self.addCleanup(self.go_on)

    def go_on(self) -> None:
        """Continue the stopped companion."""
        if self.companion.process.poll() is None:
            os.kill(self.companion.process.pid, signal.SIGCONT)

    def forwarding(self) -> str:
        """Return the switches of forwarding."""
        return self.machine.run(
            "cat",
            "/proc/sys/net/ipv4/ip_forward",
            "/proc/sys/net/ipv6/conf/all/forwarding",
        )


class ClosedTests(_Joined):
    """While the companion is stopped, missing rules and routes open nothing."""

    def test_rules_flushed(self) -> None:
        """Without any nft rule nothing is forwarded from a peer or to one."""
        self.hold()
        for words, text in (
            (("nft", "flush", "ruleset"), ""),
            (("nft", "-f", "-"), STOCK),
        ):
            self.machine.run(*words, text=text)
            for client in (self.lab.client1, self.lab.client2):
                self.assertFalse(self.reaches(client, HOST))
            self.assertFalse(self.reaches(self.lab.client1, self.other.ipv4))
            # a host that has a route to the pool opens nothing either
            lab.ip(
                *("-n", self.lab.host.namespace, "route", "replace"),
                *("10.80.0.0/16", "via", "10.20.0.1"),
            )
            self.assertFalse(self.reaches(self.lab.host, self.other.ipv4))
            # the machine's own traffic, and other forwarded traffic, still pass
            self.assertTrue(self.reaches(self.machine, self.other.ipv4))
            lab.ip(
                *("-n", self.lab.outsider.namespace, "route", "replace"),
                *("10.20.0.0/24", "via", "192.0.2.1"),
            )
            lab.ip(
                *("-n", self.lab.host.namespace, "route", "replace"),
                *("192.0.2.0/24", "via", "10.20.0.1"),
            )
            self.assertTrue(self.reaches(self.lab.outsider, HOST))
        self.assertEqual(self.forwarding(), "1\n1\n")
        self.go_on()
        until(
            lambda: self.companion.rules().count("table inet semaphore_vpn") == 1,
            "the table is back",
        )
        until(lambda: self.reaches(self.lab.client1, HOST), "the grant is back", 30)
        self.assertFalse(self.reaches(self.lab.client2, HOST))

    def test_one_chain(self) -> None:
        """Without one of the chains no more is forwarded than with it."""
        self.hold()
        for chain in ("forward", "prerouting"):
            self.machine.run("nft", "flush", "chain", "inet", "semaphore_vpn", chain)
            self.assertFalse(self.reaches(self.lab.client2, HOST))
            self.assertFalse(self.reaches(self.lab.client1, self.other.ipv4))

    def test_no_route(self) -> None:
        """Without the route, the address or the interface nothing leaves in clear."""
        self.hold()
        peers = (self.other.ipv4, self.other.ipv6)
        for words in (
            ("route", "del", "10.80.0.0/16", "dev", INTERFACE),
            ("-6", "route", "del", "fd80::/64", "dev", INTERFACE),
            ("address", "flush", "dev", INTERFACE),
            ("link", "set", INTERFACE, "down"),
            ("link", "del", INTERFACE),
        ):
            self.ip(*words)
        for address in peers:
            done = subprocess.run(
                ["ip", "-n", self.machine.namespace, "route", "get", address],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertNotEqual(done.returncode, 0, done.stdout)
        self.go_on()
        until(self.is_as_before, "all is back", 30)


class ServerTests(_Joined):
    """A server that did not forward before."""

    forwards = False

    def test_rules_flushed(self) -> None:
        """The server does not become an open router when its rules are flushed."""
        lab.ip(
            *("-n", self.lab.outsider.namespace, "route", "replace"),
            *("10.20.0.0/24", "via", "192.0.2.1"),
        )
        lab.ip(
            *("-n", self.lab.host.namespace, "route", "replace"),
            *("192.0.2.0/24", "via", "10.20.0.1"),
        )
        self.assertEqual(self.forwarding(), "1\n0\n")
        self.assertFalse(self.reaches(self.lab.outsider, HOST))
        self.hold()
        self.machine.run("nft", "flush", "ruleset")
        self.assertFalse(self.reaches(self.lab.outsider, HOST))
        self.assertTrue(self.reaches(self.machine, HOST))
        self.assertTrue(self.reaches(self.lab.host, "10.20.0.1"))
        self.go_on()
        until(self.is_as_before, "all is back", 30)
        self.companion.ask(wire.Down(), wire.Done)
        self.assertEqual(self.forwarding(), "0\n0\n")
        self.assertNotIn("147", self.policy())
        self.assertNotIn("blackhole", self.ip("route", "show"))
        self.assertNotIn("blackhole", self.ip("-6", "route", "show"))


class RepairTests(_Joined):
    """Changes by other programs are repaired and reported."""

    def again(self, *words: str, text: str = "") -> None:
        """Run a command on the server, and wait until the state is restored."""
        self.machine.run(*words, text=text)
        until(self.is_as_before, f"{words} is undone")

    def test_rules(self) -> None:
        """Flushed, replaced or changed rules are restored, and so is the interface."""
        table = ("inet", "semaphore_vpn")
        for words in (
            ("nft", "flush", "ruleset"),
            ("nft", "delete", "table", *table),
            ("nft", "flush", "table", *table),
            ("nft", "flush", "chain", *table, "served"),
            ("nft", "flush", "set", *table, "granted4"),
            ("nft", "insert", "rule", *table, "input", "accept"),
            ("nft", "add", "chain", *table, "other"),
        ):
            self.again(*words)
        until(lambda: self.reaches(self.lab.client1, HOST), "the grant holds", 30)
        self.assertIn("is down until its firewall rules are back", self.companion.log)
        self.assertIn("UP", self.ip("link", "show", "dev", INTERFACE))

    def test_interface_closes(self) -> None:
        """The interface goes down before rules are loaded, and only for our table."""
        events = self.machine.start("ip", "monitor", "link", log="links")
        self.addCleanup(events.kill)
        other = "table inet others {\n}\n"
        self.machine.run("nft", "-f", "-", text=other)
        self.machine.run("nft", "delete", "table", "inet", "others")
        self.sync()
        self.assertNotIn(INTERFACE, self.machine.log("links"))
        self.machine.run("nft", "flush", "ruleset")
        until(self.is_as_before, "all is back")
        until(lambda: self.machine.log("links").count(INTERFACE) >= 2, "it was shut")
        self.assertIn("state DOWN", self.machine.log("links"))

    def test_policy_rules(self) -> None:
        """Deleted policy rules are added again; those of other programs are kept."""
        self.ip("rule", "add", "pref", "5000", "from", "10.55.0.0/16", "prohibit")
        self.policies = self.policy()
        for words in (
            ("rule", "del", "pref", "101"),
            ("rule", "del", "pref", "100"),
            ("rule", "del", "pref", "109"),
            ("-6", "rule", "del", "pref", "103"),
            ("rule", "add", "pref", "104", "blackhole", "protocol", "147"),
        ):
            self.again("ip", *words)
        # the effect of `ip rule flush`, and an administrator's repair
        self.again(
            "ip",
            "-batch",
            "-",
            text="rule flush\n"
            "rule add pref 32766 lookup main protocol kernel\n"
            "rule add pref 32767 lookup default protocol kernel\n"
            "rule add pref 5000 from 10.55.0.0/16 prohibit\n",
        )
        self.assertTrue(self.reaches(self.lab.client1, HOST))

    def test_routes(self) -> None:
        """Deleted or replaced routes, addresses and links are made again."""
        for words in (
            ("route", "del", "10.80.0.0/16", "dev", INTERFACE),
            ("-6", "route", "del", "fd80::/64", "dev", INTERFACE),
            ("route", "replace", "10.80.0.0/16", "dev", "outer"),
            ("route", "del", "blackhole", "10.80.0.0/16"),
            ("-6", "route", "del", "blackhole", "fd80::/64"),
            ("address", "del", "10.80.0.1/16", "dev", INTERFACE),
            ("-6", "address", "del", "fd80::1/64", "dev", INTERFACE),
            ("link", "set", INTERFACE, "down"),
            ("link", "del", INTERFACE),
        ):
            self.again("ip", *words)
        self.sync()
        until(lambda: self.reaches(self.lab.client1, HOST), "the grant holds", 30)

    def test_bridge_in_the_pool(self) -> None:
        """A network created later keeps its addresses, and the doctor reports it."""
        self.ip("link", "add", "br7", "type", "bridge")
        self.ip("address", "add", "10.80.7.1/24", "dev", "br7")
        self.ip("link", "set", "br7", "up")
        found = self.ip("route", "get", "10.80.7.9")
        self.assertIn("dev br7", found)
        # also for packets that are forwarded there
        found = self.ip("route", "get", "10.80.7.9", "from", HOST, "iif", "site")
        self.assertIn("dev br7", found)
        self.assertTrue(self.reaches(self.lab.client1, HOST))
        findings = self.companion.ask(wire.Diagnose(), wire.Diagnosis).findings
        told = [x.sentence for x in findings if x.subject == "networks"]
        self.assertTrue(any("10.80.7.0/24 is routed to br7" in x for x in told), told)
        self.assertTrue(any("10.80.7.1/24 of br7" in each for each in told), told)
        self.assertIn("10.80.7.1", self.ip("address", "show", "dev", "br7"))

    def test_doctor(self) -> None:
        """The doctor reports a complete set-up, and a foreign rule before ours."""

        def told(subject: str) -> list[tuple[str, str]]:
            findings = self.companion.ask(wire.Diagnose(), wire.Diagnosis).findings
            return [(x.level, x.sentence) for x in findings if x.subject == subject]

        ((level, _),) = told("isolation")
        self.assertEqual((level, told("networks")), ("ok", []))
        self.ip("rule", "add", "pref", "7", "lookup", "main")
        ((level, sentence),) = told("networks")
        self.assertEqual(level, "warning")
        self.assertIn("The policy rule 7 of IPv4 is asked before ours", sentence)
