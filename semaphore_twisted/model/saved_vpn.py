"""A whole VPN as one value, which fits any store.

Users are known by login name and projects by uuid or name, since numbers differ from
store to store. Preshared keys are in it, opened: it leaves a process sealed only.
"""

from datetime import datetime

import msgspec
from typing_extensions import override


class SavedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The network's row."""

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
    """Who owns something: a user by login, or a project by name and uuid."""

    user: str
    project: str
    project_uuid: str


class SavedPeer(Owned, frozen=True, kw_only=True):
    """A peer; *invite* is the digest of the token that it was made with."""

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
        """Show no preshared key."""
        return f"SavedPeer({self.uuid})"


class SavedInvite(Owned, frozen=True, kw_only=True):
    """An invite, by its token's digest."""

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
    """A site network is open to a peer (its uuid), a user or a project."""

    site: str
    peer: str


class SavedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that nobody gets before *until*."""

    address: str
    until: datetime


class SavedVpn(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a VPN but the server's private key."""

    network: SavedNetwork
    peers: tuple[SavedPeer, ...]
    invites: tuple[SavedInvite, ...]
    sites: tuple[SavedSite, ...]
    grants: tuple[SavedGrant, ...]
    quarantine: tuple[SavedAddress, ...]

    @override
    def __repr__(self) -> str:
        """Show what it is of."""
        return f"SavedVpn({self.network.endpoint})"
