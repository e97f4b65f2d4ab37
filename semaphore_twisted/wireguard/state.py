"""The state and the desired state of a WireGuard device, and changes between them.

Keys are 32 raw bytes. An address is the canonical text of ``ipaddress`` without a
prefix length, a prefix is its canonical text with one. No ``repr`` shows a preshared
key.
"""

import msgspec
from typing_extensions import override


class _Keyed(msgspec.Struct, frozen=True, kw_only=True):
    """A value about one peer; ``repr`` shows the public key only."""

    public_key: bytes

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.public_key.hex()})"


class DesiredPeer(_Keyed, frozen=True, kw_only=True):
    """A peer that the device should have: its key and its own addresses.

    After *expires* (seconds since the epoch, ``None`` for never), the peer is removed.
    """

    addresses: tuple[str, ...]
    preshared_key: bytes | None = None
    expires: int | None = None


class Grant(msgspec.Struct, frozen=True, order=True):
    """The peer at *address* may reach *network* (a prefix) behind the server."""

    address: str
    network: str

    @property
    def family(self) -> int:
        """The address family, 4 or 6."""
        return 6 if ":" in self.address else 4


class DevicePeer(_Keyed, frozen=True, kw_only=True):
    """A peer as read from the device.

    *handshake* is in seconds since the epoch, 0 for never; *received* and *sent* are
    byte counts from the server's side; *keepalive* is in seconds, 0 for off.
    """

    allowed_ips: frozenset[str] = frozenset()
    preshared_key: bytes | None = None
    endpoint: str | None = None
    keepalive: int = 0
    handshake: int = 0
    received: int = 0
    sent: int = 0


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """A device: its own public key (``None`` without a key), port and peers."""

    public_key: bytes | None
    port: int
    peers: tuple[DevicePeer, ...] = ()


class RemovePeer(msgspec.Struct, frozen=True):
    """Remove a peer; its traffic stops at once."""

    public_key: bytes


class SetPeer(_Keyed, frozen=True, kw_only=True):
    """Add a peer, or change one without interrupting its session.

    All fields are written, since WireGuard leaves a missing one unchanged: ``None`` for
    the preshared key is written as the zero key, keepalive 0 as ``off``. An endpoint is
    given only to restore it on a device that was created anew.
    """

    allowed_ips: tuple[str, ...]
    preshared_key: bytes | None = None
    keepalive: int = 0
    endpoint: str | None = None


Change = RemovePeer | SetPeer


class DeviceFailed(Exception):
    """The device cannot be created, read or written; the sentence contains no key.

    Whatever touches the device, its rules or its routes may raise it.
    """
