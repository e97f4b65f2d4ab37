"""The lab itself: its networks, its accounts, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support import lab
from tests.support.lab import LabTestCase, until
from tests.support.lab_flood import Flood
from tests.support.lab_machine import COMPANION, NOBODY, SERVER


def processes_of(folder: Path) -> list[str]:
    """Return the command lines that name *folder*."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(words.decode(errors="replace"))
    return found


class LabTests(LabTestCase):
    """The features of the lab that the VPN tests depend on."""

    def test_networks(self) -> None:
        """The machines of a network reach one another, and no other machine."""
        for machine in (self.lab.client1, self.lab.client2, self.lab.outsider):
            machine.run("ping", "-c1", "-W2", "192.0.2.1")
            machine.run("ping", "-c1", "-W2", "2001:db8::1")
        self.lab.server.run("ping", "-c1", "-W2", "10.20.0.5")
        done = self.lab.client1.try_run("ping", "-c1", "-W1", "10.20.0.5")
        self.assertNotEqual(done.returncode, 0)

    def test_accounts(self) -> None:
        """A service has its own capabilities only, and can run our code."""
        for account, wanted in (
            (SERVER, 1 << 10),
            (COMPANION, 1 << 12),
            (NOBODY, 0),
        ):
            status = self.lab.server.run("cat", "/proc/self/status", account=account)
            sets = {
                line.split()[0]: int(line.split()[1], 16)
                for line in status.splitlines()
                if line.startswith("Cap")
            }
            self.assertEqual(
                sets,
                dict.fromkeys(("CapInh:", "CapPrm:", "CapEff:", "CapBnd:"), wanted)
                | {"CapAmb:": wanted},
            )
            self.assertIn("NoNewPrivs:\t1", status)
            said = self.lab.server.run(
                *(sys.executable, "-c"),
                "import os, pwd, semaphore_twisted as found;"
                "print(pwd.getpwuid(os.getuid())[0], found.__name__)",
                account=account,
            )
            self.assertEqual(said, f"{account.name} semaphore_twisted\n")

    def test_run_is_private(self) -> None:
        """Machines do not see each other's files below ``/run``."""
        self.lab.server.run("touch", "/run/here")
        self.assertIn("here", self.lab.server.run("ls", "/run"))
        self.assertNotIn("here", self.lab.client1.run("ls", "/run"))
        self.assertFalse(Path("/run/here").exists())

    def test_names(self) -> None:
        """Names of "the internet" are resolved, and no other names."""
        self.lab.outside_names()
        found = self.lab.client1.run("getent", "ahostsv4", "vpn.example")
        self.assertTrue(found.startswith("192.0.2.1 "), found)
        done = self.lab.client1.try_run("getent", "ahostsv4", "no.example")
        self.assertEqual(done.returncode, 2)

    def test_flood(self) -> None:
        """A flood counts the lost pings, and records the time of the last answer."""
        flood = Flood(self.lab.client1, "192.0.2.1").wait(20)
        lab.ip("-n", self.lab.server.namespace, "link", "set", "outer", "down")
        cut = time.time()
        time.sleep(0.3)
        lab.ip("-n", self.lab.server.namespace, "link", "set", "outer", "up")
        flood.wait(5)
        loss = flood.stop()
        self.assertTrue(8 <= loss.lost <= 200, loss.lost)
        self.assertGreaterEqual(loss.gap(cut), 0.25)
        loss = Flood(self.lab.client2, "192.0.2.1").wait(20).stop()
        self.assertEqual(loss.lost, 0)

    def test_nothing_stays(self) -> None:
        """After the lab there is no namespace, no process and no file of it."""
        made = lab.Lab()
        try:
            made.client1.start("sh", "-c", "setsid sleep 1000 & exec sleep 1001")
            until(lambda: len(made.client1.pids()) == 2, "both processes run")
            numbers = made.client1.pids()
            namespace = made.client1.namespace
        finally:
            made.close()
        self.assertNotIn(namespace, lab.ip("netns", "list"))
        self.assertFalse(made.folder.exists())
        until(
            lambda: not any(Path(f"/proc/{each}").exists() for each in numbers),
            "the processes are gone",
        )
        self.assertEqual(processes_of(made.folder), [])

    def test_killed(self) -> None:
        """The remains of a killed test are removed by the next lab."""
        script = (
            "import time; from tests.support.lab import Lab; made = Lab();"
            "made.client1.start('sleep', '1000'); time.sleep(0.2);"
            "print(made.client1.namespace, made.folder, flush=True); time.sleep(1000)"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        namespace, folder = child.stdout.readline().split()
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        subprocess.run(["rm", "-r", folder], check=True)
        self.assertIn(namespace, lab.ip("netns", "list"))
        lab.sweep()
        self.assertNotIn(namespace, lab.ip("netns", "list"))
        self.assertIn(self.lab.server.namespace, lab.ip("netns", "list"))
        self.assertEqual(os.geteuid(), 0)
