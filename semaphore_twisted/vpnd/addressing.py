"""The interface's addresses, MTU and state, by the program ``ip``."""

import socket
from pathlib import Path

import msgspec

from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.wireguard.settings import Settings

_NO_IPV6 = "/proc/sys/net/ipv6/conf/{}/disable_ipv6"


class _Address(msgspec.Struct):
    local: str
    prefixlen: int
    scope: str


class _Link(msgspec.Struct):
    flags: list[str] = []
    mtu: int = 0
    addr_info: list[_Address] = []


def index(interface: str) -> int:
    """Return the number of *interface*, 0 where there is none."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


def has_ipv6(interface: str) -> bool:
    """Whether *interface* may have addresses of IPv6."""
    try:
        return Path(_NO_IPV6.format(interface)).read_text() == "0\n"
    except OSError:
        return False


async def bring_up(settings: Settings, programs: Programs) -> None:
    """Have the interface up with its addresses and MTU; writes only what differs.

    Fails with ``DeviceFailed``.
    """
    name = settings.interface
    shown = await programs.read(
        list[_Link], "ip", "-json", "address", "show", "dev", name
    )
    link = shown[-1] if shown else _Link()
    present = {
        f"{each.local}/{each.prefixlen}"
        for each in link.addr_info
        if each.scope != "link"
    }
    wanted = {each for each in settings.addresses if ":" not in each or has_ipv6(name)}
    lines = [f"address del {each} dev {name}" for each in sorted(present - wanted)]
    lines += [f"address add {each} dev {name}" for each in sorted(wanted - present)]
    if link.mtu != settings.mtu or "UP" not in link.flags:
        lines.append(f"link set dev {name} mtu {settings.mtu} up")
    if lines:
        content = "\n".join([*lines, ""]).encode("ascii")
        await programs.run("ip", "-batch", "-", content=content)
