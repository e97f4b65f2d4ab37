"""The VPN as the API and the command line see it.

No type here but :class:`Enrolled` has room for a secret.

Addresses are canonical texts without a prefix length. *received* and *sent* are
bytes as the peer's user sees them: what the device received, the server sent.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.ids import ProjectId, UserId


class PeerKind(StrEnum):
    """What a peer is; hosts belong to a project, the others to a user."""

    LAPTOP = "laptop"
    PHONE = "phone"
    HOST = "host"


class PeerState(StrEnum):
    """Where a peer is in its life; only active ones are on the device."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """The VPN's own settings.

    *interface* is the server's own. *endpoint* is ``HOST:PORT`` as it stands in a
    client's file. *pool6*, *server6* are empty where there is no IPv6 inside. *domain*
    is the site's name inside.
    """

    interface: str
    endpoint: str
    pool4: str
    pool6: str
    server4: str
    server6: str
    public_key: str
    mtu: int
    dns: bool
    domain: str
    url: str
    revision: int


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A device or host of the VPN.

    *stopped* says why one that is active is not on the device; empty where it is.
    """

    id: int
    uuid: str
    name: str
    kind: PeerKind
    state: PeerState
    user_id: UserId | None
    project_id: ProjectId | None
    owner: str  # the user's login name, or the project's name
    public_key: str
    ipv4: str
    ipv6: str
    tags: tuple[str, ...]
    created: datetime
    expires: datetime | None
    last_handshake: datetime | None
    received: int
    sent: int
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET
    stopped: str = ""


class PeerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the device says of a peer; *endpoint* for its owner and administrators.

    *online* is ``active`` (a handshake in the last 180 s), ``idle`` (older) or
    ``never``.
    """

    id: int
    name: str
    online: str
    last_handshake: datetime | None
    age_seconds: int | None
    received: int
    sent: int
    endpoint: str | None
    user_id: UserId | None
    project_id: ProjectId | None


class InviteState(StrEnum):
    """Whether an invite can still be redeemed."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite, without its token; *prefix* are the token's first characters."""

    id: int
    prefix: str
    kind: PeerKind
    state: InviteState
    user_id: UserId | None
    project_id: ProjectId | None
    owner: str
    uses: int
    max_uses: int
    tags: tuple[str, ...]
    created: datetime
    expires: datetime
    peer_expires: datetime | None
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET


class SiteNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network behind the server that may be granted."""

    id: int
    name: str
    network: str


class NetworkGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A site network is open to one peer, one user's devices, or one project."""

    id: int
    site_id: int
    site: str
    network: str
    peer_id: int | None
    user_id: UserId | None
    project_id: ProjectId | None
    to: str


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a device gets once, when it is enrolled.

    *config* is the file for the stock applications, with
    ``wireguard.profile.PLACE`` where the device's own private key goes; it holds the
    preshared key. *url* is the site's address inside the tunnel.
    """

    peer: Peer
    config: str
    url: str
    domain: str

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"Enrolled({self.peer.uuid})"
