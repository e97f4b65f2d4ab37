"""Statements about the VPN's settings and revision, and the addresses of its peers."""

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from semaphore_twisted.model.peers import PeerLifecycle
from semaphore_twisted.persistence.schema import (
    project_user,
    vpn_network,
    vpn_peer,
    vpn_quarantine,
)

_n = vpn_network.c

network = select(
    _n.id,
    _n.interface,
    _n.endpoint,
    _n.pool4,
    _n.pool6,
    _n.server4,
    _n.server6,
    _n.public_key,
    _n.mtu,
    _n.revision,
).order_by(_n.id)

bump = update(vpn_network).values(revision=_n.revision + 1)

revision = select(_n.revision).order_by(_n.id)

#: Number of peers that have an address, or get it back when resumed.
count_living = (
    select(func.count())
    .select_from(vpn_peer)
    .where(vpn_peer.c.state != PeerLifecycle.REVOKED)
)

#: Addresses in use, by the column of the address family.
TAKEN = {
    "ipv4": select(vpn_peer.c.ipv4).where(vpn_peer.c.ipv4.is_not(None)),
    "ipv6": select(vpn_peer.c.ipv6).where(vpn_peer.c.ipv6.is_not(None)),
}

#: Addresses in quarantine, oldest first.
quarantined = select(vpn_quarantine.c.address).order_by(
    vpn_quarantine.c.until, vpn_quarantine.c.address
)

quarantine_over = delete(vpn_quarantine).where(
    vpn_quarantine.c.until <= bindparam("at")
)

release = delete(vpn_quarantine).where(vpn_quarantine.c.address == bindparam("which"))

release_all = delete(vpn_quarantine)

_quarantine = insert(vpn_quarantine).values(
    address=bindparam("address"), until=bindparam("until")
)

quarantine = _quarantine.on_conflict_do_update(
    index_elements=[vpn_quarantine.c.address],
    set_={"until": _quarantine.excluded.until},
)

#: A user's projects and role in each.
roles = select(project_user.c.project_id, project_user.c.role).where(
    project_user.c.user_id == bindparam("user_id")
)

role = select(project_user.c.role).where(
    project_user.c.user_id == bindparam("user_id"),
    project_user.c.project_id == bindparam("project_id"),
)
