"""The networks that peers can reach, and the bounds of requests to the companion."""

import sys
from typing import Any

from msgspec.structs import replace
from nacl.utils import random

from semaphore_twisted.wireguard import keys, wire, wire_answers
from semaphore_twisted.wireguard.settings import SiteRule
from tests.support import lab
from tests.support.companion_process import (
    INTERFACE,
    SETTINGS,
    Asker,
    Companion,
    Peer,
    as_unit,
)
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import (
    COMPANION,
    NOBODY,
    SERVER,
    Account,
    CommandFailed,
    Machine,
)

#: A client that wants everything.
EVERYTHING = "0.0.0.0/0, fd20::/64, fd30::/64"

BEHIND = replace(
    SETTINGS,
    sites=(
        SiteRule("10.20.0.5/32"),
        SiteRule("10.20.0.0/24"),
        SiteRule("169.254.0.0/16"),
        SiteRule("fd20::5/128"),
    ),
)


def reaches(machine: Machine, address: str, *words: str) -> bool:
    """Whether *machine* has an answer to a ping."""
    done = machine.try_run("ping", "-nc1", "-W1", *words, address)
    return done.returncode == 0


class ReachTests(LabTestCase):
    """A client whose own file routes all networks into the tunnel."""

    def setUp(self) -> None:
        """Start the companion, and give the host behind it more addresses."""
        super().setUp()
        lab.address(self.lab.server, "site", "fd20::1/64", "169.254.0.1/16")
        lab.address(
            self.lab.host,
            "site",
            *("10.20.0.8/24", "169.254.169.254/16", "fd20::5/64", "fd20::8/64"),
        )
        self.companion = as_unit(self.lab.server, BEHIND)
        self.companion.start()
        self.peer = Peer()
        self.companion.sync(self.peer)
        self.peer.join(self.lab.client1, self.companion, allowed=EVERYTHING)
        self.client = self.lab.client1

    def grant(self, *networks: str) -> None:
        """Grant the peer *networks* and no other ones."""
        grants = [
            (self.peer.ipv6 if ":" in each else self.peer.ipv4, each)
            for each in networks
        ]
        self.companion.sync(self.peer, grants=grants)

    def test_nothing_is_granted(self) -> None:
        """Without a grant nothing behind the server is reached."""
        self.assertTrue(reaches(self.client, "10.80.0.1"))
        for address in ("10.20.0.5", "fd20::5", "10.20.0.1", "192.0.2.53"):
            self.assertFalse(reaches(self.client, address, "-I", INTERFACE), address)

    def test_granted(self) -> None:
        """Only granted networks are reachable, in both families."""
        self.grant("10.20.0.5/32", "fd20::5/128")
        self.assertTrue(reaches(self.client, "10.20.0.5"))
        self.assertTrue(reaches(self.client, "fd20::5"))
        for address in ("10.20.0.8", "fd20::8", "10.20.0.1", "fd20::1", "192.0.2.53"):
            self.assertFalse(reaches(self.client, address, "-I", INTERFACE), address)
        self.grant("10.20.0.0/24")
        self.assertTrue(reaches(self.client, "10.20.0.8"))
        self.assertFalse(reaches(self.client, "fd20::5"))

    def test_without_nat(self) -> None:
        """A network that knows the way back needs no address translation."""
        self.companion.end()
        plain = replace(BEHIND, sites=(SiteRule("10.20.0.0/24", nat=False),))
        self.companion.write(plain)
        self.companion.start()
        self.grant("10.20.0.0/24")
        self.assertFalse(reaches(self.client, "10.20.0.5"))
        namespace = ("-n", self.lab.host.namespace)
        lab.ip(*namespace, "route", "add", "10.80.0.0/16", "via", "10.20.0.1")
        self.assertTrue(reaches(self.client, "10.20.0.5"))
        # the host cannot open a connection to a peer
        self.assertFalse(reaches(self.lab.host, self.peer.ipv4))

    def test_uplinks_swapped(self) -> None:
        """A granted network stays reachable when its route moves to another link."""
        self.grant("10.20.0.0/24")
        self.assertTrue(reaches(self.client, "10.20.0.5"))
        lab.ip("-n", self.lab.server.namespace, "link", "del", "site")
        self.lab.cable(self.lab.server, "swapped", self.lab.host, "site")
        lab.address(self.lab.server, "swapped", "10.20.0.1/24")
        lab.address(self.lab.host, "site", "10.20.0.5/24")
        self.assertTrue(reaches(self.client, "10.20.0.5"))

    def test_withdrawn(self) -> None:
        """A withdrawn grant ends at once, under way or not; so does forwarding."""
        self.grant("10.20.0.5/32", "fd20::5/128")
        self.assertTrue(reaches(self.client, "10.20.0.5"))
        self.assertEqual(self.forwarding(), ["1", "1"])
        self.grant("fd20::5/128")
        self.assertFalse(reaches(self.client, "10.20.0.5"))
        self.assertEqual(self.forwarding(), ["0", "1"])
        self.grant()
        self.assertFalse(reaches(self.client, "fd20::5"))
        self.assertEqual(self.forwarding(), ["0", "0"])

    def forwarding(self) -> list[str]:
        """Return the switches of both families."""
        folder = "/proc/sys/net"
        printed = self.lab.server.run(
            "cat", f"{folder}/ipv4/ip_forward", f"{folder}/ipv6/conf/all/forwarding"
        )
        return printed.split()

    def test_metadata(self) -> None:
        """Metadata services of clouds are unreachable, even if they were granted."""
        self.assertTrue(reaches(self.lab.server, "169.254.169.254"))
        self.grant("169.254.0.0/16", "10.20.0.0/24")
        self.assertTrue(reaches(self.client, "10.20.0.5"))
        self.assertFalse(reaches(self.client, "169.254.169.254"))

    def test_ports(self) -> None:
        """A peer reaches the published ports of the server, and no other ports."""
        for port in ("443", "8080"):
            self.lab.server.start(sys.executable, "-m", "http.server", port, log=port)
        self.web = "http://10.80.0.1:443/"
        until(lambda: self.lab.server.curl(self.web).status == 200, "it serves")
        self.assertEqual(self.client.curl(self.web, seconds=2).status, 200)
        for address in ("10.80.0.1:8080", "192.0.2.1:443", "10.20.0.1:443"):
            found = self.client.curl(f"http://{address}/", "--interface", INTERFACE)
            self.assertEqual(found.status, 0, address)
        # outside the tunnel, the server itself decides
        self.assertEqual(self.client.curl("http://192.0.2.1:8080/").status, 200)

    def test_route_trick(self) -> None:
        """The tunnel's address cannot be reached past the tunnel, in both families."""
        self.lab.server.start(
            sys.executable, "-m", "http.server", "443", "--bind", "::", log="443"
        )
        until(
            lambda: self.lab.server.curl("http://[fd80::1]:443/").status == 200,
            "it serves",
        )
        outsider = self.lab.outsider
        namespace = ("-n", outsider.namespace, "route", "add")
        lab.ip(*namespace, "10.80.0.0/16", "via", "192.0.2.1")
        lab.ip(*namespace, "fd80::/64", "via", "2001:db8::1")
        for address in ("10.80.0.1", "[fd80::1]"):
            found = outsider.curl(f"http://{address}:443/", seconds=1)
            self.assertEqual(found.status, 0, address)
            self.assertFalse(reaches(outsider, address.strip("[]")))
            found = self.client.curl(f"http://{address}:443/", seconds=2)
            self.assertEqual(found.status, 200, address)
        # nor is a peer, whether the server forwards or not
        self.grant("10.20.0.5/32", "fd20::5/128")
        for address in (self.peer.ipv4, self.peer.ipv6):
            self.assertFalse(reaches(outsider, address))
            self.assertTrue(reaches(self.lab.server, address))

    def test_spoofed(self) -> None:
        """A peer that takes another's address is not heard."""
        other = Peer(9)
        self.companion.sync(self.peer, other, grants=[(other.ipv4, "10.20.0.5/32")])
        lab.address(self.client, INTERFACE, f"{other.ipv4}/32")
        self.assertTrue(reaches(self.client, "10.80.0.1", "-I", self.peer.ipv4))
        self.assertFalse(reaches(self.client, "10.80.0.1", "-I", other.ipv4))
        self.assertFalse(reaches(self.client, "10.20.0.5", "-I", other.ipv4))

    def test_other_peers(self) -> None:
        """Peers do not reach each other."""
        other = Peer(9)
        self.companion.sync(self.peer, other, grants=[(self.peer.ipv4, "10.20.0.5/32")])
        other.join(self.lab.client2, self.companion, allowed=EVERYTHING)
        self.assertTrue(reaches(self.lab.client2, "10.80.0.1"))
        self.assertFalse(reaches(self.lab.client2, self.peer.ipv4))
        self.assertFalse(reaches(self.client, other.ipv6))

    def test_foreign_policy(self) -> None:
        """Another program's chain that drops is reported, and not changed."""
        self.lab.server.run(
            *("nft", "-f", "-"),
            text="table ip docker { chain FORWARD {\n"
            "type filter hook forward priority 0; policy drop;\n}\n}\n",
        )
        rules = self.companion.rules()
        found = self.companion.ask(wire.Diagnose(), wire.Diagnosis).findings
        (finding,) = [each for each in found if each.subject == "forward"]
        self.assertEqual(finding.level, "warning")
        self.assertIn("`ip docker FORWARD`", finding.sentence)
        self.assertEqual(self.companion.rules(), rules)

    def test_one_family(self) -> None:
        """Peers with one family only, and a VPN with one, work."""
        four, six = self.peer.wire, Peer(9).wire
        request = wire.Sync(
            revision=1,
            peers=(
                replace(four, addresses=four.addresses[:1]),
                replace(six, addresses=six.addresses[1:]),
            ),
            grants=(
                wire.WireGrant(four.addresses[0], "10.20.0.5/32"),
                wire.WireGrant(six.addresses[1], "fd20::5/128"),
            ),
        )
        self.companion.ask(request, wire.Synced)
        self.assertTrue(reaches(self.client, "10.20.0.5"))
        self.companion.ask(wire.Down(), wire.Done)
        self.companion.end()
        self.companion.write(replace(BEHIND, addresses=BEHIND.addresses[:1]))
        self.companion.start()
        self.assertNotIn("fd80", lab.ip("-n", self.lab.server.namespace, "address"))
        request = wire.Sync(revision=1, peers=request.peers[:1])
        self.companion.ask(request, wire.Synced)
        until(lambda: reaches(self.client, "10.80.0.1"), "it is back")

    def test_mtu(self) -> None:
        """The MTU is the file's, after the daemon was killed as well."""
        self.companion.end()
        self.companion.write(replace(BEHIND, mtu=1300))
        self.companion.start()
        self.assertIn("mtu 1300", self.link())
        (daemon,) = self.companion.daemons()
        self.lab.server.run("kill", "-9", str(daemon))
        until(lambda: self.companion.daemons() not in ([], [daemon]), "it is back")
        until(lambda: "mtu 1300" in self.link(), "the MTU is right")
        lab.ip("-n", self.lab.server.namespace, "link", "set", INTERFACE, "mtu", "1280")
        until(lambda: "mtu 1300" in self.link(), "the MTU is right again")

    def link(self) -> str:
        """Return the output of ``ip`` for the interface, empty without one."""
        try:
            return lab.ip("-n", self.lab.server.namespace, "link", "show", INTERFACE)
        except CommandFailed:
            return ""


