"""The interface of before root gave it another name.

Left alone, whoever was let in by it would be for ever.
"""

from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from semaphore_twisted.vpnd import addressing, files
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.wireguard import firewall
from semaphore_twisted.wireguard.settings import Settings, WrongSettings, check


async def remove(settings: Settings, *, programs: Programs, state: Path) -> None:
    """Take away what has another name than that in *settings*, and keep the latter.

    Fails with ``DeviceFailed``; it is tried again the next time then.
    """
    path = state / "interface.json"
    name = files.read(path, str)
    if name == settings.interface:
        return
    if name is not None:
        former = replace(settings, interface=name)
        with suppress(WrongSettings):
            check(former)
            if addressing.index(name):
                await programs.run("ip", "link", "del", "dev", name)
            text = firewall.removal(former).encode("ascii")
            await programs.run("nft", "-f", "-", content=text)
    files.keep(path, settings.interface)
