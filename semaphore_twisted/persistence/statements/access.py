"""Statements that find the user of a credential and its role in a project."""

from sqlalchemy import and_, bindparam, or_, select

from semaphore_twisted.persistence.schema import (
    project,
    project_user,
    session,
    user,
    user_token,
)

_USER = (
    user.c.id,
    user.c.created,
    user.c.username,
    user.c.name,
    user.c.email,
    user.c.admin,
    user.c.external,
    user.c.alert,
)
_IN_PROJECT = (project.c.id.label("project_id"), project_user.c.role)


def _with_project(table: object) -> object:
    """Add the project ``project_id`` and the user's membership, if they exist."""
    return (
        user.join(table, table.c.user_id == user.c.id)  # type: ignore[arg-type, attr-defined]
        .outerjoin(project, project.c.id == bindparam("project_id"))
        .outerjoin(
            project_user,
            and_(
                project_user.c.project_id == project.c.id,
                project_user.c.user_id == user.c.id,
            ),
        )
    )


#: The active user of a session that was last used after ``cutoff``, and created after
#: ``oldest``.
of_session = (
    select(
        *_USER,
        *_IN_PROJECT,
        session.c.id.label("session_id"),
        or_(
            session.c.last_active < bindparam("due"),
            session.c.last_active > bindparam("now"),
            session.c.created > bindparam("now"),
        ).label("session_due"),
    )
    .select_from(_with_project(session))  # type: ignore[arg-type]
    .where(
        session.c.digest == bindparam("digest"),
        session.c.last_active > bindparam("cutoff"),
        session.c.created > bindparam("oldest"),
        user.c.active == 1,
    )
)

#: The active user of a token that has not expired at the time ``now``.
of_token = (
    select(
        *_USER,
        *_IN_PROJECT,
        user_token.c.read_only,
        user_token.c.project_id.label("only_project"),
    )
    .select_from(_with_project(user_token))  # type: ignore[arg-type]
    .where(
        user_token.c.digest == bindparam("digest"),
        or_(user_token.c.expires.is_(None), user_token.c.expires > bindparam("now")),
        user.c.active == 1,
    )
)
