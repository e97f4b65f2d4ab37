"""Statements about networks behind the server and the grants of access to them."""

from sqlalchemy import and_, bindparam, delete, func, or_, select

from semaphore_twisted.persistence.schema import (
    project,
    project_user,
    user,
    vpn_grant,
    vpn_peer,
    vpn_site,
)

_s, _g = vpn_site.c, vpn_grant.c

_sites = select(_s.id, _s.name, _s.network).order_by(_s.name, _s.id)

sites = _sites
by_id = _sites.where(_s.id == bindparam("site_id"))
by_name = _sites.where(_s.name == bindparam("name"))
by_network = _sites.where(_s.network == bindparam("network"))

_grants = (
    select(
        _g.id,
        _g.site_id,
        _s.name.label("site"),
        _s.network,
        _g.peer_id,
        _g.user_id,
        _g.project_id,
        func.coalesce(vpn_peer.c.name, user.c.username, project.c.name, "").label("to"),
    )
    .select_from(
        vpn_grant.join(vpn_site, _s.id == _g.site_id)
        .outerjoin(vpn_peer, vpn_peer.c.id == _g.peer_id)
        .outerjoin(user, user.c.id == _g.user_id)
        .outerjoin(project, project.c.id == _g.project_id)
    )
    .order_by(_s.name, _g.id)
)

_memberships = select(project_user.c.project_id).where(
    project_user.c.user_id == bindparam("viewer")
)

grants = _grants
grant_by_id = _grants.where(_g.id == bindparam("grant_id"))

#: Grants that concern a user: to own devices, to the user, or to the user's projects
#: and their hosts.
grants_of_viewer = _grants.where(
    or_(
        _g.user_id == bindparam("viewer"),
        vpn_peer.c.user_id == bindparam("viewer"),
        _g.project_id.in_(_memberships),
        vpn_peer.c.project_id.in_(_memberships),
    )
)

#: Grants to a project and its hosts.
grants_in_project = _grants.where(
    or_(
        _g.project_id == bindparam("within"),
        vpn_peer.c.project_id == bindparam("within"),
    )
)

same = _grants.where(
    _g.site_id == bindparam("site_id"),
    or_(
        and_(_g.peer_id.is_not(None), _g.peer_id == bindparam("peer_id")),
        and_(_g.user_id.is_not(None), _g.user_id == bindparam("user_id")),
        and_(_g.project_id.is_not(None), _g.project_id == bindparam("project_id")),
    ),
)

close_to_peer = delete(vpn_grant).where(_g.peer_id == bindparam("which"))

#: Only the networks.
networks = select(_s.network)
