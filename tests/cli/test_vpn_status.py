"""``semaphore vpn status``, ``plan`` and ``doctor``."""

import json
import time
from pathlib import Path
from typing import Any

from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.start.running import RunningReport
from semaphore_twisted.start.state import Lock
from semaphore_twisted.wireguard import key_pairs, keys, wire
from tests.support.scripted_companion import ScriptedCompanion, welcome
from tests.support.vpn_command import VpnCase


class Answers:
    """The companion's answers, which a test can change."""

    def __init__(self) -> None:
        """Know no peer, and plan nothing."""
        self.welcome = welcome()
        self.peers: tuple[wire.Status, ...] = ()
        self.changes: tuple[str, ...] = ()
        self.findings = (wire.Finding("backend", "ok", "WireGuard is served"),)

    def __call__(self, request: wire.Request) -> wire.Answer:
        """Return the answer."""
        match request:
            case wire.Hello():
                return self.welcome
            case wire.Observe():
                return wire.Observed(time.time(), 7, self.peers)
            case wire.Plan():
                return wire.Planned(self.changes)
            case wire.Diagnose():
                return wire.Diagnosis(self.findings)
            case _:
                return wire.Failed("refused", "not by this test")


class CompanionCase(VpnCase):
    """Has a companion that agrees with the database, and a peer."""

    def setUp(self) -> None:
        """Set up the VPN."""
        super().setUp()
        self.set_up()
        self.peer = self.add("box", "--user", "alice", "--grant", "lan")["peer"]
        self.answers = Answers()
        self.asked: ScriptedCompanion = self.companion(self.answers)
        network = vpn_network.get(self.site.conn, None)
        self.answers.welcome = welcome(
            keys.decode(network.public_key),
            pools=(network.pool4, network.pool6),
            sites=("10.20.0.0/16",),
            tcp_ports=(53, 3000),
        )

    def handshake(self, ago: int = 30) -> None:
        """Let the peer have made a handshake."""
        key = keys.decode(self.peer["public_key"])
        seen = int(time.time()) - ago
        status = wire.Status(key, "192.0.2.7:4000", seen, 3 << 20, 5 << 10)
        self.answers.peers = (status,)


class StatusTests(CompanionCase):
    """The table of peers."""

    def test_seen(self) -> None:
        """Each peer has its handshake, and bytes as its user sees them."""
        self.handshake()
        out = self.done("status")
        (line,) = [each for each in out.split("\n") if "box" in each]
        self.assertRegex(line, r"alice +laptop +10\.80\.0\.2 +active +active +3\ds ago")
        self.assertRegex(line, r"5\.0 KiB +3\.0 MiB +192\.0\.2\.7:4000")
        self.assertIn("semaphore0 (memory)", out)

    def test_json(self) -> None:
        """For programs, too."""
        self.handshake(1000)
        found = json.loads(self.done("status", "--json"))
        self.assertEqual(found["backend"], "memory")
        (one,) = found["peers"]
        self.assertEqual(one["peer"]["name"], "box")
        self.assertEqual(one["status"]["online"], "idle")
        self.assertEqual(one["status"]["received"], 5 << 10)

    def test_disabled_user(self) -> None:
        """A peer whose user is disabled is not shown as active."""
        self.site.conn.raw.execute("UPDATE user SET active = 0 WHERE username='alice'")
        for words in (["status"], ["peer", "list"], ["peer", "show", "box"]):
            out = self.done(*words)
            self.assertIn("stopped (its user is disabled)", out)
        (one,) = json.loads(self.done("status", "--json"))["peers"]
        self.assertEqual(one["peer"]["stopped"], "its user is disabled")

    def test_foreign(self) -> None:
        """A peer of the device that the database does not want is listed."""
        self.handshake()
        key = key_pairs.new_pair(bytes).public_key
        foreign = wire.Status(key, "192.0.2.99:1", 0, 0, 0)
        self.answers.peers = (*self.answers.peers, foreign)
        (line,) = [e for e in self.done("status").split("\n") if "foreign" in e]
        self.assertIn(keys.format(key), line)
        self.assertIn("192.0.2.99:1", line)
        found = json.loads(self.done("status", "--json"))
        self.assertEqual(
            [e["public_key"] for e in found["foreign"]], [keys.format(key)]
        )
        self.assertEqual(len(found["peers"]), 1)

    def test_never(self) -> None:
        """A peer that was never heard of."""
        self.assertIn("never", self.done("status"))

    def test_no_companion(self) -> None:
        """Without a companion the known state is shown, and the failure is one line."""
        self.site.configure()
        code, out, err = self.site.run("status")
        self.assertEqual((code, err.count("\n")), (1, 1))
        self.assertIn("box", out)
        self.assertIn("systemctl start semaphore-vpn", err)

    def test_hostile_name(self) -> None:
        """Nothing in the table can steer a terminal."""
        self.site.conn.raw.execute("UPDATE vpn_peer SET name = 'a\x1b[2Jb'")
        for words in (["status"], ["peer", "list"], ["peer", "show", "1"]):
            out = self.done(*words)
            self.assertNotIn("\x1b", out)


