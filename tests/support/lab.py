"""The lab: machines connected by real networks, which are removed after the test.

::

    client1 .11 ──┐
    client2 .12 ──┤   192.0.2.0/24     ┌── server .1 ── 10.20.0.0/24 ── host .5
    outsider .66 ─┼── 2001:db8::/64 ───┤
    names .53 ────┘   "the internet"   └

The host on the site network has no route to any other network: it can answer only
packets from the server's own address. Needs root.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from tests.support import lab_machine
from tests.support.lab_machine import Machine
from tests.support.programs import needs

PREFIX = "sl"

#: Names on "the internet"; ``vpn.example`` is the server.
NAMES = {
    "vpn.example": "192.0.2.1",
    "second.example": "192.0.2.66",
}

_OUTER = {"server": 1, "client1": 11, "client2": 12, "names": 53, "outsider": 66}

_numbers = itertools.count()


class Lab:
    """All machines on their networks."""

    def __init__(self) -> None:
        """Create the lab; remove everything if that fails."""
        sweep()
        self._name = f"{PREFIX}{os.getpid()}x{next(_numbers)}"
        # a short path: names of sockets in it are limited to 107 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._machines: list[Machine] = []
        try:
            self._readable = lab_machine.passages(self.folder)
            self.internet = self._machine("internet")
            self.server = self._machine("server")
            self.client1 = self._machine("client1")
            self.client2 = self._machine("client2")
            self.outsider = self._machine("outsider")
            self.names = self._machine("names")
            self.host = self._machine("host")
            self._connect()
        except BaseException:
            self.close()
            raise

    def _machine(self, name: str) -> Machine:
        machine = Machine(
            name=name,
            namespace=f"{self._name}{name}",
            folder=self.folder / name,
            readable=self._readable,
        )
        self._machines.append(machine)
        return machine

    def _connect(self) -> None:
        ip("-n", self.internet.namespace, "link", "add", "br0", "type", "bridge")
        ip("-n", self.internet.namespace, "link", "set", "br0", "up")
        for machine in self._machines:
            number = _OUTER.get(machine.name)
            if number is None:
                continue
            self.cable(self.internet, machine.name, machine, "outer")
            ip(
                *("-n", self.internet.namespace, "link", "set", machine.name),
                *("master", "br0", "up"),
            )
            address(machine, "outer", f"192.0.2.{number}/24", f"2001:db8::{number}/64")
            machine.write("resolv.conf", "nameserver 192.0.2.53\n")
        self.cable(self.server, "site", self.host, "site")
        address(self.server, "site", "10.20.0.1/24")
        address(self.host, "site", "10.20.0.5/24")

    def cable(self, one: Machine, name: str, other: Machine, far: str) -> None:
        """Connect two machines; *name* and *far* are the names of the interfaces."""
        ip(
            *("-n", one.namespace, "link", "add", name, "type", "veth"),
            *("peer", "name", far, "netns", other.namespace),
        )

    def outside_names(self) -> None:
        """Start the name server of "the internet"."""
        self.names.start(
            *(sys.executable, "-m", "tests.support.lab_resolver", "192.0.2.53"),
            *(f"{name}={address}" for name, address in NAMES.items()),
            environ={"PYTHONPATH": str(Path(__file__).parents[2])},
            log="names",
        )
        until(lambda: "ready" in self.names.log("names"), "the name server is ready")

    def close(self) -> None:
        """End all processes and remove everything."""
        for machine in self._machines:
            machine.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def ip(*words: str) -> str:
    """Run ``ip`` and return what it printed."""
    done = subprocess.run(
        ["ip", *words], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        raise lab_machine.CommandFailed(f"ip {' '.join(words)}: {done.stderr}")
    return done.stdout


def address(machine: Machine, interface: str, *addresses: str) -> None:
    """Add addresses to an interface of *machine* and set it up."""
    for each in addresses:
        ip("-n", machine.namespace, "address", "add", each, "dev", interface)
    ip("-n", machine.namespace, "link", "set", interface, "up")


def until(
    true: Callable[[], bool], sentence: str, seconds: float = 60, pause: float = 0.01
) -> float:
    """Wait until *true* returns true; return the elapsed seconds.

    :raises AssertionError: with the sentence, after a timeout.
    """
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not in {seconds} s: {sentence}")
        time.sleep(pause)
    return time.monotonic() - began


def sweep() -> None:
    """Remove the labs of ended processes, such as killed ones."""
    for line in ip("netns", "list").splitlines():
        name = line.split()[0]
        number = name.removeprefix(PREFIX).partition("x")[0]
        if name.startswith(PREFIX) and number.isdigit() and not _runs(int(number)):
            lab_machine.clear(name)


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@skipUnless(os.geteuid() == 0, "network namespaces are root's")
@needs("ip", "nft", "ping", "setpriv", "sysctl", "wg", "wireguard-go")
class LabTestCase(SynchronousTestCase):
    """A lab for each test."""

    def setUp(self) -> None:
        """Create the lab."""
        # sockets and directories of the lab get the modes that a service gives them
        self.addCleanup(os.umask, os.umask(0o022))
        self.lab = Lab()
        self.addCleanup(self.lab.close)
