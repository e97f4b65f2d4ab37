"""Statements for a backup of the VPN; owners are identified by name."""

from sqlalchemy import FromClause, Join, delete, func, select

from semaphore_twisted.persistence.schema import (
    project,
    user,
    vpn_grant,
    vpn_invite,
    vpn_network,
    vpn_peer,
    vpn_quarantine,
    vpn_site,
)

_owner = (
    func.coalesce(user.c.username, "").label("user"),
    func.coalesce(project.c.name, "").label("project"),
    func.coalesce(project.c.uuid, "").label("project_uuid"),
)


def _owned(table: FromClause) -> Join:
    """Join *table* with its users and projects."""
    return table.outerjoin(user, user.c.id == table.c.user_id).outerjoin(
        project, project.c.id == table.c.project_id
    )


_p = vpn_peer.c

peers = (
    select(
        _p.uuid,
        _p.name,
        _p.kind,
        _p.state,
        *_owner,
        func.coalesce(vpn_invite.c.token_digest, "").label("invite"),
        _p.public_key,
        _p.preshared_key.label("sealed"),
        _p.ipv4,
        _p.ipv6,
        _p.tags,
        _p.created,
        _p.expires,
        _p.ended,
        _p.held,
        _p.last_handshake,
        _p.received,
        _p.sent,
    )
    .select_from(
        _owned(vpn_peer).outerjoin(vpn_invite, vpn_invite.c.id == _p.invite_id)
    )
    .order_by(_p.id)
)

_i = vpn_invite.c

invites = (
    select(
        _i.token_digest,
        _i.prefix,
        _i.kind,
        *_owner,
        _i.uses,
        _i.max_uses,
        _i.tags,
        _i.grants,
        _i.approval,
        _i.created,
        _i.expires,
        _i.peer_expires,
        _i.revoked,
        _i.last_used,
    )
    .select_from(_owned(vpn_invite))
    .order_by(_i.id)
)

sites = select(vpn_site.c.name, vpn_site.c.network).order_by(vpn_site.c.id)

grants = (
    select(
        vpn_site.c.name.label("site"),
        func.coalesce(_p.uuid, "").label("peer"),
        *_owner,
    )
    .select_from(
        _owned(vpn_grant)
        .join(vpn_site, vpn_site.c.id == vpn_grant.c.site_id)
        .outerjoin(vpn_peer, _p.id == vpn_grant.c.peer_id)
    )
    .order_by(vpn_grant.c.id)
)

quarantine = select(vpn_quarantine.c.address, vpn_quarantine.c.until).order_by(
    vpn_quarantine.c.address
)

network = select(
    vpn_network.c.interface,
    vpn_network.c.endpoint,
    vpn_network.c.pool4,
    vpn_network.c.pool6,
    vpn_network.c.server4,
    vpn_network.c.server6,
    vpn_network.c.public_key,
    vpn_network.c.mtu,
    vpn_network.c.revision,
)

#: Number of peers that a restore would delete.
count = select(func.count()).select_from(vpn_peer)

projects = select(project.c.id, project.c.uuid, project.c.name)

#: In an order in which no reference prevents the deletion.
EMPTY = tuple(
    delete(table)
    for table in (
        vpn_grant,
        vpn_site,
        vpn_peer,
        vpn_invite,
        vpn_quarantine,
        vpn_network,
    )
)
