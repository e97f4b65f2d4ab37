"""Starts a handshake with newly added peers at their last known endpoint.

A short keepalive makes the server start the handshake at once. It is removed after the
handshake or a timeout: the server does not keep sending to an absent peer.
"""

from collections.abc import Callable, Container, Iterable

from msgspec.structs import replace

from semaphore_twisted.wireguard.state import Change, DevicePeer, DeviceState, SetPeer

#: The keepalive in seconds, and the seconds after which it is removed in any case.
KEEPALIVE, TIMEOUT = 5, 30.0


class PeerWakeup:
    """The peers whose handshakes are pending, with their timeouts."""

    def __init__(
        self, endpoint_of: Callable[[bytes], str | None], seconds: Callable[[], float]
    ) -> None:
        """*endpoint_of* returns a peer's last endpoint, *seconds* the time."""
        self._endpoint_of = endpoint_of
        self._seconds = seconds
        self._until: dict[bytes, float] = {}

    def __bool__(self) -> bool:
        """Whether a handshake is pending."""
        return bool(self._until)

    def begin(
        self, changes: Iterable[Change], present: Container[bytes]
    ) -> list[Change]:
        """Return *changes*, with endpoint and keepalive for peers not *present*."""
        until = self._seconds() + TIMEOUT
        return [
            each if each.public_key in present else self._with_keepalive(each, until)
            for each in changes
        ]

    def _with_keepalive(self, change: Change, until: float) -> Change:
        endpoint = self._endpoint_of(change.public_key)
        if endpoint is None or not isinstance(change, SetPeer):
            return change
        self._until[change.public_key] = until
        return replace(change, endpoint=endpoint, keepalive=KEEPALIVE)

    def without_keepalives(self, state: DeviceState) -> DeviceState:
        """Return *state* without the temporary keepalives."""
        if not self._until:
            return state
        return replace(state, peers=tuple(map(self._without_keepalive, state.peers)))

    def _without_keepalive(self, peer: DevicePeer) -> DevicePeer:
        if peer.public_key in self._until and peer.keepalive == KEEPALIVE:
            return replace(peer, keepalive=0)
        return peer

    def retry(self, keys: Iterable[bytes]) -> None:
        """Make the next :meth:`pop_finished` return *keys* again."""
        self._until |= dict.fromkeys(keys, self._seconds())

    def pop_finished(self, state: DeviceState) -> set[bytes]:
        """Return and forget peers that had a handshake, timed out or were removed."""
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
