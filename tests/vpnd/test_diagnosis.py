"""The companion's findings for an administrator."""

import json
import socket
from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd import doctor
from semaphore_twisted.vpnd.diagnosis import Diagnosing
from semaphore_twisted.vpnd.forwarding import SWITCHES, Forwarding
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.programs import ProgramFailed
from semaphore_twisted.vpnd.request_validation import RequestBounds
from semaphore_twisted.vpnd.table_watch import TableWatch
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import Grant
from semaphore_twisted.wireguard.wire import Welcome
from tests.support.devices import PRIVATE, SETTINGS, Nft
from tests.support.folders import FolderTestCase

WELCOME = Welcome(
    version=1,
    backend="userspace",
    reason="",
    interface="lo",
    index=1,
    public_key=keys.public_of(PRIVATE),
    port=51820,
    mtu=1420,
    addresses=(),
    pools=(),
    sites=(),
    tcp_ports=(),
    udp_ports=(),
)


class PriorityTests(SynchronousTestCase):
    """Policy rules of other programs."""

    def test_ahead(self) -> None:
        """Foreign rules that precede ours are found."""
        found = doctor.ahead(
            [
                {"priority": 0, "src": "all", "table": "local"},
                {"priority": 7, "src": "all", "table": "main"},
                {"priority": 8, "src": "all", "iif": "eth0", "table": "7"},
                {"priority": 9, "src": "all", "iif": "semaphore0", "table": "7"},
                {"priority": 102, "src": "all", "protocol": "147", "table": "main"},
                {"priority": 5210, "src": "all", "table": "52"},
            ],
            "semaphore0",
        )
        self.assertEqual([*found], [7, 9])


