"""Where peers were heard last, for the next interface, and for those who come back.

A peer that has no answer notices after 15 seconds; a server that knows where the peer
is speaks first, and the tunnel is back at once.
"""

from collections.abc import Iterable
from pathlib import Path

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import learned
from semaphore_twisted.wireguard.state import PeerState

#: Peers that were taken out and are remembered, for as long as the process lives.
_MOST_GONE = 1000


class Endpoints:
    """The peers' last endpoints, in a file that is written where one has changed."""

    def __init__(self, state: Path) -> None:
        """Keep them in the folder *state*."""
        self._file = state / "endpoints.json"
        self._known: dict[str, str] = {}
        self._gone: dict[str, str] = {}
        for key, endpoint in (files.read(self._file, dict[str, str]) or {}).items():
            if learned(endpoint) is not None:
                self._known[key] = endpoint

    def get(self, public_key: bytes) -> str | None:
        """Return where the peer was, if that is known."""
        key = keys.format(public_key)
        return self._known.get(key) or self._gone.get(key)

    def note(self, peers: Iterable[PeerState]) -> None:
        """Keep where *peers*, all that there are, were heard.

        A peer that this device did not hear yet stays where it was before.
        """
        found = {}
        for peer in peers:
            key = keys.format(peer.public_key)
            known = self._known.get(key)
            if peer.endpoint is not None and peer.handshake:
                known = learned(peer.endpoint) or known
            if known is not None:
                found[key] = known
        if found == self._known:
            return
        files.keep(self._file, found)
        for key in self._known.keys() - found.keys():
            self._gone[key] = self._known[key]
        while len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]
        self._known = found
