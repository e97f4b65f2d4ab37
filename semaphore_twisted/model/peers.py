"""Types of the VPN as used by the API and the command line.

No type except :class:`Enrolled` can contain a secret.

Addresses are canonical texts without a prefix length. *received* and *sent* count bytes
from the peer's point of view: *received* is the number of bytes that the server sent.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.ids import ProjectId, UserId


class PeerKind(StrEnum):
    """Types of peers; a host belongs to a project, the other types to a user."""

    LAPTOP = "laptop"
    PHONE = "phone"
    HOST = "host"


class PeerLifecycle(StrEnum):
    """States of a peer's life cycle; only active peers are on the device."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the VPN.

    *interface* is the server's interface. *endpoint* is ``HOST:PORT`` as written into
    clients' configuration files. *pool6* and *server6* are empty without IPv6 inside
    the VPN. *domain* is the site's name inside the VPN.
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

    *stopped* is the reason why an active peer is not on the device; empty if it is.
    """

    id: int
    uuid: str
    name: str
    kind: PeerKind
    state: PeerLifecycle
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
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET
    stopped: str = ""


class PeerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a peer on the device; *endpoint* for its owner and administrators.

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
    """An invite without its token; *prefix* holds the token's first characters."""

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
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class SiteNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network behind the server (subnet route) to which access can be granted."""

    id: int
    name: str
    network: str


class NetworkGrant(msgspec.Struct, frozen=True, kw_only=True):
    """Grants a peer, the devices of a user, or a project access to a site network."""

    id: int
    site_id: int
    site: str
    network: str
    peer_id: int | None
    user_id: UserId | None
    project_id: ProjectId | None
    to: str


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """The data that a device receives once, at enrollment.

    *config* is the configuration file for WireGuard applications, with the placeholder
    ``wireguard.profile.PLACE`` for the device's private key; it contains the preshared
    key. *url* is the site's URL inside the tunnel.
    """

    peer: Peer
    config: str
    url: str
    domain: str

    @override
    def __repr__(self) -> str:
        """Omit the preshared key."""
        return f"Enrolled({self.peer.uuid})"
