"""A program that inspects the machine for ``vpn doctor``; needs no privilege.

The companion starts it without its capability, writes :class:`Facts` to its standard
input, and reads the findings from its standard output.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from semaphore_twisted.vpnd.facts import Facts
from semaphore_twisted.wireguard import machine, pool_conflicts, routing
from semaphore_twisted.wireguard.settings import AnyNetwork
from semaphore_twisted.wireguard.wire import Finding

T = TypeVar("T")

_PROC = Path("/proc")

#: Bytes that WireGuard adds to each packet over IPv6.
_OVERHEAD = 80

#: Seconds for one run of ``ip``.
_TIMEOUT = 5

_OK, _WARNING, _ERROR = "ok", "warning", "error"


class _Chain(msgspec.Struct):
    """A chain of any table; base chains have a *hook* and a *policy*."""

    family: str = ""
    table: str = ""
    name: str = ""
    hook: str = ""
    policy: str = "accept"


class _ListedObject(msgspec.Struct):
    chain: _Chain | None = None


class _Ruleset(msgspec.Struct):
    nftables: list[_ListedObject]


class InspectionFailed(Exception):
    """A part of the machine cannot be inspected; the sentence gives the reason."""


def run_ip(*arguments: str) -> bytes:
    """Return what ``ip`` prints.

    :raises InspectionFailed: if it fails.
    """
    try:
        return subprocess.run(
            ["ip", *arguments], capture_output=True, timeout=_TIMEOUT, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise InspectionFailed(f"ip {' '.join(arguments)}: {error}") from None


def findings(
    facts: Facts, *, ip: Callable[..., bytes] = run_ip, proc: Path = _PROC
) -> Iterator[Finding]:
    """Yield a finding for each check, the device first; *ip* runs ``ip``."""
    inspection = _Inspection(facts, ip, proc)
    for check in (
        inspection.device,
        inspection.forwarding,
        inspection.isolation,
        inspection.chains,
        inspection.links,
    ):
        try:
            yield from check()
        except (InspectionFailed, msgspec.DecodeError) as error:
            yield Finding("system", _WARNING, str(error))
    if facts.problem:
        yield Finding("system", _WARNING, facts.problem)


class _Inspection:
    """The checks."""

    def __init__(self, facts: Facts, ip: Callable[..., bytes], proc: Path) -> None:
        self._facts = facts
        self._settings = facts.settings
        self._ip = ip
        self._proc = proc

    def _read(self, kind: type[T], *arguments: str) -> T:
        printed = self._ip("-json", *arguments).strip() or b"[]"
        return msgspec.json.decode(printed, type=kind)

    def _links(self) -> list[machine.MachineInterface]:
        return self._read(list[machine.MachineInterface], "address", "show")

    def device(self) -> Iterator[Finding]:
        """Check the backend, the interface and its port."""
        welcome, name = self._facts.welcome, self._settings.interface
        if not welcome.backend:
            yield Finding("backend", _ERROR, welcome.reason)
        else:
            sentence = f"WireGuard is served by: {welcome.backend}"
            yield Finding("backend", _OK, sentence)
            if any(x.ifname == name and "UP" in x.flags for x in self._links()):
                sentence = f"{name} is there, number {welcome.index}"
                yield Finding("interface", _OK, sentence)
            else:
                sentence = f"{name} is down or gone; it is put right within seconds"
                yield Finding("interface", _ERROR, sentence)
            port = self._settings.port
            if _is_bound(port, self._proc):
                yield Finding(
                    "port",
                    _OK,
                    f"UDP port {port} is open here; firewalls before it are unknown",
                )
            else:
                sentence = f"UDP port {port} is not open, since another program had it"
                yield Finding("port", _ERROR, sentence)
            path = self._proc / f"sys/net/ipv6/conf/{name}/disable_ipv6"
            if len(self._settings.addresses) > 1 and _content(path) != "0":
                sentence = f"IPv6 is switched off: net.ipv6.conf.{name}.disable_ipv6"
                yield Finding("ipv6", _WARNING, sentence)
        for each in self._facts.drift:
            yield Finding("drift", _WARNING, each)

    def forwarding(self) -> Iterator[Finding]:
        """Check that the families of grants are forwarded."""
        for family in self._facts.granted:
            if family in self._facts.forwarded:
                sentence = f"IPv{family} is forwarded, since of grants"
                yield Finding("forwarding", _OK, sentence)
            else:
                yield Finding("forwarding", _ERROR, f"IPv{family} is not forwarded")

    def isolation(self) -> Iterator[Finding]:
        """Check that the nft table, the policy rules and the routes are in place."""
        errors: list[str] = []
        warnings: list[str] = []
        if not self._facts.is_intact and not self._facts.problem:
            errors.append(
                "Our nft table is missing or was changed; it is loaded again within "
                "seconds"
            )
        families = (4, 6) if (self._proc / "sys/net/ipv6").exists() else (4,)
        for version in families:
            present = self._read(list[dict[str, object]], f"-{version}", "rule", "show")
            errors += self._missing_rules(version, present)
            warnings += [
                f"The policy rule {priority} of IPv{version} is asked before ours "
                f"({routing.FIRST} to {routing.LAST}): while our nft table is missing, "
                "it may forward packets of peers"
                for priority in ahead(present, self._settings.interface)
            ]
            for pool in self._settings.pools:
                if pool.version == version:
                    routes = self._read(
                        list[machine.MachineRoute],
                        *(f"-{version}", "route", "show", "root", str(pool)),
                        *("table", "main"),
                    )
                    errors += self._wrong_routes(pool, routes)
                    warnings += self._overlaps(pool, routes, families)
        yield from (Finding("isolation", _ERROR, each) for each in errors)
        yield from (Finding("networks", _WARNING, each) for each in warnings)
        if not errors and not self._facts.problem:
            sentence = "nft table, policy rules and routes of the tunnel are in place"
            yield Finding("isolation", _OK, sentence)

    def _missing_rules(
        self, version: int, present: Sequence[Mapping[str, object]]
    ) -> Iterator[str]:
        closed = version in self._facts.closed
        wanted = routing.rules(self._settings, version, closed=closed)
        for each in routing.changes(present, wanted):
            if each.startswith("rule add"):
                yield (
                    f"A policy rule of IPv{version} is missing ({each[9:]}): without "
                    "our nft table, packets of peers would be forwarded"
                )

    def _wrong_routes(
        self, pool: AnyNetwork, present: Sequence[machine.MachineRoute]
    ) -> Iterator[str]:
        exact = [each for each in present if each.dst == str(pool)]
        name = self._settings.interface
        own = [x for x in exact if (x.dev, x.type) == (name, "unicast")]
        if not own:
            yield (
                f"There is no route to {pool} by {name}: peers get no answers (it is "
                "made again within seconds, if no other network has the same addresses)"
            )
        for each in exact:
            other = each.type == "unicast" and each.dev != name
            if other and (not own or each.metric <= own[0].metric):
                yield (
                    f"{pool} is routed to {each.dev or each.gateway}: answers to peers "
                    f"leave there in clear; ip route del {pool} dev {each.dev}"
                )
        if not any(each.type == "blackhole" for each in exact):
            yield (
                f"The blackhole route to {pool} is missing: without the interface, "
                "answers to peers would leave in clear"
            )

    def _overlaps(
        self,
        pool: AnyNetwork,
        present: Sequence[machine.MachineRoute],
        families: Iterable[int],
    ) -> Iterator[str]:
        name = self._settings.interface
        for each in present:
            if each.dst not in {str(pool), ""} and each.dev != name:
                yield (
                    f"{each.dst} is routed to {each.dev or each.gateway}, and is a "
                    f"part of the pool {pool}: peers with addresses in it cannot be "
                    "reached"
                )
        routes = [
            each
            for version in families
            for each in self._read(
                list[machine.MachineRoute],
                *(f"-{version}", "route", "show", "table", "main"),
            )
        ]
        used = machine.used_networks(self._links(), routes, without=name)
        for conflict in pool_conflicts.conflicts(pool, used):
            yield f"The pool {conflict.sentence}"

    def chains(self) -> Iterator[Finding]:
        """Report other programs' chains that drop: an accept of ours overrides none."""
        if self._facts.problem:
            return
        shown = msgspec.json.decode(self._facts.chains, type=_Ruleset)
        port, own = self._settings.port, ("inet", self._settings.table)
        for hook, sentence in (
            ("input", f"it has to accept UDP port {port}, and what peers may reach"),
            ("forward", "it has to accept what is forwarded from and to the tunnel"),
        ):
            for chain in (each.chain for each in shown.nftables if each.chain):
                if (chain.hook, chain.policy) != (hook, "drop"):
                    continue
                where = f"{chain.family} {chain.table} {chain.name}"
                if (chain.family, chain.table) != own:
                    yield Finding(
                        hook,
                        _WARNING,
                        f"The chain `{where}` drops what it does not know: {sentence}",
                    )

    def links(self) -> Iterator[Finding]:
        """Check the links that have a default route."""
        mtu, links = self._settings.mtu, self._links()
        for family in ("-4", "-6"):
            routes = self._read(
                list[machine.MachineRoute], family, "route", "show", "default"
            )
            for link in links:
                route = next((each for each in routes if each.dev == link.ifname), None)
                if route is None:
                    continue
                if link.mtu - _OVERHEAD < mtu:
                    yield Finding(
                        "mtu",
                        _WARNING,
                        f"{link.ifname} carries {link.mtu} bytes; the tunnel's MTU has "
                        f"to be {link.mtu - _OVERHEAD} or less, and is {mtu}",
                    )
                accept = f"sys/net/ipv6/conf/{link.ifname}/accept_ra"
                if (
                    route.protocol == "ra"
                    and 6 in self._facts.forwarded
                    and _content(self._proc / accept) == "1"
                ):
                    yield Finding(
                        "forwarding",
                        _WARNING,
                        f"IPv6 is forwarded, and {link.ifname} ignores the routers "
                        "that advertise themselves: its default route ends soon; set "
                        f"net.ipv6.conf.{link.ifname}.accept_ra=2",
                    )


def ahead(present: Iterable[Mapping[str, object]], interface: str) -> Iterator[int]:
    """Yield the priorities of foreign rules that apply to the tunnel before ours."""
    for each in present:
        priority = each.get("priority", 0)
        if (
            isinstance(priority, int)
            and 0 < priority < routing.LAST
            and not routing.is_ours(each)
            and each.get("iif", interface) == interface
        ):
            yield priority


def _is_bound(port: int, proc: Path) -> bool:
    """Whether some program has bound the UDP port."""
    wanted = f":{port:04X}"
    return any(
        line.split()[1].endswith(wanted)
        for name in ("udp", "udp6")
        for line in _content(proc / "net" / name).split("\n")[1:]
    )


def _content(path: Path) -> str:
    """Return the text of a file of the kernel, empty if it does not exist."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def main() -> None:
    """Read the facts, and write the findings."""
    facts = msgspec.json.decode(sys.stdin.buffer.read(), type=Facts)
    sys.stdout.buffer.write(msgspec.json.encode([*findings(facts)]))


if __name__ == "__main__":
    main()
