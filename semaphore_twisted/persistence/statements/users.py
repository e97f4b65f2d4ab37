"""Accounts."""

from sqlalchemy import bindparam, func, or_, select

from semaphore_twisted.persistence.schema import user

SHOWN = (
    user.c.id,
    user.c.created,
    user.c.username,
    user.c.name,
    user.c.email,
    user.c.admin,
    user.c.external,
    user.c.alert,
)

every = select(*SHOWN).order_by(user.c.username, user.c.id)

by_id = select(*SHOWN).where(user.c.id == bindparam("user_id"))

by_login = select(*SHOWN).where(
    or_(user.c.username == bindparam("login"), user.c.email == bindparam("login"))
)

#: Whoever can log in with a password under the name or address ``login``.
credentials = select(user.c.id, user.c.password).where(
    or_(user.c.username == bindparam("login"), user.c.email == bindparam("login")),
    user.c.active == 1,
    user.c.external == 0,
)

password = select(user.c.password).where(user.c.id == bindparam("user_id"))

active_password = select(user.c.password).where(
    user.c.id == bindparam("user_id"), user.c.active == 1
)

active = select(user.c.active).where(user.c.id == bindparam("user_id"))

#: Another user that a name or address belongs to, whichever of the two it is.
taken = select(user.c.id).where(
    user.c.id != bindparam("user_id"),
    or_(
        user.c.username.in_((bindparam("username"), bindparam("email"))),
        user.c.email.in_((bindparam("username"), bindparam("email"))),
    ),
)

#: How many administrators could still log in without this user: one that is neither
#: external nor has a password cannot.
other_admins = (
    select(func.count())
    .select_from(user)
    .where(
        user.c.id != bindparam("user_id"),
        user.c.admin == 1,
        user.c.active == 1,
        or_(user.c.external == 1, user.c.password != ""),
    )
)
