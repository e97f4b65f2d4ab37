"""The first account, made at the first start without an acting user."""

from semaphore_twisted.crypto import passwords
from semaphore_twisted.model import accounts
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.users import Actor, User
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import user
from semaphore_twisted.persistence.statements.accounts import (
    first_account as statements,
)


def any_user(conn: Connection) -> bool:
    """Return whether there is an account."""
    return conn.scalar(statements.ANY_USER) is not None


def create(
    conn: Connection, *, username: str, name: str, email: str, password: str
) -> None:
    """Create the first administrator.

    :raises Invalid: if there is an account already, or a value is not accepted.
    """
    if any_user(conn):
        raise Invalid("There is an account already")
    login, address = username.strip(), email.strip()
    if not login or not address or not password:
        raise Invalid("The first account needs a login, an e-mail and a password")
    accounts.check_login(login)
    accounts.check_email(address)
    conn.insert(
        user,
        created=conn.now.replace(microsecond=0),
        username=login,
        name=name,
        email=address,
        username_folded=accounts.fold(login),
        email_folded=accounts.fold(address),
        password=passwords.hash_password(password),
        admin=True,
        external=False,
        alert=False,
    )


def administrator(conn: Connection) -> Actor:
    """Return the oldest enabled administrator as an actor.

    :raises Invalid: if there is none.
    """
    stored_user = conn.one(statements.ADMINISTRATOR, User)
    if stored_user is None:
        raise Invalid("There is no administrator")
    return Actor(user=stored_user)


def project_exists(conn: Connection, name: str) -> bool:
    """Return whether there is a project named *name*."""
    return conn.scalar(statements.PROJECT_NAMED, name=name) is not None
