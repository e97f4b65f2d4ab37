"""Namespaces in place of a VPN: a server, a peer, and an outsider.

The link from the server to the peer is a plain one with the tunnel's name; listeners do
not see a difference. The outsider is also the server's upstream resolver.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from tests.support.programs import needs

INTERFACE = "semaphore0"
SERVER, PEER, STRANGER = "10.80.0.1", "10.80.0.2", "10.80.0.99"
SERVER6, PEER6 = "fd80::1", "fd80::2"
OUTSIDE, OUTSIDER = "192.0.2.1", "192.0.2.2"


def run(*arguments: str) -> str:
    """Run a program and return its output."""
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stderr[:2000]}")
    return done.stdout


class Program:
    """A program in a namespace that answers each line with a line."""

    def __init__(self, namespace: str, module: str, *arguments: str) -> None:
        """Start it, and wait until it is ready."""
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - open till the end
        self.process = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                namespace,
                sys.executable,
                "-m",
                module,
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        if self.line() != "ready":
            raise AssertionError(f"{module} did not start: {self.log()}")

    def log(self) -> str:
        """Return its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode()

    def line(self) -> str:
        """Return its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, line: str) -> Any:
        """Send a line, and return the answer to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()


class Probe(Program):
    """Tries connections from inside a namespace."""

    def __init__(self, namespace: str) -> None:
        """Start it."""
        super().__init__(namespace, "tests.support.probe")

    def attempt(self, do: str, host: str, port: int, **more: Any) -> bytes | None:
        """Return the received data, ``None`` if there is none."""
        answer = self.ask(json.dumps({"do": do, "to": [host, port], **more}))
        return bytes.fromhex(answer["got"]) if "got" in answer else None

    def greeted(self, host: str = SERVER, port: int = 443, **more: Any) -> bool:
        """Whether the site answers there."""
        return self.attempt("tcp", host, port, **more) == b"hello"


@skipUnless(os.geteuid() == 0, "network namespaces are root's")
@needs("ip", "sysctl")
class TunnelTestCase(SynchronousTestCase):
    """A server with a site and a resolver inside its tunnel."""

    def setUp(self) -> None:
        """Create the namespaces, and start all programs, without the tunnel."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.resolv_conf = self.folder / "resolv.conf"
        self.resolv_conf.write_text(f"nameserver {SERVER}\nnameserver {OUTSIDER}\n")
        self.resolv_conf.chmod(0o644)
        self.server, self.peer, self.outsider = map(self._namespace, "spo")
        run(
            *("ip", "netns", "exec", self.server, "sysctl", "-qw"),
            "net.ipv4.ip_unprivileged_port_start=0",
        )
        self.ip(
            *(self.server, "link", "add", "eth0", "type", "veth"),
            *("peer", "name", "eth0", "netns", self.outsider),
        )
        for namespace, address in ((self.server, OUTSIDE), (self.outsider, OUTSIDER)):
            self.ip(namespace, "address", "add", f"{address}/24", "dev", "eth0")
            self.ip(namespace, "link", "set", "eth0", "up")
        # a host on the same link can send any packet to the server
        self.ip(self.outsider, "address", "add", f"{STRANGER}/32", "dev", "lo")
        self.ip(self.outsider, "route", "add", "10.80.0.0/16", "via", OUTSIDE)
        self.site = self.started(
            Program(self.server, "tests.support.tunnel_site", str(self.resolv_conf))
        )

    def started(self, program: Any) -> Any:
        """Return *program* and stop it at the end of the test."""
        self.addCleanup(program.stop)
        return program

    def probe(self, namespace: str) -> Probe:
        """Return a probe in *namespace*."""
        found: Probe = self.started(Probe(namespace))
        return found

    def up(self) -> None:
        """Create the tunnel, with addresses on both ends."""
        self.ip(
            *(self.server, "link", "add", INTERFACE, "type", "veth"),
            *("peer", "name", "tunnel0", "netns", self.peer),
        )
        self.addresses()
        for address in (f"{PEER}/16", f"{PEER6}/64"):
            self.ip(self.peer, "address", "add", address, "dev", "tunnel0", "nodad")
        self.ip(self.server, "link", "set", INTERFACE, "up")
        self.ip(self.peer, "link", "set", "tunnel0", "up")

    def addresses(self) -> None:
        """Add the addresses to the server's end."""
        for address in (f"{SERVER}/16", f"{SERVER6}/64"):
            self.ip(self.server, "address", "add", address, "dev", INTERFACE, "nodad")

    def down(self) -> None:
        """Delete the tunnel."""
        self.ip(self.server, "link", "delete", INTERFACE)

    def ip(self, namespace: str, *arguments: str) -> str:
        """Run ``ip`` in a namespace."""
        return run("ip", "-n", namespace, *arguments)

    def listening(self, *, all_of: bool = True, seconds: float = 5.0) -> float:
        """Wait until the site listens everywhere, or nowhere; return the seconds."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            found = self.site.ask("status")
            if all(each[3] is all_of for each in found):
                return time.monotonic() - begun
            time.sleep(0.01)
        raise AssertionError(f"{self.site.ask('status')}\n{self.site.log()}")

    def _namespace(self, name: str) -> str:
        full = f"tunnel{os.getpid()}{name}"
        run("ip", "netns", "add", full)
        self.addCleanup(run, "ip", "netns", "del", full)
        self.ip(full, "link", "set", "lo", "up")
        return full
