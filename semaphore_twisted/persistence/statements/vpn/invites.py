"""Statements about VPN invites; only digests of their tokens are stored."""

from sqlalchemy import and_, bindparam, func, or_, select, update

from semaphore_twisted.model.users import Role
from semaphore_twisted.persistence.schema import (
    project,
    project_user,
    user,
    vpn_invite,
)

_c = vpn_invite.c

_maker = user.alias("maker")
_by_console = _c.created_by.is_(None)

#: The role of the invite's creator in its project.
_role = (
    select(project_user.c.role)
    .where(
        project_user.c.project_id == _c.project_id,
        project_user.c.user_id == _c.created_by,
    )
    .scalar_subquery()
)

#: Columns of ``operations.vpn.invite_rows.InviteRow``.
_rows = (
    select(
        _c.id,
        _c.prefix,
        _c.kind,
        _c.user_id,
        _c.project_id,
        func.coalesce(user.c.username, project.c.name, "").label("owner"),
        _c.created_by,
        _c.uses,
        _c.max_uses,
        _c.tags,
        _c.grants,
        _c.approval,
        _c.created,
        _c.expires,
        _c.peer_expires,
        _c.revoked,
        func.coalesce(user.c.active, 1).label("owner_lives"),
        or_(
            _by_console,
            and_(
                _maker.c.active == 1,
                or_(
                    _maker.c.admin == 1,
                    _c.created_by == func.coalesce(_c.user_id, 0),
                    func.coalesce(_role, "") == Role.OWNER,
                    func.coalesce(_role, "") == Role.MANAGER,
                ),
            ),
        ).label("maker_may"),
        or_(_by_console, _maker.c.admin == 1).label("maker_rules"),
    )
    .select_from(
        vpn_invite.outerjoin(user, user.c.id == _c.user_id)
        .outerjoin(project, project.c.id == _c.project_id)
        .outerjoin(_maker, _maker.c.id == _c.created_by)
    )
    .order_by(_c.id.desc())
)

every = _rows
in_project = _rows.where(_c.project_id == bindparam("within"))
#: The user's own invites, and those of projects the user owns or manages.
of_viewer = _rows.where(
    or_(
        _c.user_id == bindparam("viewer"),
        _c.project_id.in_(
            select(project_user.c.project_id).where(
                project_user.c.user_id == bindparam("viewer"),
                or_(
                    project_user.c.role == Role.OWNER,
                    project_user.c.role == Role.MANAGER,
                ),
            )
        ),
    )
)

by_id = _rows.where(_c.id == bindparam("invite_id"))
by_digest = _rows.where(_c.token_digest == bindparam("digest"))

#: Affects one row, or none if the invite cannot be used.
use = (
    update(vpn_invite)
    .where(
        _c.id == bindparam("invite_id"),
        _c.uses < _c.max_uses,
        _c.revoked.is_(None),
        _c.expires > bindparam("at"),
    )
    .values(uses=_c.uses + 1, last_used=bindparam("at"))
)

#: Revokes the invites of a user who is being deleted.
revoke_made_by = (
    update(vpn_invite)
    .where(_c.created_by == bindparam("maker"), _c.revoked.is_(None))
    .values(revoked=bindparam("at"))
)
