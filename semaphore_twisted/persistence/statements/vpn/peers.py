"""Statements about VPN peers: rows for lists, and the desired state of the device."""

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from semaphore_twisted.model.peers import PeerKind, PeerLifecycle
from semaphore_twisted.persistence.schema import (
    project,
    project_user,
    user,
    vpn_grant,
    vpn_peer,
    vpn_site,
)

_c = vpn_peer.c

_with_owner = vpn_peer.outerjoin(user, user.c.id == _c.user_id).outerjoin(
    project, project.c.id == _c.project_id
)

_hosts = _c.kind == PeerKind.HOST

_owner_lives = case((_hosts, project.c.id.is_not(None)), else_=user.c.active == 1)

#: Columns of ``operations.vpn.peer_rows.Row``; *received* is counted by the peer.
_rows = (
    select(
        _c.id,
        _c.uuid,
        _c.name,
        _c.kind,
        _c.state,
        _c.user_id,
        _c.project_id,
        func.coalesce(user.c.username, project.c.name, "").label("owner"),
        _c.public_key,
        func.coalesce(_c.ipv4, "").label("ipv4"),
        func.coalesce(_c.ipv6, "").label("ipv6"),
        _c.tags,
        _c.created,
        _c.expires,
        _c.held,
        _c.last_handshake,
        _c.sent.label("received"),
        _c.received.label("sent"),
        case((func.coalesce(_owner_lives, 0) == 0, 1), else_=0).label("ownerless"),
    )
    .select_from(_with_owner)
    .order_by(func.lower(_c.name), _c.id)
)


def _given(name: str, column: ColumnElement[object]) -> ColumnElement[bool]:
    """Return the condition *column* = parameter *name*; true if that is NULL."""
    return or_(bindparam(name).is_(None), column == bindparam(name))


_listed = _rows.where(
    case(
        (bindparam("state").is_(None), _c.state != PeerLifecycle.REVOKED),
        else_=_c.state == bindparam("state"),
    ),
    _given("kind", _c.kind),
    _given("user_id", _c.user_id),
    _given("project_id", _c.project_id),
)


def _project_of(name: str) -> ColumnElement[bool]:
    return and_(_hosts, _c.project_id == bindparam(name))


def _own_of(name: str) -> ColumnElement[bool]:
    """Return the condition for a user's devices and the hosts of its projects."""
    return or_(
        _c.user_id == bindparam(name),
        and_(
            _hosts,
            _c.project_id.in_(
                select(project_user.c.project_id).where(
                    project_user.c.user_id == bindparam(name)
                )
            ),
        ),
    )


listed = _listed
listed_in_project = _listed.where(_project_of("within"))
listed_of_viewer = _listed.where(_own_of("viewer"))

by_id = _rows.where(_c.id == bindparam("peer_id"))
by_uuid = _rows.where(_c.uuid == bindparam("uuid"))
by_name = _rows.where(
    func.lower(_c.name) == func.lower(bindparam("name")),
    _c.state != PeerLifecycle.REVOKED,
)

_living = _c.state != PeerLifecycle.REVOKED

of_user = _rows.where(_living, _c.user_id == bindparam("user_id"))
of_project = _rows.where(_living, _c.project_id == bindparam("project_id"))
of_invite = _rows.where(_living, _c.invite_id == bindparam("invite_id"))

#: Peers made with an invite and a key since a time.
made_with = _rows.where(
    _c.invite_id == bindparam("invite_id"),
    _c.public_key == bindparam("public_key"),
    _c.created >= bindparam("since"),
    or_(_c.state == PeerLifecycle.ACTIVE, _c.state == PeerLifecycle.PENDING),
)

preshared_key = select(_c.preshared_key).where(_c.id == bindparam("peer_id"))

key_holder = select(_c.id).where(_c.public_key == bindparam("public_key"))

#: Names of an owner's peers that are not revoked, except one peer.
names_of_user = select(_c.name).where(
    _living, _c.user_id == bindparam("owner_id"), _c.id != bindparam("but")
)
names_of_project = select(_c.name).where(
    _living, _c.project_id == bindparam("owner_id"), _c.id != bindparam("but")
)

