"""A backup of the whole VPN as one value that any database can restore.

Users are identified by login name, projects by uuid or name, since row ids differ
between databases. It contains decrypted preshared keys, so it leaves the process only
encrypted.
"""

from datetime import datetime

import msgspec
from typing_extensions import override


class SavedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the VPN."""

    interface: str
    endpoint: str
    pool4: str
    pool6: str
    server4: str
    server6: str
    public_key: bytes
    mtu: int
    revision: int


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of an object: a user by login name, or a project by name and uuid."""

    user: str
    project: str
    project_uuid: str


class SavedPeer(Owned, frozen=True, kw_only=True):
    """A peer; *invite* is the digest of the invite token that it used."""

    uuid: str
    name: str
    kind: str
    state: str
    invite: str
    public_key: bytes
    preshared_key: bytes | None = None
    ipv4: str | None
    ipv6: str | None
    tags: tuple[str, ...]
    created: datetime
    expires: datetime | None
    ended: datetime | None
    held: bool
    last_handshake: datetime | None
    received: int
    sent: int

    @override
    def __repr__(self) -> str:
        """Omit the preshared key."""
        return f"SavedPeer({self.uuid})"


class SavedInvite(Owned, frozen=True, kw_only=True):
    """An invite, identified by the digest of its token."""

    token_digest: str
    prefix: str
    kind: str
    uses: int
    max_uses: int
    tags: tuple[str, ...]
    grants: tuple[str, ...]
    approval: bool
    created: datetime
    expires: datetime
    peer_expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None


class SavedSite(msgspec.Struct, frozen=True, kw_only=True):
    """A network behind the server."""

    name: str
    network: str


class SavedGrant(Owned, frozen=True, kw_only=True):
    """Grants access to a site network to a peer (by uuid), a user or a project."""

    site: str
    peer: str


class SavedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that must not be assigned before *until*."""

    address: str
    until: datetime


class SavedVpn(msgspec.Struct, frozen=True, kw_only=True):
    """The whole VPN except the server's private key."""

    network: SavedNetwork
    peers: tuple[SavedPeer, ...]
    invites: tuple[SavedInvite, ...]
    sites: tuple[SavedSite, ...]
    grants: tuple[SavedGrant, ...]
    quarantine: tuple[SavedAddress, ...]

    @override
    def __repr__(self) -> str:
        """Show only the endpoint."""
        return f"SavedVpn({self.network.endpoint})"
