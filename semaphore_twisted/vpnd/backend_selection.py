"""Selects the backend: WireGuard in the kernel, else ``wireguard-go``."""

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.device import IWireGuardDevice, KernelDevice
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs, find_program
from semaphore_twisted.vpnd.userspace import UserspaceDevice
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed

_NO_MODULE = "this kernel makes no interface of type wireguard"


async def choose(
    settings: TunnelSettings,
    *,
    programs: Programs,
    kernel: KernelDevice,
    userspace: UserspaceDevice,
) -> IWireGuardDevice:
    """Return the device whose interface exists, else one that can be created.

    :raises DeviceFailed: if there is no backend; the sentence says how to get one.
    """
    kind = await addressing.kind(settings.interface, programs)
    if settings.backend != "userspace":
        if kind == "wireguard":
            return kernel
        if kind is None:
            try:
                await kernel.make()
            except ProgramFailed:
                pass
            else:
                return kernel
        if settings.backend == "kernel":
            raise DeviceFailed(f"backend: kernel found, but {_NO_MODULE}")
    try:
        find_program("wireguard-go")
    except DeviceFailed as error:
        raise DeviceFailed(
            f"There is no WireGuard: {_NO_MODULE}, and {error}"
        ) from None
    return userspace
