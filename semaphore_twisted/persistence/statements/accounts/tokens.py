"""Statements about API tokens; only digests and eight characters are stored."""

from sqlalchemy import and_, bindparam, delete, or_, select

from semaphore_twisted.persistence.schema import (
    project,
    project_user,
    user,
    user_token,
)

of_user = (
    select(
        user_token.c.prefix.label("id"),
        user_token.c.created,
        user_token.c.name,
        user_token.c.expires,
        (user_token.c.expires <= bindparam("now")).label("expired"),
        user_token.c.user_id,
        user_token.c.read_only,
        user_token.c.project_id,
    )
    .where(user_token.c.user_id == bindparam("user_id"))
    .order_by(user_token.c.created, user_token.c.prefix)
)

_FOUND = (user_token.c.digest, user_token.c.name, user_token.c.prefix)

own_by_digest = select(*_FOUND).where(
    user_token.c.user_id == bindparam("user_id"),
    user_token.c.digest == bindparam("digest"),
)

own_by_prefix = select(*_FOUND).where(
    user_token.c.user_id == bindparam("user_id"),
    user_token.c.prefix == bindparam("prefix"),
)

delete_of_user = delete(user_token).where(user_token.c.user_id == bindparam("of_user"))

delete_expired = delete(user_token).where(user_token.c.expires <= bindparam("cutoff"))

#: The project ``project_id``, if the user is a member of it, or an administrator.
seen_project = (
    select(project.c.id)
    .select_from(user.join(project, project.c.id == bindparam("project_id")))
    .outerjoin(
        project_user,
        and_(
            project_user.c.project_id == project.c.id,
            project_user.c.user_id == user.c.id,
        ),
    )
    .where(
        user.c.id == bindparam("user_id"),
        or_(user.c.admin == 1, project_user.c.role.is_not(None)),
    )
)
