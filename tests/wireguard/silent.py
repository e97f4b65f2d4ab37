"""A model of WireGuard's silent behavior, where an error would be expected.

It has the measured rules: a prefix moves to its newest owner, a field that is not
written stays, the device's own key is not accepted as a peer, and removing an unknown
peer is no error.
"""

from collections.abc import Iterable

import msgspec

from semaphore_twisted.wireguard.state import (
    Change,
    DevicePeer,
    DeviceState,
    RemovePeer,
)


class SilentDevice:
    """A device; *writes* are the changes that it was given."""

    def __init__(self, state: DeviceState) -> None:
        self.public_key = state.public_key
        self.port = state.port
        self.peers: dict[bytes, DevicePeer] = {}
        self.writes: list[Change] = []
        for peer in state.peers:
            self._put(peer)

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply the changes one after the other."""
        for change in changes:
            self.writes.append(change)
            if isinstance(change, RemovePeer):
                self.peers.pop(change.public_key, None)
            elif change.public_key != self.public_key:
                before = self.peers.get(change.public_key) or DevicePeer(
                    public_key=change.public_key
                )
                self._put(
                    msgspec.structs.replace(
                        before,
                        allowed_ips=frozenset(change.allowed_ips),
                        preshared_key=change.preshared_key,
                        keepalive=change.keepalive,
                        endpoint=change.endpoint or before.endpoint,
                    )
                )

    def _put(self, peer: DevicePeer) -> None:
        for key, other in self.peers.items():
            if key != peer.public_key and other.allowed_ips & peer.allowed_ips:
                self.peers[key] = msgspec.structs.replace(
                    other, allowed_ips=other.allowed_ips - peer.allowed_ips
                )
        self.peers[peer.public_key] = peer

    def state(self) -> DeviceState:
        """Return what there is."""
        return DeviceState(
            public_key=self.public_key, port=self.port, peers=tuple(self.peers.values())
        )
