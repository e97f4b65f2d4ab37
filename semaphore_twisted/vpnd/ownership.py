"""Recognizes our interface, so that one of another program is never changed.

The interface's index is recorded when the interface is created. An interface of our
name with another index belongs to another program, unless our daemon's socket serves it
or it has our key (earlier companions recorded the name alone).
"""

from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import msgspec
from msgspec.structs import replace
from twisted.logger import Logger

from semaphore_twisted.vpnd import addressing, files
from semaphore_twisted.vpnd.programs import Programs
from semaphore_twisted.vpnd.userspace import is_served
from semaphore_twisted.wireguard import firewall, keys
from semaphore_twisted.wireguard.settings import TunnelSettings, WrongSettings, check
from semaphore_twisted.wireguard.state import DeviceFailed

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NETWORK = Path("/proc/self/ns/net")


class ForeignInterface(DeviceFailed):
    """An interface with our name exists, and another program created it."""


class InterfaceRecord(msgspec.Struct, frozen=True):
    """The interface that we created; *index* is valid at *place*, 0 if unknown."""

    name: str
    index: int = 0
    place: str = ""


class Ownership:
    """Recognizes our interface by the record in the file ``interface.json``."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        settings: TunnelSettings,
        public_key: bytes,
        *,
        programs: Programs,
        state: Path,
        sockets: Path,
    ) -> None:
        """Keep the record in the directory *state*; our daemons listen in *sockets*."""
        self._settings = settings
        self._public_key = public_key
        self._programs = programs
        self._sockets = sockets
        self._file = state / "interface.json"
        self._record = _read(self._file)

    async def check(self) -> None:
        """Refuse another program's interface; rename our own back if it was renamed.

        :raises ForeignInterface: with the remedy.
        """
        await self._remove_former()
        name = self._settings.interface
        index = addressing.index(name)
        if not index:
            if not await self._renamed() and not self.astray:
                self._note(InterfaceRecord(name))
            return
        if addressing.name(index) != name:
            raise ForeignInterface(
                f"interface: {name} is another name of {addressing.name(index)}, which "
                "the companion did not make; choose another with `semaphore vpn init "
                "--interface NAME`"
            )
        if not await self.is_ours(name):
            raise ForeignInterface(
                f"interface: {name} exists, and the companion did not make it; choose "
                "another with `semaphore vpn init --interface NAME`, or delete it if "
                "nothing needs it"
            )
        self._note(InterfaceRecord(name, index, _place()))

    @property
    def astray(self) -> str:
        """The current name of our interface if it was renamed, else empty."""
        record = self._record
        if record is None or not record.index or record.place != _place():
            return ""
        found = addressing.name(record.index)
        return "" if found == record.name else found

    def is_known(self, name: str) -> bool:
        """Whether *name* has the recorded index."""
        record = self._record
        return (
            record is not None
            and record.index > 0
            and record.place == _place()
            and addressing.index(name) == record.index
        )

    async def is_ours(self, name: str) -> bool:
        """Whether a companion created the existing interface *name*."""
        index, record = addressing.index(name), self._record
        if addressing.name(index) != name:
            return False
        if record is not None and record.place == _place() and record.index:
            if record.index == index:
                return True  # the kernel does not reuse an index
            if addressing.name(record.index):
                return False  # ours still exists, under another name
        kind = await addressing.kind(name, self._programs)
        if kind == "wireguard" and record is not None and record.name == name:
            return await self._has_key(name)
        return kind == "tun" and is_served(self._sockets / f"{name}.sock")

    async def _has_key(self, name: str) -> bool:
        """Whether the interface has our key, or none after an interrupted setup."""
        shown = await self._programs.run("wg", "show", name, "public-key")
        return shown.decode("ascii", "replace").strip() in {
            keys.format(self._public_key),
            "(none)",
        }

    async def _renamed(self) -> bool:
        """Rename our interface back; return whether it had another name."""
        name, other = self._settings.interface, self.astray
        if (
            not other
            or await addressing.kind(other, self._programs) not in addressing.KINDS
        ):
            return False
        self._log.warn(
            "The interface {name} was renamed to {other}; it is renamed back",
            name=name,
            other=other,
        )
        interface = addressing.word(addressing.index(other))
        # older kernels rename only a down interface, and {other} is not isolated anyway
        await self._programs.run("ip", "link", "set", "dev", interface, "down")
        await self._programs.run("ip", "link", "set", "dev", interface, "name", name)
        return True

    async def _remove_former(self) -> None:
        """Remove the interface and table left over after a rename in the settings.

        The peers of this interface would otherwise keep access.
        """
        record = self._record
        if record is None or record.name == self._settings.interface:
            return
        former = replace(self._settings, interface=record.name)
        with suppress(WrongSettings):
            check(former)
            if addressing.index(record.name) and await self.is_ours(record.name):
                await addressing.delete(record.name, self._programs)
            text = firewall.removal(former).encode("ascii")
            await self._programs.run("nft", "-f", "-", content=text)
        self._record = None

    def _note(self, record: InterfaceRecord) -> None:
        if record != self._record:
            self._record = record
            files.keep(self._file, record)


def _read(path: Path) -> InterfaceRecord | None:
    """Return the record; earlier companions wrote the name alone."""
    record = files.read(path, InterfaceRecord)
    if record is None:
        name = files.read(path, str)
        return None if name is None else InterfaceRecord(name)
    return record


def _place() -> str:
    """Return an id of this boot of the machine and this network namespace."""
    try:
        return f"{_BOOT.read_text().strip()} {_NETWORK.stat().st_ino}"
    except OSError:
        return ""
