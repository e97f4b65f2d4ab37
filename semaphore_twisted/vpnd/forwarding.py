"""Forwarding: switched on while a grant needs it, and put back after.

The switch of a family changes other settings of the kernel, too. With IPv6 forwarding
an interface whose ``accept_ra`` is 1 loses its default route, unless that is 2 before.
What there was is kept in a file until forwarding is put back, for this boot of the
machine: after another one it is the operator's again.
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard.state import DeviceFailed

#: For both families, the file below ``/proc/sys/net``.
SWITCHES = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}

_BOOT = Path("/proc/sys/kernel/random/boot_id")


#: For each family, what its switch changes besides, below ``conf``.
_CHANGED = {
    4: ("ipv4/conf/*/forwarding", "ipv4/conf/all/accept_redirects"),
    6: ("ipv6/conf/*/forwarding",),
}

_ACCEPT_RA = "ipv6/conf/*/accept_ra"


class _Switched(msgspec.Struct):
    """What was switched on by us, and the *values* of files that were changed by it."""

    boot: str
    families: list[int] = []
    values: dict[str, str] = {}


class Forwarding:
    """The switches of the kernel."""

    def __init__(
        self, state: Path, root: Path = Path("/proc/sys/net"), *, tunnel: str = ""
    ) -> None:
        """Remember in the folder *state*; the switches are below *root*.

        The interface *tunnel* has no routers.
        """
        self._tunnel = tunnel
        self._file = state / "forwarding.json"
        self._root = root

    def closed(self, families: Collection[int]) -> frozenset[int]:
        """Return those of *families* that are forwarded for nobody but us.

        They were off before we came, or are still.
        """
        ours = self._known().families
        return frozenset(
            each for each in families if each in ours or not self.is_on(each)
        )

    def keep(self, families: Collection[int]) -> None:
        """Put back what was switched on for other families than *families*.

        :raises DeviceFailed: where that cannot be.
        """
        self.set(frozenset(self._known().families).intersection(families))

    def set(self, families: Collection[int]) -> None:
        """Forward for *families*, and for no other that was off before.

        :raises DeviceFailed: where that cannot be.
        """
        known = self._known()
        for family in SWITCHES:
            if family in families and not self.is_on(family):
                self._switch_on(known, family)
            elif family not in families and family in known.families:
                self._switch_off(known, family)
        self._accept_routers(known)

    def tend(self) -> None:
        """Let interfaces that came later keep their default routes as well.

        :raises DeviceFailed: where that cannot be.
        """
        self._accept_routers(self._known())

    def _switch_on(self, known: _Switched, family: int) -> None:
        if family not in known.families:
            for pattern in _CHANGED[family]:
                known.values |= {
                    name: value
                    for name, value in self._values(pattern).items()
                    if value != "0" or not name.endswith("/forwarding")
                }
            known.families.append(family)
            self._write_record(known)
        self._accept_routers(known)
        self._write(SWITCHES[family], "1", family)

    def _switch_off(self, known: _Switched, family: int) -> None:
        if self.is_on(family):
            self._write(SWITCHES[family], "0", family)
        for name, value in list(known.values.items()):
            if not name.startswith(SWITCHES[family].partition("/")[0]):
                continue
            # somebody may have set another value of `accept_ra` meanwhile
            if not name.endswith("/accept_ra") or self._read(name) == "2":
                self._put_back(name, value)
            del known.values[name]
        known.families.remove(family)
        self._write_record(known)

    def _accept_routers(self, known: _Switched) -> None:
        """Have interfaces keep the default routes that routers advertise."""
        if 6 not in known.families:
            return
        found = {
            name: value
            for name, value in self._values(_ACCEPT_RA).items()
            if value == "1" and name.split("/")[2] not in {"all", self._tunnel}
        }
        if found:
            known.values |= {k: v for k, v in found.items() if k not in known.values}
            self._write_record(known)
            for name in found:
                if self._read(name):  # it may be gone with its interface
                    self._write(name, "2", 6)

    def _put_back(self, name: str, value: str) -> None:
        if self._read(name) not in {"", value}:
            with suppress(OSError):  # it has gone with its interface
                (self._root / name).write_text(f"{value}\n")

    def _values(self, pattern: str) -> dict[str, str]:
        found = (str(each.relative_to(self._root)) for each in self._root.glob(pattern))
        return {name: value for name in found if (value := self._read(name))}

    def _read(self, name: str) -> str:
        try:
            return (self._root / name).read_text().strip()
        except OSError:
            return ""

    def _write(self, name: str, value: str, family: int) -> None:
        try:
            # the kernel has the file, or nothing can be switched
            with (self._root / name).open("r+") as file:
                file.write(f"{value}\n")
        except OSError as error:
            raise DeviceFailed(
                f"{self._root / name}: {error.strerror}; it has to be {value} for "
                f"forwarding of IPv{family}, which depends on the grants"
            ) from None

    def _write_record(self, known: _Switched) -> None:
        try:
            files.write(self._file, known)
        except OSError as error:
            raise DeviceFailed(f"{self._file}: {error.strerror}") from None

    def _known(self) -> _Switched:
        boot = _BOOT.read_text().strip()
        known = files.read(self._file, _Switched)
        return _Switched(boot) if known is None or known.boot != boot else known

    def is_on(self, family: int) -> bool:
        """Whether the kernel forwards for *family*."""
        return self._read(SWITCHES[family]) not in {"", "0"}
