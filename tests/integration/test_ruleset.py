"""The rules in the kernel: loading, reloading, and the packets that pass.

A server is between a peer and a host. The link to the peer is a plain one with the
tunnel's name; the rules do not see a difference.
"""

import ipaddress
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from unittest import skipUnless

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import firewall
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from semaphore_twisted.wireguard.state import Grant
from tests.support.pace import in_time
from tests.support.programs import needs

V4 = TunnelSettings(addresses=("10.80.0.1/16",), sites=(SiteRule("10.20.0.0/16"),))
BOTH = TunnelSettings(
    addresses=("10.80.0.1/16", "fd80::1/64"),
    sites=(
        SiteRule("10.20.0.0/16"),
        SiteRule("10.20.7.0/24", nat=False),
        SiteRule("10.30.0.0/16", nat=False),
        SiteRule("169.254.0.0/16"),
        SiteRule("fd20::/48"),
    ),
)

#: Sends each client its address and largest segment; echoes its data.
LISTENER = """
import contextlib, socket, sys, threading
def serve(connection, peer):
    size = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    connection.sendall(f"{peer[0]} {size}\\n".encode())
    with contextlib.suppress(OSError):
        while data := connection.recv(100):
            connection.sendall(data)
def listen(port):
    listener = socket.create_server(
        ("::", port), family=socket.AF_INET6, dualstack_ipv6=True
    )
    while True:
        threading.Thread(target=serve, args=listener.accept(), daemon=True).start()
threads = [threading.Thread(target=listen, args=(int(p),)) for p in sys.argv[1:]]
for thread in threads:
    thread.start()
print("ready", flush=True)
"""

#: Connects from an address to several others at once, and prints their answers.
CALLER = """
import asyncio, json, socket, sys
source, *targets = sys.argv[1:]
async def call(target):
    host, port = target.rsplit(" ", 1)
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(
                host, int(port), local_addr=(source, 0) if source else None
            )
            seen = (await reader.readline()).decode().split()
            own = writer.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, socket.TCP_MAXSEG
            )
            return [seen[0].removeprefix("::ffff:"), int(seen[1]), own]
    except (OSError, TimeoutError):
        return None
async def main():
    print(json.dumps(await asyncio.gather(*map(call, targets))))
asyncio.run(main())
"""

#: Connects, and says one word for each line of its input, or that there was none.
TALKER = """
import socket, sys
connection = socket.create_connection((sys.argv[2], 80), 5, (sys.argv[1], 0))
connection.settimeout(1)
connection.recv(100)
print("connected", flush=True)
for line in sys.stdin:
    try:
        connection.sendall(b"x")
        print("answer" if connection.recv(1) else "end", flush=True)
    except OSError:
        print("silence", flush=True)
"""


