"""Server and companion from one command of root's."""

import os
import signal
from pathlib import Path

from tests.support import lab_site
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import SERVER
from tests.support.lab_site import INSIDE, PROGRAMS, Site


class WithVpnTests(LabTestCase):
    """``twistd -n semaphore --with-vpn --user semaphore``."""

    def setUp(self) -> None:
        """Set the VPN up, and start both."""
        super().setUp()
        self.lab.outside_names()
        self.site = Site(self.lab, SEMAPHORE_VPN_ONLY="true")
        self.site.set_up()
        machine = self.machine = self.site.machine
        kept = machine.folder / "kept"
        self.process = machine.start(
            *(str(PROGRAMS / "twistd"), "--nodaemon", "--pidfile=", "semaphore"),
            *("--state", str(self.site.state), "--with-vpn", "--user", SERVER.name),
            *("--vpn-settings", str(self.site.settings), "--vpn-state", str(kept)),
            environ=self.site.environ,
            log="both",
        )
        self.site.until_up()

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
        """Both run without root's rights, and a client comes in."""
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
