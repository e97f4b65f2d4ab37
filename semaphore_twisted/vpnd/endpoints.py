"""Where peers were heard last, for the next interface.

A peer that has no answer notices after 15 seconds; a server that knows where the peer
is speaks first, and the tunnel is back at once.
"""

from collections.abc import Iterable
from pathlib import Path

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import learned
from semaphore_twisted.wireguard.state import PeerState


class Endpoints:
    """The peers' last endpoints, in a file that is written where one has changed."""

    def __init__(self, state: Path) -> None:
        """Keep them in the folder *state*."""
        self._file = state / "endpoints.json"
        self._known: dict[str, str] = {}
        for key, endpoint in (files.read(self._file, dict[str, str]) or {}).items():
            if learned(endpoint) is not None:
                self._known[key] = endpoint

    def get(self, public_key: bytes) -> str | None:
        """Return where the peer was, if that is known."""
        return self._known.get(keys.format(public_key))

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
        if found != self._known:
            files.keep(self._file, found)
            self._known = found