def run(*arguments: str, text: str = "") -> str:
    """Run a program and return what it printed."""
    done = subprocess.run(
        arguments,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{arguments[:8]}: {done.stderr[:2000]}")
    return done.stdout


@needs("ip", "nft", "ping", "sysctl")
class Namespaces(SynchronousTestCase):
    """Network namespaces, which are removed after the test."""

    def namespace(self, name: str) -> str:
        """Make a namespace and return its name."""
        full = f"rules{os.getpid()}{name}"
        run("ip", "netns", "add", full)
        self.addCleanup(run, "ip", "netns", "del", full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        for option in ("accept_dad", "dad_transmits"):  # or IPv6 waits for a second
            value = f"net.ipv6.conf.default.{option}=0"
            run("ip", "netns", "exec", full, "sysctl", "-qw", value)
        return full

    def load(self, namespace: str, text: str) -> None:
        """Load *text* with nft."""
        run("ip", "netns", "exec", namespace, "nft", "-f", "-", text=text)

    def rules(self, namespace: str) -> str:
        """Return all rules."""
        return run("ip", "netns", "exec", namespace, "nft", "list", "ruleset")


@skipUnless(os.geteuid() == 0, "network namespaces are root's")
class LoadTests(Namespaces):
    """The text is taken by `nft`."""

    def setUp(self) -> None:
        """Make an empty namespace."""
        self.server = self.namespace("s")

    def check(self, settings: TunnelSettings, grants: Sequence[Grant]) -> str:
        """Check and load the rules, twice, and return them."""
        text = firewall.ruleset(settings, grants)
        run("ip", "netns", "exec", self.server, "nft", "-c", "-f", "-", text=text)
        self.load(self.server, text)
        first = self.rules(self.server)
        self.load(self.server, text)
        self.assertEqual(self.rules(self.server), first)
        return first

    def test_again(self) -> None:
        """Loaded twenty times, the rules are as after the first time."""
        grants = [Grant("10.80.0.2", "10.20.0.0/16"), Grant("fd80::2", "fd20::/48")]
        first = self.check(BOTH, grants)
        for _ in range(20):
            self.load(self.server, firewall.ruleset(BOTH, grants))
        self.assertEqual(self.rules(self.server), first)
        self.load(self.server, firewall.removal(BOTH))
        self.assertEqual(self.rules(self.server), "")
        self.load(self.server, firewall.removal(BOTH))

    def test_families(self) -> None:
        """With IPv4 alone, with grants of either family, or none, it loads."""
        four, six = Grant("10.80.0.2", "10.20.0.0/16"), Grant("fd80::2", "fd20::/48")
        for settings, grants in (
            *((V4, ()), (V4, (four,))),
            *((BOTH, ()), (BOTH, (four,)), (BOTH, (six,)), (BOTH, (four, six))),
        ):
            self.check(settings, grants)

    def test_overlaps(self) -> None:
        """Networks within each other, granted to one peer and to several, load."""
        self.check(
            BOTH,
            [
                Grant(f"10.80.0.{peer}", network)
                for peer in range(2, 20)
                for network in ("10.20.0.0/16", "10.20.7.0/24", "10.30.0.0/16")
                if peer % 3 or network != "10.20.0.0/16"
            ],
        )

    def test_names(self) -> None:
        """`nft` accepts each valid name of an interface; other tables are kept."""
        other = "table inet foreign {\n}\n"
        self.load(self.server, other)
        for interface in (
            "a.b-c=d+e_f",
            "0",
            "+",
            "inet",
            "drop",
            "a...........",
        ):
            settings = msgspec.structs.replace(V4, interface=interface)
            text = self.check(settings, ())
            self.assertIn(f'iifname "{interface}" jump', text)
            self.load(self.server, firewall.removal(settings))
        self.assertIn("foreign", self.rules(self.server))

    def test_many(self) -> None:
        """Ten thousand grants are loaded in one go, and again."""
        first = ipaddress.IPv4Address("10.80.0.2")
        grants = [Grant(str(first + n), "10.20.0.0/16") for n in range(10_000)]
        text = firewall.ruleset(V4, grants)
        self.load(self.server, text)
        started = time.monotonic()
        self.load(self.server, text)
        in_time(time.monotonic() - started, 5)
        self.assertEqual(self.rules(self.server).count("10.20.0.0/16"), 10_001)

    def test_all_or_nothing(self) -> None:
        """A text with one wrong word changes nothing."""
        before = self.check(BOTH, [Grant("10.80.0.2", "10.20.0.0/16")])
        text = firewall.ruleset(BOTH, ()) + "add element inet semaphore_vpn x { 1 }\n"
        self.assertRaises(AssertionError, self.load, self.server, text)
        self.assertEqual(self.rules(self.server), before)


@skipUnless(os.geteuid() == 0, "network namespaces are root's")
class PacketTests(Namespaces):
    """Packets that pass between a peer, the server, and a host behind it."""

    def setUp(self) -> None:
        """Connect the three, with listeners on the server and on the host."""
        self.peer, self.server, self.host = map(self.namespace, "psh")
        self.link(self.peer, "semaphore0", "10.80.0.2/16", "fd80::2/64")
        self.link(self.host, "lan0", "10.20.0.5/24", "fd20::5/64")
        for address in ("10.80.0.1/16", "fd80::1/64"):
            self.ip(
                self.server, "address", "add", address, "dev", "semaphore0", "nodad"
            )
        for address in ("10.20.0.1/24", "fd20::1/64"):
            self.ip(self.server, "address", "add", address, "dev", "lan0", "nodad")
        for address in ("10.20.7.5/32", "10.30.0.5/32", "169.254.169.254/32"):
            self.ip(self.host, "address", "add", address, "dev", "lo")
            self.ip(self.server, "route", "add", address, "via", "10.20.0.5")
        self.ip(self.peer, "address", "add", "10.80.0.3/16", "dev", "eth0")
        self.neighbors()
        for namespace, four, six in (
            (self.peer, "10.80.0.1", "fd80::1"),
            (self.host, "10.20.0.1", "fd20::1"),
        ):
            self.ip(namespace, "route", "add", "default", "via", four)
            self.ip(namespace, "-6", "route", "add", "default", "via", six)
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            run("ip", "netns", "exec", self.server, "sysctl", "-qw", f"{name}=1")
        for namespace in (self.peer, self.server, self.host):
            self.start(namespace, LISTENER, "22", "80", "443")

    def link(self, other: str, name: str, *addresses: str) -> None:
        """Connect another namespace to the server."""
        self.ip(
            *(self.server, "link", "add", name, "type", "veth"),
            *("peer", "name", "eth0", "netns", other),
        )
        self.ip(self.server, "link", "set", name, "up")
        for address in addresses:
            self.ip(other, "address", "add", address, "dev", "eth0", "nodad")
        self.ip(other, "link", "set", "eth0", "up")

    def ip(self, namespace: str, *arguments: str) -> str:
        """Run ``ip`` in a namespace."""
        family = [each for each in arguments if each == "-6"]
        rest = [each for each in arguments if each != "-6"]
        return run("ip", "-n", namespace, *family, *rest)

    def neighbors(self) -> None:
        """Add static neighbors on the tunnel's link, since WireGuard has no ARP."""
        for namespace, device, other, addresses in (
            (
                self.server,
                "semaphore0",
                (self.peer, "eth0"),
                ("10.80.0.2", "10.80.0.3"),
            ),
            (self.server, "semaphore0", (self.peer, "eth0"), ("fd80::2",)),
            (self.peer, "eth0", (self.server, "semaphore0"), ("10.80.0.1", "fd80::1")),
        ):
            shown = self.ip(other[0], "-j", "link", "show", "dev", other[1])
            ethernet = json.loads(shown)[0]["address"]
            for address in addresses:
                self.ip(
                    *(namespace, "neighbor", "replace", address, "lladdr", ethernet),
                    *("dev", device, "nud", "permanent"),
                )

    def start(
        self, namespace: str, program: str, *arguments: str
    ) -> "subprocess.Popen[str]":
        """Start a program, and wait for its first line."""
        started = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                namespace,
                sys.executable,
                "-c",
                program,
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def stop() -> None:
            started.kill()
            started.communicate()

        self.addCleanup(stop)
        assert started.stdout is not None
        self.assertTrue(started.stdout.readline())
        return started

    def call(self, namespace: str, source: str, *targets: str) -> list[list[object]]:
        """Return how each target, ``ADDRESS PORT``, saw the caller; ``None`` if not."""
        found: list[list[object]] = json.loads(
            run(
                *("ip", "netns", "exec", namespace, sys.executable, "-c", CALLER),
                *(source, *targets),
            )
        )
        return found

    def reached(self, namespace: str, source: str, *targets: str) -> list[str]:
        """Return those of the targets that answered."""
        answers = self.call(namespace, source, *targets)
        return [each for each, seen in zip(targets, answers, strict=True) if seen]

    def grant(self, *grants: tuple[str, str]) -> None:
        """Load the rules with grants."""
        some = [Grant(*each) for each in grants]
        self.load(self.server, firewall.ruleset(BOTH, some))

    def ping(self, namespace: str, address: str) -> bool:
        """Whether echo is answered."""
        done = subprocess.run(
            ["ip", "netns", "exec", namespace, "ping", "-c1", "-W1", "-q", address],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def test_without_rules(self) -> None:
        """Without rules everything is reached; the tests below mean something."""
        targets = ("10.80.0.1 22", "10.20.0.1 443", "10.20.0.5 80", "fd20::5 80")
        self.assertEqual(self.reached(self.peer, "", *targets), list(targets))
        targets = ("10.80.0.1 443", "fd80::1 443", "10.80.0.2 80", "fd80::2 80")
        self.assertEqual(self.reached(self.host, "", *targets), list(targets))

    def test_server(self) -> None:
        """Peers reach the published port and echo, and nothing else of it."""
        self.grant()
        self.assertEqual(
            self.reached(
                *(self.peer, "", "10.80.0.1 443", "fd80::1 443"),
                *("10.80.0.1 22", "10.80.0.1 80", "fd80::1 22"),
                *("10.20.0.1 443", "10.20.0.1 22", "fd20::1 443"),
            ),
            ["10.80.0.1 443", "fd80::1 443"],
        )
        self.assertTrue(self.ping(self.peer, "10.80.0.1"))
        self.assertTrue(self.ping(self.peer, "fd80::1"))
        self.assertFalse(self.ping(self.peer, "10.20.0.1"))

    def test_outside(self) -> None:
        """The server's address in the tunnel is reached from there and from itself."""
        self.grant()
        targets = ("10.80.0.1 443", "fd80::1 443", "10.80.0.1 80")
        self.assertEqual(self.reached(self.host, "", *targets), [])
        self.assertEqual(self.reached(self.server, "", *targets), list(targets))
        self.assertEqual(
            self.reached(self.host, "", "10.20.0.1 443"), ["10.20.0.1 443"]
        )

    def test_towards_peers(self) -> None:
        """Only the server opens connections to peers, with and without grants."""
        self.grant(("10.80.0.2", "10.20.0.0/16"), ("fd80::2", "fd20::/48"))
        targets = ("10.80.0.2 22", "fd80::2 22")
        self.assertEqual(self.reached(self.server, "", *targets), list(targets))
        self.assertEqual(self.reached(self.host, "", *targets), [])

    def test_granted(self) -> None:
        """A peer reaches its granted network, from the server's address only."""
        targets = ("10.20.0.5 80", "10.30.0.5 80", "10.20.7.5 80", "fd20::5 80")
        self.grant()
        self.assertEqual(self.reached(self.peer, "", *targets), [])
        self.grant(("10.80.0.2", "10.20.0.0/16"))
        seen = self.call(self.peer, "10.80.0.2", "10.20.0.5 80", "10.30.0.5 80")
        self.assertEqual([each and each[0] for each in seen], ["10.20.0.1", None])
        self.assertEqual(self.reached(self.peer, "10.80.0.3", *targets[:3]), [])
        self.assertEqual(self.reached(self.peer, "fd80::2", "fd20::5 80"), [])
        self.grant(("fd80::2", "fd20::/48"))
        seen = self.call(self.peer, "fd80::2", "fd20::5 80")
        self.assertEqual(seen[0][0], "fd20::1")

    def test_not_hidden(self) -> None:
        """With NAT off, the host sees the peer's address, and its replies arrive."""
        self.grant(("10.80.0.2", "10.30.0.0/16"))
        seen = self.call(self.peer, "10.80.0.2", "10.30.0.5 80", "10.20.0.5 80")
        self.assertEqual([each and each[0] for each in seen], ["10.80.0.2", None])
        self.grant(("10.80.0.2", "10.20.0.0/16"), ("10.80.0.2", "10.30.0.0/16"))
        seen = self.call(
            *(self.peer, "10.80.0.2", "10.20.0.5 80", "10.20.7.5 80", "10.30.0.5 80")
        )
        self.assertEqual(
            [each and each[0] for each in seen], ["10.20.0.1", "10.80.0.2", "10.80.0.2"]
        )

    def test_metadata(self) -> None:
        """Metadata services of clouds are unreachable, even if they were granted."""
        self.grant(("10.80.0.2", "169.254.0.0/16"), ("10.80.0.2", "10.20.0.0/16"))
        self.assertEqual(
            self.reached(self.peer, "10.80.0.2", "169.254.169.254 80", "10.20.0.5 80"),
            ["10.20.0.5 80"],
        )
        self.assertEqual(
            self.reached(self.server, "", "169.254.169.254 80"), ["169.254.169.254 80"]
        )

    def test_withdrawn(self) -> None:
        """An open connection ends with its grant, and other connections continue."""
        networks = ("10.20.0.0/16", "10.30.0.0/16")
        self.grant(*(("10.80.0.2", each) for each in networks))
        talkers = [
            self.start(self.peer, TALKER, "10.80.0.2", each)
            for each in ("10.20.0.5", "10.30.0.5")
        ]
        self.assertEqual([self.say(each) for each in talkers], ["answer", "answer"])
        self.grant(("10.80.0.2", "10.30.0.0/16"))
        self.assertEqual([self.say(each) for each in talkers], ["silence", "answer"])
        self.grant()
        self.assertEqual([self.say(each) for each in talkers], ["silence", "silence"])

    def say(self, talker: "subprocess.Popen[str]") -> str:
        """Send a word, and return the answer."""
        assert talker.stdin is not None
        assert talker.stdout is not None
        talker.stdin.write("\n")
        talker.stdin.flush()
        return talker.stdout.readline().strip()

    def test_segments(self) -> None:
        """Segments in both directions fit the tunnel, with any MSS of the peer."""
        self.grant(("10.80.0.2", "10.20.0.0/16"), ("fd80::2", "fd20::/48"))
        self.ip(self.server, "link", "set", "semaphore0", "mtu", "1420")
        for source, target, largest in (
            ("10.80.0.2", "10.20.0.5 80", 1380),
            ("fd80::2", "fd20::5 80", 1360),
        ):
            ((_, seen, own),) = self.call(self.peer, source, target)
            for size in (seen, own):  # 12 bytes of it may be a time stamp's
                self.assertIn(size, range(largest - 12, largest + 1))