_SPEAK = """\
import socket, sys
spoken = socket.socket(socket.AF_UNIX)
spoken.connect(sys.argv[1])
spoken.settimeout(10)
try:
    spoken.sendall(b'\\0\\0\\0\\x10{"type":"Hello"}')
    print(len(spoken.recv(4)))
except ConnectionError:
    print(0)
"""


class RightsTests(LabTestCase):
    """A compromised web server cannot exceed root's settings."""

    def setUp(self) -> None:
        """Start the companion with the rights of its unit."""
        super().setUp()
        self.companion = as_unit(self.lab.server)
        self.companion.start()
        self.peer = Peer()
        self.companion.sync(self.peer)

    def refused(self, account: Account, *command: str) -> None:
        """Try a command, which has to fail."""
        done = self.lab.server.try_run(*command, account=account)
        self.assertNotEqual(done.returncode, 0, (command, done.stdout))
        self.assertNotIn(keys.format(self.companion.pair.private_key), done.stdout)

    def test_key(self) -> None:
        """The server's private key is out of reach, and so is the interface."""
        numbers = [self.companion.process.pid, *self.companion.daemons()]
        for account in (SERVER, NOBODY):
            self.refused(account, "cat", str(self.companion.etc / "private.key"))
            self.refused(account, "cat", str(self.companion.etc / "companion.json"))
            self.refused(account, "ls", str(self.companion.state))
            self.refused(account, "wg", "show", INTERFACE, "private-key")
            self.refused(account, "ip", "link", "set", INTERFACE, "down")
            self.refused(account, "nft", "flush", "ruleset")
            for number in numbers:
                for name in ("mem", "environ", "fd/3"):
                    self.refused(account, "cat", f"/proc/{number}/{name}")
        # not by another process of the companion's own user either
        for name in ("mem", "environ"):
            self.refused(
                Account(COMPANION.name, COMPANION.number),
                "cat",
                f"/proc/{numbers[0]}/{name}",
            )

    def test_users(self) -> None:
        """Only the server's user and root are permitted."""
        for account, count in ((SERVER, "4"), (NOBODY, "0"), (COMPANION, "0")):
            said = self.lab.server.run(
                *(sys.executable, "-c", _SPEAK, str(self.companion.run / "vpn.sock")),
                account=account,
            )
            self.assertEqual(said.strip(), count, account.name)
        self.assertIn("User 61003 may not speak", self.companion.log)

    def test_out_of_bounds(self) -> None:
        """No verb goes beyond the file; a refused request changes nothing."""
        mine = self.peer.wire
        own = self.companion.pair.public_key
        before = self.state()
        for addresses in (
            ("10.81.0.1",),  # outside of the pool
            ("10.80.0.1",),  # the server's
            ("10.80.0.0",),
            ("10.80.255.255",),
            ("10.80.0.2/16",),
            ("10.80.0.02",),
            ("10.80.0.2\n[Interface]",),
            ("::ffff:10.80.0.2",),
            ("fd80:0::2",),
            ("fd80::2%eth0",),
            ("0.0.0.0",),
            ("10.80.0.2", "10.80.0.3"),
            ("-h",),
        ):
            self.fails("peers[0].addresses", replace(mine, addresses=addresses))
        for key in (own, bytes(32), b"\1" + bytes(31)):
            self.fails("peers[0].public_key", replace(mine, public_key=key))
        self.fails("peers[1].public_key", mine, replace(mine, addresses=("10.80.0.9",)))
        self.fails("peers[1].addresses", mine, replace(mine, public_key=random(32)))
        for grant in (
            ("10.80.0.3", "10.20.0.0/24"),  # the address of no peer
            ("10.80.0.2", "10.20.0.0/16"),  # wider than the site
            ("10.80.0.2", "10.20.0.5/32"),
            ("10.80.0.2", "0.0.0.0/0"),
            ("10.80.0.2", "fd20::/64"),
            ("10.80.0.2", "10.20.0.0/24 accept"),
        ):
            self.fails("grants[0]", mine, grants=(wire.WireGrant(*grant),))
        self.assertEqual(self.state(), before)

    def state(self) -> tuple[str, str]:
        """Return what a request can change."""
        return self.companion.wg("show", INTERFACE, "allowed-ips"), (
            self.companion.rules()
        )

    def fails(
        self, field: str, *peers: wire.WirePeer, grants: tuple[wire.WireGrant, ...] = ()
    ) -> None:
        """Check that a request out of bounds is refused, as sync and as plan."""
        for request in (
            wire.Sync(revision=1, peers=peers, grants=grants, may_empty=True),
            wire.Plan(peers=peers, grants=grants),
        ):
            failed = self.companion.ask(request, wire.Failed)
            self.assertEqual(failed.code, "refused")
            self.assertTrue(failed.reason.startswith(field), failed.reason)
            self.assertNotIn("\n", failed.reason)

    def test_garbage(self) -> None:
        """Invalid bytes get an answer or close the connection, and do nothing else."""
        self.companion.hang_up()
        for content in (b"", b"{", b"null", b'{"type":"Exec"}', b"[" * 100_000):
            asker = Asker(self.companion.run / "vpn.sock")
            asker._socket.sendall(len(content).to_bytes(4, "big") + content)
            size = int.from_bytes(asker._take(4), "big")
            failed = wire_answers.decode_answer(asker._take(size))
            self.assertIsInstance(failed, wire.Failed)
            asker.close()
        asker = Asker(self.companion.run / "vpn.sock")
        asker._socket.sendall(b"\xff\xff\xff\xff")
        self.assertRaises(ConnectionError, asker._take, 4)
        asker.close()
        self.assertEqual(self.companion.hello().backend, "userspace")

    def test_most_of_the_peers(self) -> None:
        """Most of the peers go only when that is meant."""
        peers = [Peer(number) for number in range(10, 22)]
        self.companion.sync(self.peer, *peers)
        request = wire.Sync(revision=2, peers=(self.peer.wire,))
        failed = self.companion.ask(request, wire.Failed)
        self.assertEqual(failed.code, "unsafe")
        self.assertEqual(len(self.companion.wg("show", INTERFACE, "peers").split()), 13)
        self.companion.sync(self.peer, may_empty=True)
        self.assertEqual(
            self.companion.wg("show", INTERFACE, "peers"), f"{self.peer.text}\n"
        )

    def test_another_companion(self) -> None:
        """A second companion does not take the first one's place."""
        before = self.companion.process
        self.companion.start_only()
        self.assertEqual(self.companion.process.wait(20), 78)
        self.assertIn("another companion listens there", self.companion.log)
        self.companion.process = before
        self.assertEqual(self.companion.hello().backend, "userspace")


