"""Last known endpoints of peers, for a recreated interface and for returning peers.

A peer without an answer notices that only after 15 seconds. A server that knows the
peer's endpoint starts the handshake itself, and the tunnel is back at once.
"""

from collections.abc import Iterable
from pathlib import Path

from semaphore_twisted.vpnd import files
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import learned
from semaphore_twisted.wireguard.state import DevicePeer

#: The most removed peers whose endpoints are kept in memory.
_MOST_GONE = 1000


class Endpoints:
    """The peers' last endpoints, in a file that is written when one has changed."""

    def __init__(self, state: Path, *, most_gone: int = _MOST_GONE) -> None:
        """Keep the file in *state*, and endpoints of *most_gone* removed peers."""
        self._most_gone = most_gone
        self._file = state / "endpoints.json"
        self._known: dict[str, str] = {}
        self._gone: dict[str, str] = {}
        for key, endpoint in (files.read(self._file, dict[str, str]) or {}).items():
            if learned(endpoint) is not None:
                self._known[key] = endpoint

    def get(self, public_key: bytes) -> str | None:
        """Return the peer's last endpoint, ``None`` if it is not known."""
        key = keys.format(public_key)
        return self._known.get(key) or self._gone.get(key)

    def note(self, peers: Iterable[DevicePeer]) -> None:
        """Record the endpoints of *peers*, which are all peers of the device.

        A peer without a handshake on this device keeps its earlier endpoint.
        """
        endpoints = {}
        for peer in peers:
            key = keys.format(peer.public_key)
            known = self._known.get(key)
            if peer.endpoint is not None and peer.handshake:
                known = learned(peer.endpoint) or known
            if known is not None:
                endpoints[key] = known
        if endpoints == self._known:
            return
        files.keep(self._file, endpoints)
        for key in self._known.keys() - endpoints.keys():
            self._gone[key] = self._known[key]
        while len(self._gone) > self._most_gone:
            del self._gone[next(iter(self._gone))]
        self._known = endpoints