class DiagnosisTests(FolderTestCase):
    """The findings of each check."""

    def setUp(self) -> None:
        """Have a machine with one link."""
        super().setUp()
        self.nft = Nft()
        for name in SWITCHES.values():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text("0\n")
        self.links: list[dict[str, Any]] = [
            {"ifname": "eth0", "mtu": 1500},
            {"ifname": "lo", "mtu": 65536, "flags": ["UP"]},
        ]
        self.routes: dict[str, list[dict[str, str]]] = {
            "-4": [{"dst": "default", "dev": "eth0", "protocol": "dhcp"}],
            "-6": [],
        }
        self.bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.bound.bind(("127.0.0.1", 0))
        self.addCleanup(self.bound.close)
        self.port = self.bound.getsockname()[1]
        self.firewall: Any = None
        self.interface = "lo"

    def findings(
        self, subject: str, *, drift: tuple[str, ...] = (), **welcome: Any
    ) -> list[tuple[str, str]]:
        """Return level and sentence of each finding on *subject*."""
        answers = self.nft.answers
        answers["ip -json address"] = json.dumps(self.links).encode()
        for family, routes in self.routes.items():
            answers[f"ip -json {family}"] = json.dumps(routes).encode()
        settings = replace(SETTINGS, interface=self.interface, port=self.port)
        forwarding = Forwarding(self.folder, root=self.folder)
        self.firewall = Firewall(
            SETTINGS,
            bounds=RequestBounds(SETTINGS, WELCOME.public_key),
            forwarding=forwarding,
            programs=self.nft,
            state=self.folder,
            watch=TableWatch("semaphore_vpn", reactor=None),
        )
        made = Diagnosing(
            settings,
            firewall=self.firewall,
            forwarding=forwarding,
            programs=self.nft,
        )
        found = self.done(made.findings(replace(WELCOME, **welcome), drift))
        return [(x.level, x.sentence) for x in found if x.subject == subject]

    def test_good(self) -> None:
        """Correct parts are reported too."""
        self.assertEqual(self.findings("backend")[0][0], "ok")
        self.assertEqual(self.findings("interface")[0][0], "ok")
        self.assertEqual(self.findings("port")[0][0], "ok")
        for subject in ("mtu", "drift", "forward", "input", "forwarding", "system"):
            self.assertEqual(self.findings(subject), [], subject)

    def test_no_backend(self) -> None:
        """Without a device its reason is the first finding."""
        found = self.findings("backend", backend="", reason="no module")
        self.assertEqual(found, [("error", "no module")])

    def test_down(self) -> None:
        """An interface that is down or missing is an error."""
        self.interface = "not-there"
        self.assertEqual(self.findings("interface")[0][0], "error")

    def test_port(self) -> None:
        """A port that is not open is an error."""
        self.bound.close()
        self.assertEqual(self.findings("port")[0][0], "error")

    def test_mtu(self) -> None:
        """A link that is too narrow for the tunnel is reported with a fitting MTU."""
        self.links[0]["mtu"] = 1460
        ((level, sentence),) = self.findings("mtu")
        self.assertEqual(level, "warning")
        self.assertIn("eth0", sentence)
        self.assertIn("1380 or less", sentence)
        self.routes["-4"] = []
        self.assertEqual(self.findings("mtu"), [])

    def test_advertised_route(self) -> None:
        """A route by advertisement that forwarding ends is named while it does."""
        self.routes["-6"] = [{"dev": "lo", "protocol": "ra"}]
        self.assertEqual(self.findings("forwarding"), [])
        (self.folder / SWITCHES[6]).write_text("1\n")
        found = self.findings("forwarding")
        with open("/proc/sys/net/ipv6/conf/lo/accept_ra") as file:  # noqa: PTH123
            wanted = file.read().strip() == "1"
        self.assertEqual(len(found), int(wanted))
        for _, sentence in found:
            self.assertIn("net.ipv6.conf.lo.accept_ra=2", sentence)

    def test_forwarding(self) -> None:
        """Grants without forwarding are an error."""
        grants = (Grant("10.80.1.2", "10.20.0.0/24"),)
        self.findings("forwarding")
        self.done(self.firewall.ensure(grants))
        self.assertEqual(self.findings("forwarding")[0][0], "error")
        (self.folder / SWITCHES[4]).write_text("1\n")
        self.assertEqual(self.findings("forwarding")[0][0], "ok")

    def test_foreign_chains(self) -> None:
        """Chains that drop are reported, with the packets they must accept."""
        chains = [
            {"family": "inet", "table": "filter", "name": "input"}
            | {"hook": "input", "policy": "drop"},
            {"family": "inet", "table": "filter", "name": "forward"}
            | {"hook": "forward", "policy": "drop"},
            {"family": "inet", "table": "filter", "name": "ok"}
            | {"hook": "forward", "policy": "accept"},
            {"family": "inet", "table": "semaphore_vpn_lo", "name": "forward"}
            | {"hook": "forward", "policy": "drop"},
            {"family": "inet", "table": "filter", "name": "plain"},
        ]
        listed = [{"metainfo": {}}, *({"chain": each} for each in chains)]
        self.nft.answers["nft -json"] = json.dumps({"nftables": listed}).encode()
        ((level, sentence),) = self.findings("input")
        self.assertEqual(level, "warning")
        self.assertIn("`inet filter input`", sentence)
        self.assertIn(str(self.port), sentence)
        ((level, sentence),) = self.findings("forward")
        self.assertIn("`inet filter forward`", sentence)

    def test_drift(self) -> None:
        """Drift is reported, up to a readable number."""
        found = self.findings("drift", drift=tuple(map(str, range(100))))
        self.assertEqual(found, [("warning", str(each)) for each in range(20)])

    def test_cannot_look(self) -> None:
        """A failing check is reported, and the other checks are made."""
        self.nft.answers["nft -json"] = ProgramFailed("nft failed (exit code 1)")
        self.links[0]["mtu"] = 1460
        self.assertEqual(
            self.findings("system"), [("warning", "nft failed (exit code 1)")]
        )
        self.assertEqual(len(self.findings("mtu")), 1)
