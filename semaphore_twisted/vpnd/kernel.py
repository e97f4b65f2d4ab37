"""WireGuard in the kernel."""

from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.vpnd.wg_device import WgDevice


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
