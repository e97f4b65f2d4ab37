"""Statements about accounts."""

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Table,
    bindparam,
    func,
    or_,
    select,
)

from semaphore_twisted.model.peers import PeerLifecycle
from semaphore_twisted.persistence.schema import session, user, user_token, vpn_peer

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

every = select(*SHOWN).order_by(user.c.username_folded, user.c.id)

disabled = select(user.c.id).where(user.c.active == 0).order_by(user.c.id)

by_id = select(*SHOWN).where(user.c.id == bindparam("user_id"))

#: The account with the name or address ``login``, whose folded form is ``folded``. An
#: exact match takes precedence: older versions could store names that differ only in
#: case.
by_login = (
    select(*SHOWN)
    .where(
        or_(
            user.c.username == bindparam("login"),
            user.c.email == bindparam("login"),
            user.c.username_folded == bindparam("folded"),
            user.c.email_folded == bindparam("folded"),
        )
    )
    .order_by(
        (user.c.username == bindparam("login")).desc(),
        (user.c.email == bindparam("login")).desc(),
        user.c.id,
    )
    .limit(1)
)

#: The password hash of an account that may log in with a password.
credentials = select(user.c.id, user.c.password).where(
    user.c.id == bindparam("user_id"), user.c.active == 1, user.c.external == 0
)

password = select(user.c.password).where(user.c.id == bindparam("user_id"))

active_password = select(user.c.password).where(
    user.c.id == bindparam("user_id"), user.c.active == 1
)

active = select(user.c.active).where(user.c.id == bindparam("user_id"))


def _count(table: Table, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """Return the subquery that counts the rows of *table* that belong to the user."""
    own = table.c.user_id == user.c.id
    return select(func.count()).where(own, *conditions).scalar_subquery()


#: Columns of ``model.users.AccountAccess``.
access = select(
    user.c.active,
    _count(
        session,
        session.c.last_active > bindparam("cutoff"),
        session.c.created > bindparam("oldest"),
    ).label("sessions"),
    _count(
        user_token,
        or_(user_token.c.expires.is_(None), user_token.c.expires > bindparam("now")),
    ).label("tokens"),
    _count(
        vpn_peer, vpn_peer.c.state == PeerLifecycle.ACTIVE, user.c.active == 1
    ).label("devices"),
).where(user.c.id == bindparam("user_id"))

#: Another user whose name or address is ``login``, or has the folded form ``folded``.
taken = select(user.c.id).where(
    user.c.id != bindparam("user_id"),
    or_(
        user.c.username == bindparam("login"),
        user.c.email == bindparam("login"),
        user.c.username_folded == bindparam("folded"),
        user.c.email_folded == bindparam("folded"),
    ),
)

#: Number of administrators except this user that can log in: external ones and those
#: with a password.
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
