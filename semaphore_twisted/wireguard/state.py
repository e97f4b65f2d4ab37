"""What a WireGuard device is and what it should be: values, and the moves between.

Keys are 32 raw bytes; an address is the canonical text of ``ipaddress`` without a
prefix length, a prefix is its canonical text with one. No ``repr`` shows a preshared
key.
"""

import msgspec
from typing_extensions import override


class DesiredPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer as the database wants it: its key and its own addresses.

    It is wanted until *expires* (seconds since the epoch), ``None`` for ever.
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


class PeerState(msgspec.Struct, frozen=True, kw_only=True):
    """A peer as the device has it.

    *handshake* is in seconds since the epoch, 0 for never; *received* and *sent* are
    bytes as the server sees them; *keepalive* is in seconds, 0 for off.
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
    peers: tuple[PeerState, ...] = ()


class RemovePeer(msgspec.Struct, frozen=True):
    """Take a peer away; its traffic stops at once."""

    public_key: bytes


class SetPeer(msgspec.Struct, frozen=True, kw_only=True):
    """Add a peer, or change one without touching its session.

    Every field is written outright, since WireGuard takes a missing one for
    "unchanged": no preshared key is the zero key, no keepalive is ``off``. An
    endpoint is given only to restore one on a device that was made anew.
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
    """The device could not be had, read or written; the sentence holds no key."""
