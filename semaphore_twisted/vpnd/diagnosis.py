"""Collects what only the companion knows, for an administrator's ``vpn doctor``.

:mod:`semaphore_twisted.vpnd.doctor`, a program without the companion's capability,
judges it and inspects the rest of the machine.
"""

import sys
from collections.abc import Sequence

import msgspec

from semaphore_twisted.vpnd.facts import Facts
from semaphore_twisted.vpnd.forwarding import SWITCHES, Forwarding
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed
from semaphore_twisted.wireguard.wire import Finding, Welcome

#: Runs a module of this package; ``-P`` looks for none where the companion was started.
_PYTHON = (sys.executable, "-P", "-m")

#: Begins a command that is run without the companion's capability.
WITHOUT_CAPABILITY = (*_PYTHON, f"{__package__}.without_capability")


class Diagnosing:
    """Has the machine inspected; changes nothing."""

    def __init__(
        self,
        settings: TunnelSettings,
        *,
        firewall: Firewall,
        forwarding: Forwarding,
        programs: Programs,
    ) -> None:
        """Compare the machine with *settings*."""
        self._settings = settings
        self._firewall = firewall
        self._forwarding = forwarding
        self._programs = programs

    async def findings(
        self, welcome: Welcome, drift: Sequence[str]
    ) -> tuple[Finding, ...]:
        """Return the findings; the caller provides *welcome* and *drift*."""
        firewall, problem, chains, is_intact = self._firewall, "", b"", False
        try:
            is_intact = await firewall.is_intact()
            chains = await self._programs.run("nft", "-json", "list", "chains")
        except DeviceFailed as error:
            problem = str(error)
        facts = Facts(
            settings=self._settings,
            welcome=welcome,
            drift=tuple(drift[:20]),
            forwarded=tuple(filter(self._forwarding.is_on, SWITCHES)),
            granted=tuple(sorted({each.family for each in firewall.grants})),
            closed=tuple(firewall.closed),
            is_intact=is_intact,
            chains=chains,
            problem=problem,
        )
        content = msgspec.json.encode(facts)
        command = (*WITHOUT_CAPABILITY, *_PYTHON, f"{__package__}.doctor")
        return await self._programs.read(tuple[Finding, ...], *command, content=content)
