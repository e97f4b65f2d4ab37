"""Fake programs, and a companion whose device is in memory."""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
from nacl.utils import random
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from semaphore_twisted.vpnd import doctor
from semaphore_twisted.vpnd.companion import Companion
from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.vpnd.diagnosis import Diagnosing
from semaphore_twisted.vpnd.endpoints import Endpoints
from semaphore_twisted.vpnd.expiries import Expiries
from semaphore_twisted.vpnd.facts import Facts
from semaphore_twisted.vpnd.forwarding import SWITCHES, Forwarding
from semaphore_twisted.vpnd.isolation import TunnelIsolation
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.ownership import Ownership
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs
from semaphore_twisted.vpnd.request_validation import RequestBounds
from semaphore_twisted.vpnd.table_watch import TableWatch
from semaphore_twisted.vpnd.tunnel import Tunnel
from semaphore_twisted.wireguard import key_pairs, keys, wire
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from tests.support.memory_device import MemoryDevice

PRIVATE = key_pairs.new_pair(random).private_key

_FAMILIES = {("-4",), ("-6",)}

SETTINGS = TunnelSettings(
    addresses=("10.80.0.1/16", "fd80::1/64"),
    sites=(SiteRule("10.20.0.0/24"), SiteRule("fd20::/64")),
)


class ScriptedPrograms(Programs):
    """Fake programs: *answers* maps the first words of a command to output or error.

    *runs* lists all commands, with their standard input.
    """

    def __init__(self, answers: dict[str, bytes | Exception] | None = None) -> None:
        """Use *answers*; other commands print nothing."""
        nothing: Any = None
        super().__init__(nothing)
        self.answers = answers or {}
        self.runs: list[tuple[str, bytes]] = []

    def run(self, name: str, *arguments: str, content: bytes = b"") -> Deferred[bytes]:
        """Return the answer."""
        if name == sys.executable:
            return succeed(self._doctor(content))
        words = " ".join((name, *arguments))
        self.runs.append((words, content))
        fitting = [each for each in self.answers if words.startswith(each)]
        answer = self.answers[max(fitting, key=len)] if fitting else b""
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def _doctor(self, content: bytes) -> bytes:
        """Judge the facts in this process, by the scripted ``ip``."""

        def ip(*arguments: str) -> bytes:
            printed: list[bytes] = []
            _ = self.run("ip", *arguments).addCallback(printed.append)
            return printed[0]

        facts = msgspec.json.decode(content, type=Facts)
        return msgspec.json.encode([*doctor.findings(facts, ip=ip)])


class Nft(ScriptedPrograms):
    """``nft`` with one table, and ``ip`` with policy rules and routes.

    *loads* are the texts that were loaded, *rules* and *routes* the state of ``ip``.
    """

    def __init__(self) -> None:
        """Start without a table."""
        super().__init__({"nft -json": b'{"nftables": []}'})
        self.table: bytes | None = None
        self.loads: list[str] = []
        self.is_broken = False
        self.rules: dict[str, list[str]] = defaultdict(list)
        self.routes: dict[str, list[str]] = defaultdict(list)

    def run(self, name: str, *arguments: str, content: bytes = b"") -> Deferred[bytes]:
        """Load or list the table, or run ``ip``."""
        if name == "ip" and ("-batch" in arguments or arguments[1:2] in _FAMILIES):
            return self._ip(arguments, content)
        if arguments[:2] == ("-f", "-"):
            if self.is_broken:
                return fail(ProgramFailed("nft failed (exit code 1)"))
            self.loads.append(content.decode())
            self.table = content if content.count(b"\n") > 2 else None
            return succeed(b"")
        if "table" in arguments:
            if self.table is None:
                return fail(ProgramFailed("nft failed (exit code 1)"))
            return succeed(self.table)
        return super().run(name, *arguments, content=content)

    def _ip(self, arguments: tuple[str, ...], content: bytes) -> Deferred[bytes]:
        """Change or show policy rules and routes."""
        shown: list[dict[str, object]] = []
        if arguments[1:2] == ("-batch",):
            self._batch(arguments[0], content.decode())
        elif arguments[2:4] == ("rule", "show"):
            shown = [_rule(each.split()) for each in self.rules[arguments[1]]]
        elif "root" in arguments or "blackhole" in arguments:
            shown = [_route(each.split()) for each in self.routes[arguments[1]]]
            if "blackhole" in arguments:
                shown = [each for each in shown if each.get("type") == "blackhole"]
        else:
            return super().run("ip", *arguments, content=content)
        return succeed(json.dumps(shown).encode())

    def _batch(self, family: str, text: str) -> None:
        for line in text.splitlines():
            kind, verb, words = line.split(" ", 2)
            found = (self.rules if kind == "rule" else self.routes)[family]
            if verb == "del":
                found[:] = [each for each in found if not each.startswith(words)]
            elif words not in found:
                found.append(words)


