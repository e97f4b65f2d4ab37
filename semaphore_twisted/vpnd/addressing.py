"""The interface's addresses, MTU and state, by the program ``ip``."""

import fcntl
import socket
import struct
from pathlib import Path

from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.wireguard.machine import MachineInterface
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import DeviceFailed

_NO_IPV6 = "/proc/sys/net/ipv6/conf/{}/disable_ipv6"

#: The types of interfaces that the companion creates.
KINDS = ("wireguard", "tun")

#: ``linux/sockios.h`` and ``linux/if.h``
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 0x1


def index(interface: str) -> int:
    """Return the index of *interface*, 0 if it does not exist."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


def name(index: int) -> str:
    """Return the name of the interface with *index*, empty if it does not exist."""
    try:
        return socket.if_indextoname(index) if index > 0 else ""
    except OSError:
        return ""


def word(index_: int) -> str:
    """Return a word for the interface that ``ip`` resolves to its index.

    Between two programs, a name may be given to another interface.
    """
    return f"if{index_}" if not index(f"if{index_}") else name(index_)


async def kind(interface: str, programs: Programs) -> str | None:
    """Return the type of the interface, ``None`` if it does not exist."""
    number = index(interface)
    return (await _details(word(number), programs)).kind if number else None


async def _details(interface: str, programs: Programs) -> MachineInterface:
    # `ip link show` does not accept `if<index>`
    words = ("ip", "-json", "-details", "address", "show", "dev", interface)
    shown = await programs.read(list[MachineInterface], *words)
    return shown[-1] if shown else MachineInterface()


async def delete(interface: str, programs: Programs) -> None:
    """Delete the interface if it exists and has a type that the companion creates."""
    number = index(interface)
    if number:
        unique = word(number)
        if (await _details(unique, programs)).kind not in KINDS:
            raise DeviceFailed(f"The interface {interface} is not the companion's")
        await programs.run("ip", "link", "del", "dev", unique)


def shut(interface: str) -> bool:
    """Set *interface* down without starting a program; return whether it was up."""
    request = struct.pack("16sH22x", interface.encode("ascii"), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, _SIOCGIFFLAGS, request)
            (flags,) = struct.unpack("16xH22x", answer)
            if flags & _IFF_UP:
                down = struct.pack("16sH22x", answer[:16], flags & ~_IFF_UP)
                fcntl.ioctl(probe, _SIOCSIFFLAGS, down)
            return bool(flags & _IFF_UP)
        except OSError:
            return False


def has_ipv6(interface: str) -> bool:
    """Whether *interface* can have IPv6 addresses."""
    try:
        return Path(_NO_IPV6.format(interface)).read_text() == "0\n"
    except OSError:
        return False


async def bring_up(settings: TunnelSettings, programs: Programs) -> None:
    """Set the interface up with its addresses and MTU; write only what differs."""
    interface = word(index(settings.interface))
    link = await _details(interface, programs)
    if link.kind not in KINDS:
        raise DeviceFailed(
            f"The interface {settings.interface} is not the companion's any more"
        )
    present = {
        f"{each.local}/{each.prefixlen}"
        for each in link.addr_info
        if each.scope != "link"
    }
    wanted = {
        each
        for each in settings.addresses
        if ":" not in each or has_ipv6(settings.interface)
    }
    lines = [f"address del {each} dev {interface}" for each in sorted(present - wanted)]
    lines += [
        f"address add {each} dev {interface}" for each in sorted(wanted - present)
    ]
    if link.mtu != settings.mtu or "UP" not in link.flags:
        lines.append(f"link set dev {interface} mtu {settings.mtu} up")
    if lines:
        content = "\n".join([*lines, ""]).encode("ascii")
        await programs.run("ip", "-batch", "-", content=content)
