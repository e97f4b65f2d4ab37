"""Statements about the hosts of a project's VPN, for inventories."""

from sqlalchemy import bindparam, select

from semaphore_twisted.model.peers import PeerKind, PeerLifecycle
from semaphore_twisted.persistence.schema import vpn_peer

_c = vpn_peer.c

#: Active hosts of a project; the time of the last handshake may be unknown.
HOSTS = (
    select(_c.name, _c.ipv4, _c.ipv6, _c.tags, _c.last_handshake)
    .where(
        _c.project_id == bindparam("project_id"),
        _c.kind == PeerKind.HOST,
        _c.state == PeerLifecycle.ACTIVE,
        _c.ipv4.is_not(None),
        (_c.expires.is_(None)) | (_c.expires > bindparam("now")),
    )
    .order_by(_c.name, _c.id)
)
