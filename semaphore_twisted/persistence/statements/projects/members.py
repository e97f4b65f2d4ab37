"""Statements about members of projects."""

from sqlalchemy import bindparam, delete, func, select, update

from semaphore_twisted.persistence.schema import project_user, user
from semaphore_twisted.persistence.statements.accounts.users import SHOWN

of_project = (
    select(user.c.id, user.c.name, user.c.username, project_user.c.role)
    .join(project_user, project_user.c.user_id == user.c.id)
    .where(project_user.c.project_id == bindparam("project_id"))
    .order_by(user.c.name, user.c.id)
)

one = (
    select(user.c.id, user.c.name, user.c.username, project_user.c.role)
    .join(project_user, project_user.c.user_id == user.c.id)
    .where(
        project_user.c.project_id == bindparam("project_id"),
        project_user.c.user_id == bindparam("user_id"),
    )
)

account = (
    select(*SHOWN)
    .join(project_user, project_user.c.user_id == user.c.id)
    .where(
        project_user.c.project_id == bindparam("project_id"),
        project_user.c.user_id == bindparam("user_id"),
    )
)

other_owners = (
    select(func.count())
    .select_from(project_user)
    .join(user, user.c.id == project_user.c.user_id)
    .where(
        project_user.c.project_id == bindparam("project_id"),
        project_user.c.user_id != bindparam("user_id"),
        project_user.c.role == "owner",
        user.c.active == 1,
    )
)

change = (
    update(project_user)
    .where(
        project_user.c.project_id == bindparam("of_project"),
        project_user.c.user_id == bindparam("of_user"),
    )
    .values(role=bindparam("new_role"))
)

remove = delete(project_user).where(
    project_user.c.project_id == bindparam("of_project"),
    project_user.c.user_id == bindparam("of_user"),
)
