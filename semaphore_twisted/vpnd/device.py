"""WireGuard interfaces, which the program ``wg`` reads and writes.

``wg`` treats an interface of the kernel and one of ``wireguard-go`` alike. Secrets are
passed to it by standard input. Peers are written by ``wg addconf``, which applies all
of a text or nothing, and changes no field of the device.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence

from typing_extensions import override
from zope.interface import Attribute, Interface, implementer

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs
from semaphore_twisted.wireguard import keys, tool
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import Change, DeviceState, RemovePeer, SetPeer

#: Peers per run of ``wg set``: the size of an argument list is limited.
_BATCH = 500


class IWireGuardDevice(Interface):
    """A WireGuard interface; all implementations behave alike."""

    name = Attribute("``kernel`` or ``userspace``; the double has ``memory``")

    def ensure() -> Awaitable[bool]:
        """Bring the interface up, with key, port, addresses and MTU.

        Writes only what differs. Returns whether the interface was created.

        :raises DeviceFailed: if it cannot be brought up.
        """

    def index() -> int:
        """Return the interface's index, 0 if there is no interface."""

    def state() -> Awaitable[DeviceState]:
        """Read the whole device state."""

    def apply(changes: Sequence[Change]) -> Awaitable[None]:
        """Apply *changes* in order; does nothing for an empty sequence."""

    def down() -> Awaitable[None]:
        """Remove the interface; does nothing if there is none."""


class WgDevice(ABC):
    """The interface of *settings*; a subclass creates it."""

    def __init__(
        self, settings: TunnelSettings, private_key: bytes, *, programs: Programs
    ) -> None:
        """Run *programs*."""
        self._settings = settings
        self._private_key = private_key
        self._programs = programs
        #: set by :meth:`make`, until :meth:`ensure` has returned it
        self._anew = False

    @abstractmethod
    async def make(self) -> None:
        """Create the interface, or replace one that does not work."""

    def index(self) -> int:
        """Return the interface's index, 0 if it does not exist."""
        return addressing.index(self._settings.interface)

    async def ensure(self) -> bool:
        """Create the interface if needed, configure it and set it up."""
        actual = await self._working()
        if actual is None:
            await self.make()
            actual = await self.state()
        words, content = [], b""
        if actual.port != self._settings.port:
            # writing the same port again would make wireguard-go drop packets
            words += ["listen-port", str(self._settings.port)]
        if actual.public_key != keys.public_of(self._private_key):
            words += ["private-key", "/dev/stdin"]
            content = keys.format(self._private_key).encode("ascii")
        if words:
            await self._wg("set", self._settings.interface, *words, content=content)
        await addressing.bring_up(self._settings, self._programs)
        anew, self._anew = self._anew, False
        return anew

    async def _working(self) -> DeviceState | None:
        """Return the state, ``None`` if there is no interface or it does not work."""
        try:
            return await self.state() if self.index() else None
        except ProgramFailed:
            return None

    async def state(self) -> DeviceState:
        """Read the device."""
        return tool.parse_dump(await self._wg("show", self._settings.interface, "dump"))

    async def apply(self, changes: Sequence[Change]) -> None:
        """Write *changes*, removals first."""
        name = self._settings.interface
        gone = [each for each in changes if isinstance(each, RemovePeer)]
        for start in range(0, len(gone), _BATCH):
            batch = gone[start : start + _BATCH]
            await self._wg(*tool.removal_arguments(name, batch))
        sets = [each for each in changes if isinstance(each, SetPeer)]
        if sets:
            await self._wg("addconf", name, "/dev/stdin", content=tool.addconf(sets))

    async def down(self) -> None:
        """Delete the interface."""
        await addressing.delete(self._settings.interface, self._programs)

    async def _wg(self, *arguments: str, content: bytes = b"") -> bytes:
        return await self._programs.run("wg", *arguments, content=content)


@implementer(IWireGuardDevice)
class KernelDevice(WgDevice):
    """An interface of type ``wireguard``."""

    name = "kernel"

    @override
    async def make(self) -> None:
        """Create the interface.

        :raises ProgramFailed: if that fails, such as in a kernel without this type.
        """
        name = self._settings.interface
        await self._programs.run("ip", "link", "add", "dev", name, "type", "wireguard")
        self._anew = True
