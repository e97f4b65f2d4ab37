"""Peers that are new to a device and are spoken to first, where they were heard last.

A short keepalive makes the server shake hands at once. It is taken away after the
handshake, or when nobody has answered: the server does not go on calling who is away.
"""

from collections.abc import Callable, Container, Iterable

from msgspec.structs import replace

from semaphore_twisted.wireguard.state import Change, DeviceState, PeerState, SetPeer

#: Seconds of that keepalive, and after which it is taken away in any case.
KEEPALIVE, PATIENCE = 5, 30.0


class Wakening:
    """Which peers are being woken, and until when."""

    def __init__(
        self,
        endpoint_of: Callable[[bytes], str | None],
        seconds: Callable[[], float],
    ) -> None:
        """Ask *endpoint_of* where a peer was, and *seconds* for the time."""
        self._endpoint_of = endpoint_of
        self._seconds = seconds
        self._until: dict[bytes, float] = {}

    def __bool__(self) -> bool:
        """Whether a peer is being woken."""
        return bool(self._until)

    def begin(
        self, changes: Iterable[Change], present: Container[bytes]
    ) -> list[Change]:
        """Return *changes*, with what wakes their peers that are not *present*."""
        until = self._seconds() + PATIENCE
        return [
            each if each.public_key in present else self._woken(each, until)
            for each in changes
        ]

    def _woken(self, change: Change, until: float) -> Change:
        endpoint = self._endpoint_of(change.public_key)
        if endpoint is None or not isinstance(change, SetPeer):
            return change
        self._until[change.public_key] = until
        return replace(change, endpoint=endpoint, keepalive=KEEPALIVE)

    def hidden(self, state: DeviceState) -> DeviceState:
        """Return *state* without the keepalives that wake."""
        if not self._until:
            return state
        return replace(state, peers=tuple(map(self._hidden, state.peers)))

    def _hidden(self, peer: PeerState) -> PeerState:
        if peer.public_key in self._until and peer.keepalive == KEEPALIVE:
            return replace(peer, keepalive=0)
        return peer

    def again(self, keys: Iterable[bytes]) -> None:
        """Have *keys* dealt with at once by the next :meth:`awake`."""
        self._until |= dict.fromkeys(keys, self._seconds())

    def awake(self, state: DeviceState) -> set[bytes]:
        """Return, and forget, who has answered or will not."""
        now = self._seconds()
        present = {each.public_key: each for each in state.peers}
        over = {
            key
            for key, until in self._until.items()
            if now >= until or key not in present or present[key].handshake
        }
        for key in over:
            del self._until[key]
        return over
