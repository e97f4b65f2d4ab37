"""Findings about the machine, for an administrator who runs ``vpn doctor``."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.isolation import TunnelIsolation
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed
from semaphore_twisted.wireguard.wire import Finding, Welcome

_PROC = Path("/proc")

#: Bytes that WireGuard adds to each packet over IPv6.
_OVERHEAD = 80

_OK, _WARNING, _ERROR = "ok", "warning", "error"


class _Route(msgspec.Struct):
    dev: str = ""
    protocol: str = ""


class _DiagnosedLink(msgspec.Struct):
    ifname: str
    mtu: int


class Diagnosing:
    """Inspects the machine, and changes nothing."""

    def __init__(
        self,
        settings: TunnelSettings,
        *,
        firewall: Firewall,
        forwarding: Forwarding,
        isolation: TunnelIsolation,
        programs: Programs,
    ) -> None:
        """Compare the machine with *settings*."""
        self._settings = settings
        self._firewall = firewall
        self._forwarding = forwarding
        self._isolation = isolation
        self._programs = programs

    async def findings(
        self, welcome: Welcome, drift: Sequence[str]
    ) -> tuple[Finding, ...]:
        """Return the findings; the caller provides *welcome* and *drift*."""
        found = list(self._device(welcome))
        found += [Finding("drift", _WARNING, each) for each in drift[:20]]
        found += self._forwards()
        for look in (self._isolated, self._chains, self._links):
            try:
                found += [each async for each in look()]
            except DeviceFailed as error:
                found.append(Finding("system", _WARNING, str(error)))
        return tuple(found)

    def _device(self, welcome: Welcome) -> list[Finding]:
        if not welcome.backend:
            return [Finding("backend", _ERROR, welcome.reason)]
        name, port = self._settings.interface, self._settings.port
        findings = [
            Finding("backend", _OK, f"WireGuard is served by: {welcome.backend}")
        ]
        if addressing.is_up(name):
            sentence = f"{name} is there, number {welcome.index}"
            findings.append(Finding("interface", _OK, sentence))
        else:
            sentence = f"{name} is down or gone; it is put right within seconds"
            findings.append(Finding("interface", _ERROR, sentence))
        if _is_bound(port):
            sentence = f"UDP port {port} is open here; firewalls before it are unknown"
            findings.append(Finding("port", _OK, sentence))
        else:
            sentence = f"UDP port {port} is not open, since another program had it"
            findings.append(Finding("port", _ERROR, sentence))
        if len(self._settings.addresses) > 1 and not addressing.has_ipv6(name):
            sentence = f"IPv6 is switched off: net.ipv6.conf.{name}.disable_ipv6"
            findings.append(Finding("ipv6", _WARNING, sentence))
        return findings

    def _forwards(self) -> list[Finding]:
        families = {6 if ":" in each.address else 4 for each in self._firewall.grants}
        return [
            Finding("forwarding", _OK, f"IPv{family} is forwarded, since of grants")
            if self._forwarding.is_on(family)
            else Finding("forwarding", _ERROR, f"IPv{family} is not forwarded")
            for family in sorted(families)
        ]

    async def _isolated(self) -> AsyncIterator[Finding]:
        """Check that the nft table, the policy rules and the routes are in place."""
        is_intact = True
        if not await self._firewall.is_intact():
            is_intact = False
            yield Finding(
                "isolation",
                _ERROR,
                "Our nft table is missing or was changed; it is loaded again within "
                "seconds",
            )
        async for sentence in self._isolation.findings(self._firewall.closed):
            is_intact = False
            yield Finding("isolation", _ERROR, sentence)
        async for sentence in self._isolation.warnings():
            yield Finding("networks", _WARNING, sentence)
        if is_intact:
            sentence = "nft table, policy rules and routes of the tunnel are in place"
            yield Finding("isolation", _OK, sentence)

    async def _chains(self) -> AsyncIterator[Finding]:
        """Report other programs' chains that drop: an accept of ours overrides none."""
        port = self._settings.port
        for hook, sentence in (
            ("input", f"it has to accept UDP port {port}, and what peers may reach"),
            ("forward", "it has to accept what is forwarded from and to the tunnel"),
        ):
            for chain in await self._firewall.foreign(hook):
                where = f"{chain.family} {chain.table} {chain.name}"
                yield Finding(
                    hook,
                    _WARNING,
                    f"The chain `{where}` drops what it does not know: {sentence}",
                )

    async def _links(self) -> AsyncIterator[Finding]:
        """Check the links that have a default route."""
        read, mtu = self._programs.read, self._settings.mtu
        links = await read(list[_DiagnosedLink], "ip", "-json", "link", "show")
        for family in ("-4", "-6"):
            routes = await read(
                list[_Route], "ip", "-json", family, "route", "show", "default"
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
                if (
                    route.protocol == "ra"
                    and self._forwarding.is_on(6)
                    and not _keeps_route(link.ifname)
                ):
                    yield Finding(
                        "forwarding",
                        _WARNING,
                        f"IPv6 is forwarded, and {link.ifname} ignores the routers "
                        "that advertise themselves: its default route ends soon; set "
                        f"net.ipv6.conf.{link.ifname}.accept_ra=2",
                    )


def _is_bound(port: int) -> bool:
    """Whether some program has bound the UDP port."""
    wanted = f":{port:04X}"
    for name in ("udp", "udp6"):
        try:
            lines = (_PROC / "net" / name).read_text().split("\n")[1:]
        except OSError:
            continue
        if any(line.split()[1].endswith(wanted) for line in lines if line):
            return True
    return False


def _keeps_route(link: str) -> bool:
    """Whether *link* accepts router advertisements although the machine forwards."""
    try:
        path = _PROC / "sys/net/ipv6/conf" / link / "accept_ra"
        return path.read_text().strip() != "1"
    except OSError:
        return True
