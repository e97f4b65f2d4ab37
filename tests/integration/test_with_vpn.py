"""Server and companion from one command of root's."""

import os
import signal
from pathlib import Path
from typing import Any

from tests.support import lab_site
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import SERVER
from tests.support.lab_site import INSIDE, INTERFACE, PROGRAMS, Site


class WithVpnTests(LabTestCase):
    """``twistd -n semaphore --with-vpn --user semaphore``."""

    def setUp(self) -> None:
        """Set the VPN up, and start both."""
        super().setUp()
        self.lab.outside_names()
        self.site = Site(self.lab, SEMAPHORE_VPN_ONLY="true")
        self.site.set_up()
        self.machine = self.site.machine
        self.process = self.start()
        self.site.until_up()

    def start(self) -> Any:
        """Start server and companion."""
        kept = self.machine.folder / "kept"
        return self.machine.start(
            *(str(PROGRAMS / "twistd"), "--nodaemon", "--pidfile=", "semaphore"),
            *("--state", str(self.site.state), "--with-vpn", "--user", SERVER.name),
            *("--vpn-settings", str(self.site.settings), "--vpn-state", str(kept)),
            environ=self.site.environ,
            log="both",
        )

    def programs(self) -> dict[str, list[int]]:
        """Return server, keeper, companions and daemons."""
        found: dict[str, list[int]] = {
            name: [] for name in ("server", "keeper", "companion", "daemon")
        }
        for pid, words in self.machine.commands():
            if "semaphore-vpn --settings" in words:
                found["companion"].append(pid)
            elif "--with-vpn" in words:
                kind = "server" if pid == self.process.pid else "keeper"
                found[kind].append(pid)
            elif Path(words.split(" ")[0]).name == "wireguard-go":
                found["daemon"].append(pid)
        return found

    def numbers(self) -> dict[str, int]:
        """Return how many there are of each."""
        return {name: len(pids) for name, pids in self.programs().items()}

    def test_ends_with_server(self) -> None:
        """Both processes end with the server; no start leaves another one."""
        index = self.machine.run("cat", f"/sys/class/net/{INTERFACE}/ifindex")
        rules, daemon = self.site.rules(), self.programs()["daemon"]
        all_ = {"server": 1, "keeper": 1, "companion": 1, "daemon": 1}
        left = {"server": 0, "keeper": 0, "companion": 0, "daemon": 1}
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            until(lambda: self.numbers() == all_, "one of each runs")
            self.process.send_signal(number)
            self.process.wait(30)
            until(lambda: self.numbers() == left, "the tunnel is left")
            # device, daemon and rules stay as they were
            self.assertEqual(self.site.rules(), rules)
            self.process = self.start()
            self.site.until_up()
        self.assertEqual(self.programs()["daemon"], daemon)
        self.assertEqual(
            self.machine.run("cat", f"/sys/class/net/{INTERFACE}/ifindex"), index
        )

    def test_keeper_terminated(self) -> None:
        """A keeper that is terminated ends with the companion; the server continues."""
        (keeper,) = self.programs()["keeper"]
        os.kill(keeper, signal.SIGTERM)
        until(lambda: self.numbers()["keeper"] == 0, "the keeper has ended")
        self.assertEqual(self.numbers()["companion"], 0)
        self.assertEqual(self.site.ping().content, "pong")

    def test_keeper_killed(self) -> None:
        """Without its keeper the companion continues, and ends with the server."""
        (keeper,) = self.programs()["keeper"]
        companion = self.companion()
        os.kill(keeper, signal.SIGKILL)
        until(lambda: self.numbers()["keeper"] == 0, "the keeper is gone")
        # beside a child that it may have forked this moment, which has its name
        self.assertIn(companion, self.programs()["companion"])
        self.process.kill()
        self.process.wait(30)
        until(lambda: self.numbers()["companion"] == 0, "the companion has ended")

    def status(self, pid: int, field: str) -> str:
        """Return a field of a process's status."""
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found = (line for line in lines if line.startswith(f"{field}:"))
        return next(found).partition(":")[2].strip()

    def companion(self) -> int:
        """Return the number of the companion's process."""
        for pid in self.machine.run("pgrep", "-f", "semaphore-vpn --settings").split():
            spaces = (Path(f"/proc/{each}/ns/net") for each in (pid, self.process.pid))
            if len({each.readlink() for each in spaces}) == 1:
                return int(pid)
        raise AssertionError("there is no companion")

    def test_both(self) -> None:
        """Both run without root, and a client can connect."""
        self.assertEqual(self.status(self.process.pid, "Uid").split()[0], "61001")
        self.assertEqual(self.status(self.process.pid, "CapBnd"), f"{1 << 10:016x}")
        link = self.site.invite("--user", "admin")
        lab_site.join(self.site, self.lab.client1, link)
        found = self.lab.client1.curl(
            f"https://{INSIDE}/api/ping",
            *("--cacert", lab_site.trust(self.site, self.lab.client1)),
        )
        self.assertEqual(found.content, "pong", found.error)

    def test_companion_comes_back(self) -> None:
        """A companion that was killed is started again; both end with the server."""
        first = self.companion()
        self.assertEqual(self.status(first, "CapBnd"), f"{1 << 12:016x}")
        os.kill(first, signal.SIGKILL)
        until(lambda: self._other(first), "another companion runs")
        self.process.terminate()
        self.process.wait(20)
        until(lambda: not self._other(0), "no companion is left")

    def _other(self, than: int) -> bool:
        try:
            return self.companion() != than
        except (AssertionError, FileNotFoundError, OSError):
            return False
