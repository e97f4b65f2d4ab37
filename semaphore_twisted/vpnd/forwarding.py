"""IP forwarding: switched on while a grant needs it, and restored afterwards.

The switch of a family also changes other settings of the kernel. With IPv6 forwarding,
an interface whose ``accept_ra`` is 1 loses its default route, unless ``accept_ra`` is
set to 2 before. The earlier values are kept in a file until forwarding is restored, for
this boot of the machine: after another boot the operator's settings apply.
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard.state import DeviceFailed

#: The switch of each family: a file below ``/proc/sys/net``.
SWITCHES = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}

_BOOT = Path("/proc/sys/kernel/random/boot_id")


#: The other files, below ``conf``, that the switch of a family changes.
_CHANGED = {
    4: ("ipv4/conf/*/forwarding", "ipv4/conf/all/accept_redirects"),
    6: ("ipv6/conf/*/forwarding",),
}

_ACCEPT_RA = "ipv6/conf/*/accept_ra"


class _Switched(msgspec.Struct):
    """The families that we switched on, and the earlier *values* of files."""

    boot: str
    families: list[int] = []
    values: dict[str, str] = {}


class Forwarding:
    """Controls the kernel's forwarding switches."""

    def __init__(
        self, state: Path, root: Path = Path("/proc/sys/net"), *, tunnel: str = ""
    ) -> None:
        """Keep the record in the directory *state*; the switches are below *root*.

        ``accept_ra`` of the interface *tunnel* is not changed.
        """
        self._tunnel = tunnel
        self._file = state / "forwarding.json"
        self._root = root

    def closed(self, families: Collection[int]) -> frozenset[int]:
        """Return those of *families* whose forwarding serves only the tunnel.

        Their forwarding was off before we switched it on, or is still off.
        """
        ours = self._known().families
        return frozenset(
            each for each in families if each in ours or not self.is_on(each)
        )

    def keep(self, families: Collection[int]) -> None:
        """Switch off forwarding that we switched on, except for *families*."""
        self.set(frozenset(self._known().families).intersection(families))

    def set(self, families: Collection[int]) -> None:
        """Switch forwarding on for *families*, and off again for other families.

        A family that was on before we started stays on.
        """
        known = self._known()
        for family in SWITCHES:
            if family in families and not self.is_on(family):
                self._switch_on(known, family)
            elif family not in families and family in known.families:
                self._switch_off(known, family)
        self._accept_routers(known)

    def maintain(self) -> None:
        """Set ``accept_ra`` of new interfaces, which keeps their default routes."""
        self._accept_routers(self._known())

    def _switch_on(self, switched: _Switched, family: int) -> None:
        if family not in switched.families:
            for pattern in _CHANGED[family]:
                switched.values |= {
                    name: value
                    for name, value in self._values(pattern).items()
                    if value != "0" or not name.endswith("/forwarding")
                }
            switched.families.append(family)
            self._write_record(switched)
        self._accept_routers(switched)
        self._write(SWITCHES[family], "1", family)

    def _switch_off(self, switched: _Switched, family: int) -> None:
        if self.is_on(family):
            self._write(SWITCHES[family], "0", family)
        for name, value in list(switched.values.items()):
            if not name.startswith(SWITCHES[family].partition("/")[0]):
                continue
            # another program may have changed `accept_ra` meanwhile
            if not name.endswith("/accept_ra") or self._read(name) == "2":
                self._put_back(name, value)
            del switched.values[name]
        switched.families.remove(family)
        self._write_record(switched)

    def _accept_routers(self, switched: _Switched) -> None:
        """Let interfaces keep the default routes that routers advertise."""
        if 6 not in switched.families:
            return
        values = {
            name: value
            for name, value in self._values(_ACCEPT_RA).items()
            if value == "1" and name.split("/")[2] not in {"all", self._tunnel}
        }
        if values:
            switched.values |= {
                k: v for k, v in values.items() if k not in switched.values
            }
            self._write_record(switched)
            for name in values:
                if self._read(name):  # the interface may have been removed
                    self._write(name, "2", 6)

    def _put_back(self, name: str, value: str) -> None:
        if self._read(name) not in {"", value}:
            with suppress(OSError):  # the interface was removed
                (self._root / name).write_text(f"{value}\n")

    def _values(self, pattern: str) -> dict[str, str]:
        names = (str(each.relative_to(self._root)) for each in self._root.glob(pattern))
        return {name: value for name in names if (value := self._read(name))}

    def _read(self, name: str) -> str:
        try:
            return (self._root / name).read_text().strip()
        except OSError:
            return ""

    def _write(self, name: str, value: str, family: int) -> None:
        try:
            # "r+" does not create a file that the kernel does not have
            with (self._root / name).open("r+") as file:
                file.write(f"{value}\n")
        except OSError as error:
            raise DeviceFailed(
                f"{self._root / name}: {error.strerror}; it has to be {value} for "
                f"forwarding of IPv{family}, which depends on the grants"
            ) from None

    def _write_record(self, switched: _Switched) -> None:
        try:
            files.write(self._file, switched)
        except OSError as error:
            raise DeviceFailed(f"{self._file}: {error.strerror}") from None

    def _known(self) -> _Switched:
        boot = _BOOT.read_text().strip()
        known = files.read(self._file, _Switched)
        return _Switched(boot) if known is None or known.boot != boot else known

    def is_on(self, family: int) -> bool:
        """Whether the kernel forwards packets of *family*."""
        return self._read(SWITCHES[family]) not in {"", "0"}