def _rule(words: list[str]) -> dict[str, object]:
    """Return a rule as ``ip -json`` prints it."""
    names = {"pref": "priority", "lookup": "table"}
    names |= {"suppress_prefixlength": "suppress_prefixlen"}
    shown: dict[str, object] = {"src": "all"}
    found = iter(words)
    for word in found:
        if word in {"nop", "blackhole"}:
            shown |= {"nop": None} if word == "nop" else {"action": word}
        elif word == "to":
            network, _, length = next(found).partition("/")
            shown |= {"dst": network, "dstlen": int(length)}
        elif word == "fwmark":
            mark, _, mask = next(found).partition("/")
            shown |= {"fwmark": mark, "fwmask": mask}
        else:
            value = next(found)
            is_number = word in {"pref", "goto", "suppress_prefixlength"}
            shown[names.get(word, word)] = int(value) if is_number else value
    return shown


def _route(words: list[str]) -> dict[str, object]:
    """Return a route as ``ip -json`` prints it."""
    shown: dict[str, object] = {}
    if words[0] == "blackhole":
        shown["type"] = words.pop(0)
    shown["dst"] = words.pop(0)
    pairs = zip(words[::2], words[1::2], strict=True)
    return shown | {
        key: int(value) if key == "metric" else value for key, value in pairs
    }


class Box:
    """A companion whose parts are all accessible to a test."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: TunnelSettings = SETTINGS,
        device: IWireGuardDevice | None = None,
    ) -> None:
        """Keep its files in *folder*."""
        self.folder = folder
        self.settings = settings
        self.public_key = keys.public_of(PRIVATE)
        self.now = 1234.5
        self.clock = Clock()
        self.nft = Nft()
        self.device: Any = device or MemoryDevice(settings, PRIVATE)
        self.choices: list[Exception] = []
        for name in SWITCHES.values():
            path = folder / "net" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text("0\n")
        self.companion = self.made()

    def made(self) -> Companion:
        """Return another companion with the same files and device."""
        bounds = RequestBounds(self.settings, self.public_key)
        self.forwarding = Forwarding(self.folder, root=self.folder / "net")
        self.firewall = Firewall(
            self.settings,
            bounds=bounds,
            forwarding=self.forwarding,
            programs=self.nft,
            state=self.folder,
            watch=TableWatch("semaphore_vpn", reactor=None),
        )
        self.isolation = TunnelIsolation(self.settings, programs=self.nft)
        tunnel = Tunnel(
            self.settings,
            self.public_key,
            choose=self._choose,
            ownership=Ownership(
                self.settings,
                self.public_key,
                programs=self.nft,
                state=self.folder,
                sockets=self.folder,
            ),
            firewall=self.firewall,
            isolation=self.isolation,
            endpoints=Endpoints(self.folder),
            seconds=self.clock.seconds,
        )
        return Companion(
            tunnel=tunnel,
            bounds=bounds,
            firewall=self.firewall,
            forwarding=self.forwarding,
            diagnosing=Diagnosing(
                self.settings,
                firewall=self.firewall,
                forwarding=self.forwarding,
                programs=self.nft,
            ),
            expiries=Expiries(self.folder),
            settings=self.settings,
            public_key=self.public_key,
            now=lambda: self.now,
        )

    async def _choose(self) -> IWireGuardDevice:
        if self.choices:
            raise self.choices.pop(0)
        found: IWireGuardDevice = self.device
        return found

    def switches(self) -> list[str]:
        """Return the forwarding switches of both families."""
        return [
            (self.folder / "net" / name).read_text().strip()
            for name in SWITCHES.values()
        ]


def peer(number: int, *, preshared: bytes | None = None) -> wire.WirePeer:
    """Return a peer with addresses and key derived from *number*."""
    private = number.to_bytes(4, "big") + b"\x55" * 28
    return wire.WirePeer(
        keys.public_of(private), (f"10.80.1.{number}", f"fd80::{number:x}"), preshared
    )