count_devices = (
    select(func.count())
    .select_from(vpn_peer)
    .where(_living, _c.user_id == bindparam("user_id"))
)

_ADDED = (
    "uuid",
    "name",
    "kind",
    "state",
    "user_id",
    "project_id",
    "invite_id",
    "public_key",
    "preshared_key",
    "ipv4",
    "ipv6",
    "tags",
    "created",
    "expires",
    "held",
)

#: Inserts nothing if a key or an address is already in use.
add = (
    insert(vpn_peer)
    .values({name: bindparam(name) for name in _ADDED})
    .on_conflict_do_nothing()
)

#: Changes nothing if the key is already in use; resets the counters of the device.
rotate = (
    update(vpn_peer)
    .prefix_with("OR IGNORE")
    .where(_c.id == bindparam("peer_id"))
    .values(
        public_key=bindparam("new_key"),
        preshared_key=bindparam("sealed"),
        device_received=0,
        device_sent=0,
    )
)

_is_due = and_(_c.state == PeerLifecycle.ACTIVE, _c.expires <= bindparam("now"))

due = _rows.where(_is_due)

next_expiry = select(func.min(_c.expires).label("at")).where(
    _c.state == PeerLifecycle.ACTIVE, _c.expires > bindparam("now")
)

#: The peers that should be on the device, with the columns of the reading module.
desired = (
    select(
        _c.id,
        _c.uuid,
        _c.name,
        _c.user_id,
        _c.project_id,
        _c.public_key,
        _c.preshared_key,
        _c.ipv4,
        _c.ipv6,
        _c.expires,
    )
    .select_from(_with_owner)
    .where(
        _c.state == PeerLifecycle.ACTIVE,
        or_(_c.expires.is_(None), _c.expires > bindparam("now")),
        _owner_lives,
    )
    .order_by(_c.id)
)

#: Keys of peers with a known reason for not being on the device.
undesired_keys = (
    select(_c.public_key)
    .select_from(_with_owner)
    .where(
        or_(
            _c.state != PeerLifecycle.ACTIVE,
            _c.expires <= bindparam("now"),
            func.coalesce(_owner_lives, 0) == 0,
        )
    )
)

#: Grants of access to site networks.
grants = select(
    vpn_grant.c.peer_id, vpn_grant.c.user_id, vpn_grant.c.project_id, vpn_site.c.network
).join(vpn_site, vpn_site.c.id == vpn_grant.c.site_id)

#: The members of the projects that have a grant.
granted_members = select(project_user.c.project_id, project_user.c.user_id).where(
    project_user.c.project_id.in_(
        select(vpn_grant.c.project_id).where(vpn_grant.c.project_id.is_not(None))
    )
)


def _networks() -> Select[tuple[str]]:
    """Return the statement for the networks that one peer may access."""
    return (
        select(vpn_site.c.network)
        .join(vpn_grant, vpn_grant.c.site_id == vpn_site.c.id)
        .where(
            or_(
                vpn_grant.c.peer_id == bindparam("peer_id"),
                vpn_grant.c.user_id == bindparam("user_id"),
                vpn_grant.c.project_id == bindparam("project_id"),
                vpn_grant.c.project_id.in_(
                    select(project_user.c.project_id).where(
                        project_user.c.user_id == bindparam("user_id")
                    )
                ),
            )
        )
        .distinct()
        .order_by(vpn_site.c.network)
    )


networks_of = _networks()

#: The stored statistics of each peer that can be on the device.
observed = select(
    _c.id,
    _c.name,
    _c.user_id,
    _c.project_id,
    _c.public_key,
    _c.last_handshake,
    _c.outer_endpoint,
    _c.received,
    _c.sent,
    _c.device_received,
    _c.device_sent,
).where(_living)

observe = (
    update(vpn_peer)
    .where(_c.id == bindparam("peer_id"))
    .values(
        last_handshake=bindparam("handshake"),
        outer_endpoint=bindparam("endpoint"),
        received=bindparam("total_received"),
        sent=bindparam("total_sent"),
        device_received=bindparam("now_received"),
        device_sent=bindparam("now_sent"),
    )
)
