"""The state and the desired state of a WireGuard device, and changes between them.

Keys are 32 raw bytes. An address is the canonical text of ``ipaddress`` without a
prefix length, a prefix is its canonical text with one. No ``repr`` shows a preshared
key.
"""

import msgspec
from typing_extensions import override


class DesiredPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that the device should have: its key and its own addresses.

    After *expires* (seconds since the epoch, ``None`` for never), the peer is removed.
    """

    public_key: bytes
    addresses: tuple[str, ...]
    preshared_key: bytes | None = None
    expires: int | None = None

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"DesiredPeer({self.public_key.hex()}, {self.addresses})"


class Grant(msgspec.Struct, frozen=True, order=True):
    """The peer at *address* may reach *network* (a prefix) behind the server."""

    address: str
    network: str

    @property
    def family(self) -> int:
        """The address family, 4 or 6."""
        return 6 if ":" in self.address else 4


class DevicePeer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer as read from the device.

    *handshake* is in seconds since the epoch, 0 for never; *received* and *sent* are
    byte counts from the server's side; *keepalive* is in seconds, 0 for off.
    """

    public_key: bytes
    allowed_ips: frozenset[str] = frozenset()
    preshared_key: bytes | None = None
    endpoint: str | None = None
    keepalive: int = 0
    handshake: int = 0
    received: int = 0
    sent: int = 0

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"PeerState({self.public_key.hex()}, {sorted(self.allowed_ips)})"


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """A device: its own public key (``None`` without a key), port and peers."""

    public_key: bytes | None
    port: int
    peers: tuple[DevicePeer, ...] = ()


class RemovePeer(msgspec.Struct, frozen=True):
    """Remove a peer; its traffic stops at once."""

    public_key: bytes


class SetPeer(msgspec.Struct, frozen=True, kw_only=True):
    """Add a peer, or change one without interrupting its session.

    All fields are written, since WireGuard leaves a missing one unchanged: ``None`` for
    the preshared key is written as the zero key, keepalive 0 as ``off``. An endpoint is
    given only to restore it on a device that was created anew.
    """

    public_key: bytes
    allowed_ips: tuple[str, ...]
    preshared_key: bytes | None = None
    keepalive: int = 0
    endpoint: str | None = None

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"SetPeer({self.public_key.hex()}, {self.allowed_ips})"


Change = RemovePeer | SetPeer


class DeviceFailed(Exception):
    """The device cannot be created, read or written; the sentence contains no key."""
