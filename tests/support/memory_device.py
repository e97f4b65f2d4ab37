"""A WireGuard device in memory, with the rules that WireGuard applies silently.

A prefix moves to the peer that it was given to last; the device's own key is not
accepted as a peer; removing an unknown peer is no error; a write that fails may have
been done in part; the counters of a new peer start at zero.
"""

from collections.abc import Sequence

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import (
    Change,
    DeviceFailed,
    DevicePeer,
    DeviceState,
    RemovePeer,
)


@implementer(IWireGuardDevice)
class MemoryDevice:
    """A device for tests; *written* lists all changes that were applied.

    The next *failures* calls fail; a write with *cut* fails after that many changes.
    """

    name = "memory"

    def __init__(self, settings: TunnelSettings, private_key: bytes) -> None:
        """Simulate the interface of *settings*."""
        self._settings = settings
        self._public_key = keys.public_of(private_key)
        self._peers: dict[bytes, DevicePeer] = {}
        self._index = 0
        self._made = 0
        self.written: list[Change] = []
        self.failures = 0
        self.cut: int | None = None

    def index(self) -> int:
        """Return the interface's index, a new one each time it is created."""
        return self._index

    def ensure(self) -> "Deferred[bool]":
        """Create the interface if it is missing."""
        if self._is_broken():
            return fail(DeviceFailed("The device in memory fails as it was told to"))
        anew = not self._index
        if anew:
            self._made += 1
            self._index = self._made
        return succeed(anew)

    def state(self) -> "Deferred[DeviceState]":
        """Return the state."""
        if self._is_broken() or not self._index:
            return fail(DeviceFailed("The device in memory is not there"))
        return succeed(
            DeviceState(
                public_key=self._public_key,
                port=self._settings.port,
                peers=tuple(self._peers.values()),
            )
        )

    def apply(self, changes: Sequence[Change]) -> "Deferred[None]":
        """Write *changes*."""
        if not changes:
            return succeed(None)
        if self._is_broken() or not self._index:
            return fail(DeviceFailed("The device in memory is not there"))
        cut, self.cut = self.cut, None
        for change in changes[:cut]:
            self.written.append(change)
            self._write(change)
        if cut is not None:
            return fail(DeviceFailed("The device in memory fails as it was told to"))
        return succeed(None)

    def down(self) -> "Deferred[None]":
        """Delete the interface."""
        self._index = 0
        self._peers.clear()
        return succeed(None)

    def hear(self, peer: DevicePeer) -> None:
        """Put *peer* on the device unchanged, as if it had sent packets."""
        self._peers[peer.public_key] = peer

    def _is_broken(self) -> bool:
        broken = self.failures > 0
        self.failures -= broken
        return broken

    def _write(self, change: Change) -> None:
        key = change.public_key
        if isinstance(change, RemovePeer):
            self._peers.pop(key, None)
        elif key != self._public_key:
            allowed = frozenset(change.allowed_ips)
            for other in list(self._peers.values()):
                left = other.allowed_ips - allowed
                self._peers[other.public_key] = replace(other, allowed_ips=left)
            before = self._peers.get(key) or DevicePeer(public_key=key)
            self._peers[key] = replace(
                before,
                allowed_ips=allowed,
                preshared_key=change.preshared_key,
                keepalive=change.keepalive,
                endpoint=change.endpoint or before.endpoint,
            )
