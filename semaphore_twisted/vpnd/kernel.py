"""WireGuard in the kernel, controlled by the programs ``ip`` and ``wg``.

Secrets are passed to ``wg`` by standard input. Peers are written by ``wg addconf``,
which applies all of a text or nothing, and changes no field of the device.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.wireguard import keys, tool
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import Change, DeviceState, RemovePeer, SetPeer

#: Peers per run of ``wg set``: the size of an argument list is limited.
_BATCH = 500


@implementer(IWireGuardDevice)
class KernelDevice:
    """An interface of type ``wireguard``."""

    name = "kernel"

    def __init__(
        self, settings: TunnelSettings, private_key: bytes, *, programs: Programs
    ) -> None:
        """Control the interface of *settings*."""
        self._settings = settings
        self._private_key = private_key
        self._programs = programs
        self._anew = False

    def ensure(self) -> "Deferred[bool]":
        """Create the interface if it is missing, configure it and set it up."""
        return Deferred.fromCoroutine(self._ensure())

    def index(self) -> int:
        """Return the interface's index."""
        return addressing.index(self._settings.interface)

    def state(self) -> "Deferred[DeviceState]":
        """Read the device."""
        shown = self._programs.run("wg", "show", self._settings.interface, "dump")
        return shown.addCallback(tool.parse_dump)

    def apply(self, changes: Sequence[Change]) -> "Deferred[None]":
        """Write *changes*, removals first."""
        return Deferred.fromCoroutine(self._apply(changes))

    def down(self) -> "Deferred[None]":
        """Delete the interface."""
        return Deferred.fromCoroutine(self._down())

    async def make(self) -> None:
        """Create the interface.

        :raises ProgramFailed: if that fails, such as in a kernel without this type.
        """
        name = self._settings.interface
        await self._programs.run("ip", "link", "add", "dev", name, "type", "wireguard")
        self._anew = True

    async def _ensure(self) -> bool:
        settings, run = self._settings, self._programs.run
        name = settings.interface
        if not self.index():
            await self.make()
        actual = await self.state()
        words = []
        if actual.port != settings.port:
            words += ["listen-port", str(settings.port)]
        content = b""
        if actual.public_key != keys.public_of(self._private_key):
            words += ["private-key", "/dev/stdin"]
            content = keys.format(self._private_key).encode("ascii")
        if words:
            await run("wg", "set", name, *words, content=content)
        await addressing.bring_up(settings, self._programs)
        anew, self._anew = self._anew, False
        return anew

    async def _apply(self, changes: Sequence[Change]) -> None:
        run = self._programs.run
        gone = [each for each in changes if isinstance(each, RemovePeer)]
        for start in range(0, len(gone), _BATCH):
            batch = gone[start : start + _BATCH]
            await run("wg", *tool.removal_arguments(self._settings.interface, batch))
        sets = [each for each in changes if isinstance(each, SetPeer)]
        if sets:
            content = tool.addconf(sets)
            name = self._settings.interface
            await run("wg", "addconf", name, "/dev/stdin", content=content)

    async def _down(self) -> None:
        await addressing.delete(self._settings.interface, self._programs)
