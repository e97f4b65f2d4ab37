"""Forwarding: switched on while a grant needs it, and put back after.

What there was before is kept in a file until then, for this boot of the machine: after
another one it is the operator's again.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard.state import DeviceFailed

#: For both families, the file below ``/proc/sys/net``.
SWITCHES = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class _Switched(msgspec.Struct):
    """What was switched on by us."""

    boot: str
    families: list[int] = []


class Forwarding:
    """The switches of the kernel."""

    def __init__(self, state: Path, root: Path = Path("/proc/sys/net")) -> None:
        """Remember in the folder *state*; the switches are below *root*."""
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
        for family, name in SWITCHES.items():
            path = self._root / name
            try:
                if family in families:
                    if path.read_text().strip() == "0":
                        if family not in known.families:
                            known.families.append(family)
                            files.write(self._file, known)
                        path.write_text("1\n")
                elif family in known.families:
                    path.write_text("0\n")
                    known.families.remove(family)
                    files.write(self._file, known)
            except OSError as error:
                raise DeviceFailed(
                    f"{error.filename or path}: {error.strerror}; forwarding of "
                    f"IPv{family} has to be switched, since of the grants"
                ) from None

    def _known(self) -> _Switched:
        boot = _BOOT.read_text().strip()
        known = files.read(self._file, _Switched)
        return _Switched(boot) if known is None or known.boot != boot else known

    def is_on(self, family: int) -> bool:
        """Whether the kernel forwards for *family*."""
        try:
            return (self._root / SWITCHES[family]).read_text().strip() != "0"
        except OSError:
            return False