class NoBackendTests(LabTestCase):
    """The companion runs on where it has nothing to work with."""

    def answers(self, companion: Companion) -> str:
        """Start *companion*; return the reason it gives."""
        companion.start_only()

        def has_begun() -> bool:
            try:
                return "not begun" not in companion.hello().reason
            except OSError:
                return False

        until(has_begun, "it answers")
        welcome = companion.hello()
        self.assertEqual((welcome.backend, welcome.index), ("", 0))
        request = wire.Sync(revision=1, peers=(Peer().wire,))
        failed = companion.ask(request, wire.Failed)
        self.assertEqual((failed.code, failed.reason), ("unavailable", welcome.reason))
        (finding, *_) = companion.ask(wire.Diagnose(), wire.Diagnosis).findings
        self.assertEqual((finding.level, finding.sentence), ("error", welcome.reason))
        return welcome.reason

    def covered(self, path: str) -> None:
        """Put something that fails in the place of a program."""
        source = self.lab.server.folder / "nothing"
        source.write_text("#!/bin/sh\nexit 1\n")
        source.chmod(0o755 if path.endswith("nft") else 0o644)
        self.lab.server.mounts.append((source, path))

    def test_no_right(self) -> None:
        """Without the capability, the reason is reported."""
        account = Account(COMPANION.name, COMPANION.number)
        companion = Companion(self.lab.server, account=account)
        self.assertIn("firewall's rules cannot be loaded", self.answers(companion))

    def test_no_firewall(self) -> None:
        """Without a firewall there is no tunnel: it would be open to everybody."""
        self.covered("/usr/sbin/nft")
        reason = self.answers(as_unit(self.lab.server))
        self.assertIn("firewall's rules cannot be loaded", reason)

    def test_no_wireguard(self) -> None:
        """Without the kernel's and without wireguard-go, the package is named."""
        self.covered("/usr/bin/wireguard-go")
        reason = self.answers(as_unit(self.lab.server))
        self.assertIn("apt install wireguard-go", reason)

    def test_port_in_use(self) -> None:
        """A port that another program has is named."""
        code = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM);"
        self.lab.server.start(
            *(sys.executable, "-c"),
            f"{code} s.bind(('', 51820)); print('bound', flush=True); time.sleep(99)",
            log="port",
        )
        until(lambda: "bound" in self.lab.server.log("port"), "it is bound")
        reason = self.answers(as_unit(self.lab.server))
        self.assertIn("UDP port 51820", reason)

    def test_comes_later(self) -> None:
        """Once the obstacle is removed, the tunnel comes up without a restart."""
        code = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM);"
        program = self.lab.server.start(
            *(sys.executable, "-c"),
            f"{code} s.bind(('', 51820)); print('bound', flush=True); time.sleep(99)",
            log="port",
        )
        until(lambda: "bound" in self.lab.server.log("port"), "it is bound")
        companion = as_unit(self.lab.server)
        self.answers(companion)
        program.kill()
        until(lambda: companion.hello().backend == "userspace", "it is there")

    def test_files(self) -> None:
        """Files that cannot be used end it with one line."""
        companion = as_unit(self.lab.server)
        cases: list[tuple[str, Any, str]] = [
            ("companion.json", b"{}", "addresses"),
            ("companion.json", b'{"addresses": ["10.80.0.1/16"], "x": 1}', "x"),
            ("private.key", b"no key\n", "no WireGuard private key"),
        ]
        good = {
            each: (companion.etc / each).read_bytes()
            for each in ("companion.json", "private.key")
        }
        for name, content, word in cases:
            companion.secret(name, content)
            self.assertIn(word, self.refusal(companion))
            companion.secret(name, good[name])
        (companion.etc / "private.key").chmod(0o640)
        self.assertIn("other users can read", self.refusal(companion))
        (companion.etc / "private.key").unlink()
        self.assertIn("semaphore vpn init", self.refusal(companion))

    def refusal(self, companion: Companion) -> str:
        """Start it, which has to fail; return its last line."""
        companion.start_only()
        self.assertEqual(companion.process.wait(20), 78)
        line = companion.log.rstrip("\n").rsplit("\n", 1)[-1]
        self.assertTrue(line.startswith("semaphore-vpn: "), line)
        return line
