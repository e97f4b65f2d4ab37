"""The real companion on a machine of the lab, and a client for it."""

import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, TypeVar

from nacl.utils import random

from semaphore_twisted.wireguard import key_pairs, keys, settings, wire, wire_answers
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from tests.support import lab
from tests.support.lab import until
from tests.support.lab_machine import COMPANION, SERVER, Account, Machine

INTERFACE = "semaphore0"

SETTINGS = TunnelSettings(
    addresses=("10.80.0.1/16", "fd80::1/64"),
    sites=(SiteRule("10.20.0.0/24"), SiteRule("10.30.0.0/24"), SiteRule("fd20::/64")),
    users=(SERVER.number,),
)

A = TypeVar("A")


class Asker:
    """A connection to the companion."""

    def __init__(self, path: Path) -> None:
        """Connect to the socket *path*."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(str(path))

    def ask(self, request: wire.Request) -> wire.Answer:
        """Send a request and return its answer."""
        content = wire.encode(request)
        self._socket.sendall(len(content).to_bytes(4, "big") + content)
        return wire_answers.decode_answer(
            self._take(int.from_bytes(self._take(4), "big"))
        )

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            more = self._socket.recv(count - len(taken))
            if not more:
                raise ConnectionResetError("the companion has hung up")
            taken += more
        return taken

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Companion:
    """A companion on *machine*, started by root, or as a unit for *account*."""

    def __init__(
        self,
        machine: Machine,
        found: TunnelSettings = SETTINGS,
        *,
        account: Account | None = None,
    ) -> None:
        """Write its files."""
        self.machine = machine
        self.settings = found
        self.account = account
        self.process: Any = None
        self._asker: Asker | None = None
        self.pair = key_pairs.new_pair(random)
        self.etc = machine.folder / "semaphore-vpn"
        self.state = machine.folder / "state-vpn"
        self.run = machine.folder / "run" / "semaphore-vpn"
        if account is None:
            self.etc.mkdir(mode=0o700)
        else:
            for name in (self.etc.name, self.state.name):
                machine.folder_of(account, name)
            for name in ("run/semaphore-vpn", "run/semaphore-vpn/wireguard"):
                machine.folder_of(account, name, 0o755)
            machine.mounts.append((self.run / "wireguard", "/run/wireguard"))
        self.write(found)
        self.secret(settings.KEY, keys.format(self.pair.private_key).encode() + b"\n")

    def write(self, found: TunnelSettings) -> None:
        """Write its settings."""
        self.settings = found
        self.secret(settings.FILE, settings.dump(found))

    def secret(self, name: str, content: bytes) -> None:
        """Write a file that only it can read."""
        path = self.etc / name
        path.write_bytes(content)
        path.chmod(0o600)
        if self.account is not None:
            os.chown(path, self.account.number, self.account.number)

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers and has a device."""
        self.start_only(*options)
        until(self._is_ready, f"the companion is ready: {self.log[-2000:]}")

    def start_only(self, *options: str) -> None:
        """Start it without waiting."""
        self.process = self.machine.start(
            str(Path(sys.executable).with_name("twistd")),
            *("--nodaemon", "--pidfile=", "semaphore-vpn"),
            *("--settings", str(self.etc), "--state", str(self.state)),
            *options,
            account=self.account,
            environ={"PYTHONPATH": str(Path(__file__).parents[2])},
            log="companion",
        )

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the companion ended: {self.log[-3000:]}")
        try:
            return bool(self.hello().backend)
        except OSError:
            return False

    @property
    def log(self) -> str:
        """Its output so far."""
        return self.machine.log("companion")

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send it the signal *number*, and wait until it has ended."""
        self.process.send_signal(number)
        self.process.wait(20)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; the next request opens a new one."""
        asker, self._asker = self._asker, None
        if asker is not None:
            asker.close()

    def ask(self, request: wire.Request, wanted: type[A]) -> A:
        """Return the answer, which must have the type *wanted*."""
        try:
            if self._asker is None:
                self._asker = Asker(self.run / "vpn.sock")
            answer = self._asker.ask(request)
        except OSError:
            self.hang_up()
            raise
        if not isinstance(answer, wanted):
            name = type(request).__name__
            raise AssertionError(f"{answer} to {name}\n{self.log}")  # noqa: TRY004
        return answer

    def hello(self) -> wire.Welcome:
        """Return its answer to ``Hello``."""
        return self.ask(wire.Hello(), wire.Welcome)

    def sync(self, *peers: "Peer", grants: Any = (), **more: Any) -> wire.Synced:
        """Sync *peers* and *grants*, which are pairs of address and network."""
        return self.ask(
            wire.Sync(
                revision=time.monotonic_ns(),
                peers=tuple(each.wire for each in peers),
                grants=tuple(wire.WireGrant(*each) for each in grants),
                **more,
            ),
            wire.Synced,
        )

    def daemons(self) -> list[int]:
        """Return the ids of the processes of wireguard-go."""
        return [
            pid
            for pid, words in self.machine.commands()
            if "wireguard-go" in words.split(" ")[0]
        ]

    def wg(self, *words: str, text: str = "") -> str:
        """Run ``wg`` on the machine, as root."""
        return self.machine.run("wg", *words, text=text)

    def rules(self) -> str:
        """Return the nftables ruleset of the machine."""
        return self.machine.run("nft", "-s", "list", "ruleset")


class Peer:
    """A peer with keys, and addresses derived from *number*."""

    def __init__(self, number: int = 2, *, preshared: bool = True) -> None:
        """Generate its keys."""
        self.pair = key_pairs.new_pair(random)
        self.ipv4 = f"10.80.{number // 250}.{number % 250}"
        self.ipv6 = f"fd80::{number:x}"
        self.preshared = random(32) if preshared else None

    @property
    def wire(self) -> wire.WirePeer:
        """The peer in the form of a request."""
        return wire.WirePeer(
            self.pair.public_key, (self.ipv4, self.ipv6), self.preshared
        )

    @property
    def text(self) -> str:
        """The public key, as ``wg`` prints it."""
        return keys.format(self.pair.public_key)

    def join(
        self, machine: Machine, companion: Companion, *, allowed: str = "10.80.0.1/32"
    ) -> None:
        """Configure *machine* as this peer; it routes *allowed* into the tunnel."""
        machine.run("wireguard-go", INTERFACE)
        lines = [
            "[Interface]",
            f"PrivateKey = {keys.format(self.pair.private_key)}",
            "[Peer]",
            f"PublicKey = {keys.format(companion.pair.public_key)}",
            f"AllowedIPs = {allowed}, fd80::1/128",
            f"Endpoint = 192.0.2.1:{companion.settings.port}",
            "PersistentKeepalive = 25",
        ]
        if self.preshared is not None:
            lines.append(f"PresharedKey = {keys.format(self.preshared)}")
        text = "".join(f"{line}\n" for line in lines)
        machine.run("wg", "setconf", INTERFACE, "/dev/stdin", text=text)
        lab.address(machine, INTERFACE, f"{self.ipv4}/32", f"{self.ipv6}/128")
        for each in (*allowed.split(", "), "fd80::1/128"):
            lab.ip(
                *("-n", machine.namespace, "route", "replace", each),
                *("dev", INTERFACE),
            )


def as_unit(machine: Machine, found: TunnelSettings = SETTINGS) -> Companion:
    """Return a companion with the privileges of its systemd unit."""
    return Companion(machine, found, account=COMPANION)
