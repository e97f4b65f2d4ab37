"""Statements that find the projects whose messages a user may receive."""

from sqlalchemy import bindparam, or_, select

from semaphore_twisted.persistence.schema import project_user, session, user, user_token

_SHOWN = (user.c.id, user.c.admin)

#: The active user of a session that was last used after ``cutoff``, and created after
#: ``oldest``.
user_of_session = (
    select(*_SHOWN, session.c.created, session.c.last_active, session.c.ip)
    .join(session, session.c.user_id == user.c.id)
    .where(
        session.c.digest == bindparam("digest"),
        session.c.last_active > bindparam("cutoff"),
        session.c.created > bindparam("oldest"),
        user.c.active == 1,
    )
)

#: The active user of a token that has not expired at the time ``now``.
user_of_token = (
    select(
        *_SHOWN,
        user_token.c.created,
        user_token.c.expires,
        user_token.c.project_id.label("only_project"),
    )
    .join(user_token, user_token.c.user_id == user.c.id)
    .where(
        user_token.c.digest == bindparam("digest"),
        or_(user_token.c.expires.is_(None), user_token.c.expires > bindparam("now")),
        user.c.active == 1,
    )
)

projects_of_user = select(project_user.c.project_id).where(
    project_user.c.user_id == bindparam("user_id")
)
