"""The policy rules that isolate the tunnel, and the routes to the pools.

:mod:`semaphore_twisted.wireguard.routing` describes their effect. They are in place
before anything is forwarded, and stay when the companion ends.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

from twisted.logger import Logger

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs
from semaphore_twisted.wireguard import machine, routing
from semaphore_twisted.wireguard.settings import AnyNetwork, TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed

_IPV6 = Path("/proc/sys/net/ipv6")

#: Attempts to write the rules: another program may change them after the reading.
_ATTEMPTS = 3

#: The call of ``ensure`` that deletes blackholes of former pools; the first one must
#: be fast.
_CLEANS = 2


class TunnelIsolation:
    """Maintains our policy rules, and the routes of the pools."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, settings: TunnelSettings, *, programs: Programs) -> None:
        """Isolate the interface of *settings*."""
        self._settings = settings
        self._programs = programs
        #: calls of :meth:`ensure`, counted up to ``_CLEANS`` + 1
        self._calls = 0
        #: at the last check, each pool had its route to the interface
        self._is_complete = False

    @property
    def families(self) -> tuple[int, ...]:
        """The address families that this kernel supports."""
        return (4, 6) if _IPV6.exists() else (4,)

    async def ensure(self, closed: Collection[int]) -> None:
        """Add missing rules and blackholes; in *closed* only the tunnel is forwarded.

        :raises DeviceFailed: if that fails, or if the machine would lose one of its
            networks.
        """
        self._is_complete = True
        self._calls = min(self._calls + 1, _CLEANS + 1)
        for version in self.families:
            await self._ensure_rules(version, closed=version in closed)
            await self._ensure_blackholes(version)

    async def _ensure_rules(self, version: int, *, closed: bool) -> None:
        wanted = routing.rules(self._settings, version, closed=closed)
        reason = "another program changes them all the time"
        for _ in range(_ATTEMPTS):
            try:
                lines = routing.changes(await self._rules(version), wanted)
                if not lines:
                    return
                await self._write(version, lines)
            except ProgramFailed as error:
                reason = str(error)
        raise DeviceFailed(
            f"The policy rules that isolate the tunnel (IPv{version}) cannot be made: "
            f"{reason}"
        )

    async def _ensure_blackholes(self, version: int) -> None:
        lines = []
        for pool in self._pools(version):
            present = await self._within(pool)
            has_route = any(self._is_device(each, pool) for each in present)
            self._is_complete = self._is_complete and has_route
            if not any(_is_blackhole(each, pool) for each in present):
                if not has_route:
                    await self._check_networks(pool)
                lines.append(
                    f"route add blackhole {pool} metric {routing.METRIC} "
                    f"protocol {routing.PROTOCOL}"
                )
        if self._calls == _CLEANS:
            lines += await self._surplus(version, self._pools(version))
        await self._write(version, lines)

    async def ensure_routes(self) -> None:
        """Add missing routes from the pools to the interface, which must be up."""
        if self._is_complete:
            return
        name = self._settings.interface
        for address in self._settings.own:
            version = address.version
            if version == 6 and not addressing.has_ipv6(name):
                continue
            for pool in self._pools(version):
                present = await self._within(pool)
                if any(self._is_device(each, pool) for each in present):
                    continue
                if any(_is_connected(each, pool) for each in present):
                    continue  # a network of the machine, which `vpn doctor` reports
                # as the kernel adds it for an address
                where = f"scope link src {address}" if version == 4 else "metric 256"
                interface = addressing.word(addressing.index(name))
                line = f"route replace {pool} dev {interface} protocol kernel {where}"
                self._log.warn("The route to {pool} was missing", pool=str(pool))
                await self._write(version, [line])

    async def remove(self) -> None:
        """Remove our rules and blackholes."""
        for version in self.families:
            rules = routing.changes(await self._rules(version), ())
            await self._write(version, [*rules, *await self._surplus(version)])

    async def _check_networks(self, pool: AnyNetwork) -> None:
        """Refuse a pool whose route would replace a network of the machine."""
        lost = machine.swallowed(pool, await self._held())
        if lost is not None:
            raise DeviceFailed(
                f"addresses: a route to the pool {pool} would take {lost.what} from "
                "the machine; choose another pool with `semaphore vpn init --pool NET`"
            )

    async def _held(self) -> list[machine.UsedNetwork]:
        links = await self._programs.read(
            list[machine.MachineInterface], "ip", "-json", "address", "show"
        )
        routes = [
            each for version in self.families for each in await self._routes(version)
        ]
        return [*machine.used_networks(links, routes, without=self._settings.interface)]

    def _pools(self, version: int) -> list[AnyNetwork]:
        return [each for each in self._settings.pools if each.version == version]

    async def _rules(self, version: int) -> list[dict[str, object]]:
        words = ("ip", "-json", f"-{version}", "rule", "show")
        return await self._programs.read(list[dict[str, object]], *words)

    async def _routes(self, version: int, *words: str) -> list[machine.MachineRoute]:
        return await self._programs.read(
            list[machine.MachineRoute],
            *("ip", "-json", f"-{version}", "route", "show", *words, "table", "main"),
        )

    async def _within(self, pool: AnyNetwork) -> list[machine.MachineRoute]:
        """Return the routes to the pool and to parts of it, in the kernel's order."""
        return await self._routes(pool.version, "root", str(pool))

    async def _surplus(
        self, version: int, kept: Collection[AnyNetwork] = ()
    ) -> list[str]:
        """Return the lines that delete our blackholes, but for those to *kept*."""
        number = str(routing.PROTOCOL)
        words = ("type", "blackhole", "protocol", number)
        return [
            f"route del blackhole {each.dst} protocol {number}"
            for each in await self._routes(version, *words)
            if each.dst not in set(map(str, kept))
        ]

    async def _write(self, version: int, lines: Sequence[str]) -> None:
        if lines:
            content = "\n".join([*lines, ""]).encode("ascii")
            words = ("ip", f"-{version}", "-batch", "-")
            await self._programs.run(*words, content=content)

    def _is_device(self, route: machine.MachineRoute, pool: AnyNetwork) -> bool:
        return (
            route.dst == str(pool)
            and route.dev == self._settings.interface
            and route.type == "unicast"
        )


def _is_blackhole(route: machine.MachineRoute, pool: AnyNetwork) -> bool:
    return route.dst == str(pool) and route.type == "blackhole"


def _is_connected(route: machine.MachineRoute, pool: AnyNetwork) -> bool:
    """Whether *route* comes from an address of another interface."""
    return route.dst == str(pool) and bool(route.dev) and route.protocol == "kernel"
