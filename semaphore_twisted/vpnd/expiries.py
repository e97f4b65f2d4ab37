"""Expiry times of peers, kept in a file: peers expire also while no server runs."""

from collections.abc import Collection, Iterable
from pathlib import Path

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import DesiredPeer


class Expiries:
    """The expiry times of the peers in the last desired state."""

    def __init__(self, state: Path) -> None:
        """Keep the file in the directory *state*."""
        self._file = state / "expiries.json"
        self._known = _checked(files.read(self._file, dict[str, int]) or {})

    def note(self, peers: Iterable[DesiredPeer]) -> None:
        """Replace the times by those of *peers*."""
        self._keep(
            {
                each.public_key: each.expires
                for each in peers
                if each.expires is not None
            }
        )

    def over(self, now: float) -> frozenset[bytes]:
        """Return the keys of peers that have expired at *now*."""
        return frozenset(key for key, at in self._known.items() if at <= now)

    def forget(self, gone: Collection[bytes]) -> None:
        """Forget the times of removed peers."""
        self._keep({key: at for key, at in self._known.items() if key not in gone})

    def _keep(self, found: dict[bytes, int]) -> None:
        if found != self._known:
            self._known = found
            files.keep(self._file, {keys.format(key): at for key, at in found.items()})


def _checked(found: dict[str, int]) -> dict[bytes, int]:
    """Return the times by key, without invalid keys."""
    checked = {}
    for text, at in found.items():
        try:
            checked[keys.decode(text)] = at
        except keys.WrongKey:
            continue
    return checked