class PlanTests(CompanionCase):
    """The changes that would be made."""

    def test_empty(self) -> None:
        """Nothing: exit code 0. The companion gets what the server would send."""
        self.assertEqual(self.done("plan"), "Nothing to change\n")
        (plan,) = [each for each in self.asked.asked if isinstance(each, wire.Plan)]
        (peer,) = plan.peers
        self.assertEqual(peer.public_key, keys.decode(self.peer["public_key"]))
        self.assertIn(wire.WireGrant("10.80.0.2", "10.20.0.0/16"), plan.grants)

    def test_changes(self) -> None:
        """Something: exit code 2, and a sentence each."""
        self.answers.changes = ("add a peer", "remove a peer")
        code, out, err = self.site.run("plan")
        self.assertEqual((code, out, err), (2, "add a peer\nremove a peer\n", ""))
        code, out, _ = self.site.run("plan", "--json")
        self.assertEqual(
            (code, json.loads(out)["changes"]), (2, ["add a peer", "remove a peer"])
        )

    def test_no_companion(self) -> None:
        """Without a companion there is no plan."""
        self.site.configure()
        self.assertIn("vpn.sock", self.refused("plan"))


class DoctorTests(CompanionCase):
    """Findings, and the exit code."""

    def found(self, *, code: int = 1) -> dict[str, list[Any]]:
        """Return the findings by subject."""
        folder = str(self.site.settings)
        done, out, err = self.site.run("doctor", "--json", "--vpn-settings", folder)
        self.assertEqual((done, err), (code, ""), out)
        result: dict[str, list[Any]] = {}
        for each in json.loads(out):
            result.setdefault(each["subject"], []).append(each)
        return result

    def test_findings(self) -> None:
        """Each thing is looked at, the companion's findings are among them."""
        self.handshake()
        found = self.found()
        for subject in (
            "backend",
            "companion",
            "server key",
            "ports",
            "clock",
            "applied",
        ):
            self.assertEqual([e["level"] for e in found[subject]], ["ok"], subject)
        self.assertEqual([e["level"] for e in found["file modes"]], ["ok"])
        # no server runs here, and the name leads nowhere
        self.assertEqual([e["level"] for e in found["server"]], ["error"])
        self.assertIn("endpoint", found)

    def serve(self, trouble: str = "", **environ: str) -> None:
        """Have a server run that was given *environ*."""
        lock = Lock.take(self.site.state)
        self.addCleanup(lock.release)
        config = self.site.state / "config.json"
        settings = configuration.parse(
            config.read_bytes(),
            name="config.json",
            environ={f"SEMAPHORE_{name}": value for name, value in environ.items()},
            read=content_of,
        )
        report = RunningReport(self.site.state, settings)
        report.startService()
        report.companion(trouble)

    def test_refused_server(self) -> None:
        """A server that the companion refuses is an error, though root is answered."""
        self.serve("the companion hung up: another user than the server's")
        found = self.found()
        self.assertEqual([e["level"] for e in found["companion"]], ["ok"])
        sentences = [e["sentence"] for e in found["server"] if e["level"] == "error"]
        self.assertEqual(len(sentences), 1)
        self.assertIn("the companion hung up", sentences[0])

    def test_other_options(self) -> None:
        """Options given to the server only are reported and used."""
        self.serve(VPN_ONLY="true", VPN_PORT="8443")
        found = self.found()
        told = " ".join(each["sentence"] for each in found["options"])
        for words in ("vpn.only", "vpn.port", "8443", "SEMAPHORE_VPN_PORT"):
            self.assertIn(words, told)
        self.assertIn("8443", json.dumps(found["ports"]))

    def test_settings(self) -> None:
        """The NAT of networks is reported; missing settings are an error."""
        (finding,) = self.found()["nat"]
        self.assertEqual(finding["level"], "ok")
        self.init("--no-nat", "lan")
        (finding,) = self.found()["nat"]
        self.assertEqual(finding["level"], "warning")
        self.assertIn("10.80.0.0/16", finding["sentence"])
        (self.site.settings / "companion.json").unlink()
        (finding,) = self.found()["settings"]
        self.assertIn("vpn init", finding["sentence"])

    def test_table(self) -> None:
        """A person gets a table."""
        code, out, _ = self.site.run("doctor")
        self.assertEqual(code, 1)
        self.assertTrue(out.startswith("LEVEL"))

    def test_drift(self) -> None:
        """A change that is not applied to the device is an error."""
        self.answers.changes = ("add a peer",)
        (finding,) = self.found()["applied"]
        self.assertEqual(finding["level"], "error")
        self.assertIn("add a peer", finding["sentence"])

    def test_damaged(self) -> None:
        """A preshared key that does not open is an error that names the peer."""
        self.site.conn.raw.execute("UPDATE vpn_peer SET preshared_key = 's1.x.y'")
        (finding,) = self.found()["database"]
        self.assertIn("box", finding["sentence"])

    def test_modes(self) -> None:
        """Wider rights are an error with the way to mend them."""
        for path in (
            self.site.state / "semaphore.db",
            self.site.settings / "private.key",
            Path(self.site.settings),
        ):
            mode = path.stat().st_mode
            path.chmod(0o755)
            (finding,) = self.found()["file modes"]
            self.assertIn(f"chmod {mode & 0o777:o} {path}", finding["sentence"])
            path.chmod(mode)

    def test_no_companion(self) -> None:
        """Without a companion the rest is still looked at."""
        self.site.configure()
        found = self.found()
        self.assertEqual([e["level"] for e in found["companion"]], ["error"])
        self.assertIn("file modes", found)
