"""The abilities of an attacker in the web server: less than root's settings allow.

The attacker is a process with the server's user and capabilities, beside the real
companion.
"""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from semaphore_twisted.wireguard import key_pairs, keys
from semaphore_twisted.wireguard.settings import SiteRule as Behind
from semaphore_twisted.wireguard.settings import TunnelSettings, dump
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import COMPANION, NOBODY, SERVER, Account
from tests.support.lab_site import INTERFACE, Site

TREE = str(Path(__file__).parents[2])
SOCKET = "/run/semaphore-vpn/vpn.sock"
BEHIND = "10.20.0.0/24"


def key() -> str:
    """Return the public key of a new pair."""
    return keys.format(key_pairs.new_pair(os.urandom).public_key)


def sync(peer: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a request with one peer."""
    usual = {"public_key": key(), "addresses": ["10.80.0.2"]}
    peers = [{**usual, **(peer or {})}]
    return {"type": "Sync", "revision": 1, "peers": peers, **fields}


class RightsTests(LabTestCase):
    """The companion and the intruder run with the capabilities of their units."""

    def setUp(self) -> None:
        """Start the companion with files as `vpn init` writes them."""
        super().setUp()
        self.site = Site(self.lab)
        self.machine = self.site.machine
        self.pair = key_pairs.new_pair(os.urandom)
        folder = self.site.settings
        folder.mkdir(mode=0o700)
        settings = TunnelSettings(
            addresses=("10.80.0.1/16", "fd80::1/64"),
            sites=(Behind(BEHIND),),
            users=(SERVER.number,),
        )
        (folder / "companion.json").write_bytes(dump(settings))
        private = keys.format(self.pair.private_key)
        (folder / "private.key").write_text(private + "\n")
        for each in (folder, *folder.iterdir()):
            os.chown(each, COMPANION.number, COMPANION.number)
            each.chmod(0o700 if each == folder else 0o600)
        self.site.companion.start()
        until(self.is_ready, "the companion serves, and its interface is complete")

    def is_ready(self) -> bool:
        """Whether the companion serves and Linux has examined all its addresses."""
        if '"Welcome"' not in self.say({"type": "Hello"})[0]:
            return False
        addresses = self.machine.run("ip", "-o", "address", "show", INTERFACE)
        both = "10.80.0.1/16" in addresses and "fd80::1/64" in addresses
        return both and "tentative" not in addresses

    def say(self, *requests: object, account: Account = SERVER) -> list[str]:
        """Send requests as *account*; return what was answered, a line for each."""
        lines = [
            each if isinstance(each, str) else json.dumps(each) for each in requests
        ]
        said = self.machine.run(
            *(sys.executable, "-m", "tests.support.lab_intruder", SOCKET),
            account=account,
            text="\n".join(lines) + "\n",
            environ={"PYTHONPATH": TREE},
        )
        return said.splitlines()

    def everything(self) -> dict[str, str]:
        """Return what of the machine must not change."""
        run = self.machine.run
        return {
            "device": run("wg", "showconf", INTERFACE),
            "addresses": run("ip", "-o", "address"),
            "links": run("ip", "-br", "link"),
            "routes": run("ip", "route") + run("ip", "-6", "route"),
            "rules": run("nft", "list", "ruleset"),
            "forwarding": run("sysctl", "net.ipv4.ip_forward"),
        }

    def test_capabilities(self) -> None:
        """Companion and wireguard-go have CAP_NET_ADMIN and no other right."""
        found: dict[int, str] = {}

        def alone() -> bool:
            found.clear()
            found.update(self.machine.commands())
            return len(found) == 2  # beside them ip, wg and nft run for a moment

        until(alone, "the companion and wireguard-go are there, alone")
        for pid in found:
            status = Path(f"/proc/{pid}/status").read_text()
            for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertIn(f"{name}:\t0000000000001000", status)
            self.assertIn("NoNewPrivs:\t1", status)
            number = COMPANION.number
            self.assertIn(f"Uid:\t{number}\t{number}\t{number}\t{number}", status)

    def test_private_key(self) -> None:
        """The server's private key can be read in no file and no process."""
        processes = [pid for pid, _ in self.machine.commands()]
        for path in (
            self.site.settings / "private.key",
            self.site.settings / "companion.json",
            self.machine.folder / "companion" / "endpoints.json",
            *(
                Path(f"/proc/{pid}/{name}")
                for pid in processes
                for name in ("mem", "environ", "maps", "fd", "root/etc")
            ),
        ):
            for program in ("cat", "ls"):
                done = self.machine.try_run(
                    *(program, f"{path}/" if program == "ls" else str(path)),
                    account=SERVER,
                )
                self.assertNotEqual(done.returncode, 0, (program, path))
                self.assertEqual(done.stdout, "")
        done = self.machine.try_run("wg", "show", INTERFACE, "dump", account=SERVER)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")

    def test_network(self) -> None:
        """Interface, addresses, routes and rules cannot be changed directly."""
        before = self.everything()
        table = "semaphore_vpn"
        for words in (
            ("ip", "link", "set", INTERFACE, "down"),
            ("ip", "link", "del", INTERFACE),
            ("ip", "link", "add", "mine", "type", "dummy"),
            ("ip", "tuntap", "add", "mine", "mode", "tun"),
            ("ip", "address", "add", "10.80.0.9/16", "dev", INTERFACE),
            ("ip", "route", "add", "198.51.100.0/24", "dev", INTERFACE),
            ("wg", "set", INTERFACE, "peer", key(), "allowed-ips", "10.80.0.9/32"),
            ("wg", "set", INTERFACE, "listen-port", "1"),
            ("wireguard-go", "-f", "mine"),
            ("nft", "flush", "ruleset"),
            ("nft", "add", "rule", "inet", table, "input", "accept"),
            ("sysctl", "-w", "net.ipv4.ip_forward=1"),
        ):
            done = self.machine.try_run(*words, account=SERVER, timeout=10)
            self.assertNotEqual(
                (done.returncode, done.stderr), (0, ""), f"{words}: {done.stdout}"
            )
        self.assertEqual(self.everything(), before)

    def test_verbs(self) -> None:
        """No request exceeds the companion's file, or reveals more.

        Each is refused as a whole, with its field, and changes nothing.
        """
        self.assertIn('"Synced"', self.say(sync())[0])
        before = self.everything()
        mine = self.pair.public_key
        peers: tuple[dict[str, Any], ...] = (
            *({"addresses": [each]} for each in _ADDRESSES),
            {"addresses": []},
            {"addresses": ["10.80.0.2", "10.80.0.3"]},
            {"addresses": ["10.80.0.2", "fd80::2", "10.80.0.3"]},
            {"public_key": keys.format(mine)},
            {"public_key": base64.b64encode(bytes(32)).decode()},
            {"public_key": base64.b64encode(b"\1" + bytes(31)).decode()},
            {"public_key": base64.b64encode(bytes(31)).decode()},
            {"public_key": "x\nprivate_key=00"},
            {"preshared_key": base64.b64encode(bytes(33)).decode()},
            {"endpoint": "192.0.2.66:51820"},
            {"allowed_ips": ["0.0.0.0/0"]},
            {"name": "$(id>/tmp/pwned)"},
        )
        grants = (
            *([{"address": "10.80.0.2", "network": network}] for network in _NETWORKS),
            [{"address": "10.80.0.3", "network": BEHIND}],
            [{"address": "192.0.2.11", "network": BEHIND}],
            [{"address": "10.80.0.2", "network": BEHIND, "port": 22}],
        )
        twice = sync()
        twice["peers"] *= 2
        requests = [
            *(sync(each) for each in peers),
            *(sync(grants=each) for each in grants),
            twice,
            sync(interface="eth0"),
            sync(command="id"),
            {"type": "Sync", "revision": 1},
            {"type": "Sync", "revision": "1; id", "peers": []},
            {"type": "Run", "command": "id"},
            {"type": "Hello", "path": "/etc/shadow"},
            {"type": "Down", "interface": "eth0"},
            [],
            "nonsense",
            "[" * 5000,
        ]
        for request, answer in zip(requests, self.say(*requests), strict=True):
            self.assertRegex(
                answer,
                r'^\{"type":"Failed","code":"(malformed|refused)"',
                str(request)[:200],
            )
        self.assertEqual(self.everything(), before)
        self.assertFalse(Path("/tmp/pwned").exists())

    def test_within_bounds(self) -> None:
        """The attacker can only add peers in the pools, and grant listed networks."""
        request = sync(grants=[{"address": "10.80.0.2", "network": BEHIND}])
        self.assertIn('"Synced"', self.say(request)[0])
        self.assertIn("10.80.0.2/32", self.machine.run("wg", "show", INTERFACE))
        rules = self.machine.run("nft", "list", "ruleset")
        self.assertIn(f"10.80.0.2 . {BEHIND}", rules)

    def test_users(self) -> None:
        """Only the server's user and root get an answer."""
        hello = {"type": "Hello"}
        self.assertIn('"Welcome"', self.say(hello)[0])
        for account in (NOBODY, COMPANION):
            (answer,) = self.say(hello, account=account)
            self.assertRegex(answer, "^no answer: ")

    def test_no_secret_is_answered(self) -> None:
        """No verb answers the private key or a preshared key."""
        shared = os.urandom(32)
        peer = {"preshared_key": base64.b64encode(shared).decode()}
        request = sync(peer)
        plan = {"type": "Plan", "peers": request["peers"]}
        verbs = [{"type": each} for each in ("Hello", "Observe", "Diagnose")]
        said = "\n".join(self.say(request, request, plan, *verbs))
        self.assertEqual(said.count('"Failed"'), 0, said)
        log = self.site.companion.log
        for secret in (self.pair.private_key, shared):
            for text in (keys.format(secret), secret.hex(), repr(secret)[2:-1]):
                self.assertNotIn(text, said)
                self.assertNotIn(text, log)

    def test_outsiders_are_not_forwarded(self) -> None:
        """A grant does not make the server a router for everybody."""
        lab = self.lab
        lab.host.run("ip", "route", "add", "default", "via", "10.20.0.1")
        lab.outsider.run("ip", "route", "add", BEHIND, "via", "192.0.2.1")
        request = sync(grants=[{"address": "10.80.0.2", "network": BEHIND}])
        self.assertIn('"Synced"', self.say(request)[0])
        forwarding = ("sysctl", "-n", "net.ipv4.ip_forward")
        self.assertEqual(self.machine.run(*forwarding), "1\n")
        ping = ("ping", "-c2", "-i0.2", "-W1", "10.20.0.5")
        self.assertNotEqual(lab.outsider.try_run(*ping).returncode, 0)
        self.assertIn('"Synced"', self.say(sync())[0])
        self.assertEqual(self.machine.run(*forwarding), "0\n")
        # forwarding that the operator switched on stays on
        self.machine.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.assertIn('"Synced"', self.say(request)[0])
        self.assertEqual(lab.outsider.try_run(*ping).returncode, 0)
        self.assertIn('"Synced"', self.say(sync())[0])
        self.assertEqual(self.machine.run(*forwarding), "1\n")


#: Not addresses of peers, for one reason or another.
_ADDRESSES = (
    "10.81.0.2",
    "192.0.2.11",
    "127.0.0.1",
    "10.80.0.0",
    "10.80.0.1",
    "10.80.255.255",
    "fd80::",
    "fd80::1",
    "fd81::2",
    "::ffff:10.80.0.2",
    "10.80.0.2/32",
    "10.80.0.2/0",
    "10.80.0.02",
    " 10.80.0.2",
    "10.80.0.2\n",
    "10.80.0.2,0.0.0.0/0",
    "10.80.0.2; id",
    "fd80::2%lo",
    "FD80::2",
    "",
    "x" * 65,
)

#: Not a site network as root wrote it.
_NETWORKS = (
    "0.0.0.0/0",
    "10.20.0.0/16",
    "10.20.0.0/25",
    "10.20.0.5/32",
    "10.20.0.5/24",
    "192.0.2.0/24",
    "169.254.0.0/16",
    "::/0",
    "10.20.0.0/24 accept",
    "10.20.0.0/24\n",
    "",
)
