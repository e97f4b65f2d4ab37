"""Completes a login after the password was verified."""

from semaphore_twisted.identity import throttle
from semaphore_twisted.identity.throttle import Subject
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.users import SessionLimits
from semaphore_twisted.operations.accounts import sessions
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection


def log_in(
    conn: Connection,
    subject: Subject,
    user_id: UserId,
    *,
    password: str,
    renewed: str | None = None,
    user_agent: str = "",
    limits: SessionLimits,
) -> str:
    """Create a session for *user_id* and return the value of its cookie.

    *password* is the stored hash that the password was verified against. *renewed*, if
    given, is a hash of the same password with current parameters; it replaces the
    stored one. *limits* apply to all sessions.

    :raises TooManyAttempts: if concurrent wrong guesses have reached the limit.
    :raises NotAuthenticated: if the account was changed since the verification.
    """
    throttle.succeeded(conn, subject)
    cookie = sessions.create(
        conn,
        user_id,
        ip=subject.address,
        user_agent=user_agent,
        password=password,
        limits=limits,
    )
    if renewed is not None:
        conn.update(schema.user, user_id, password=renewed)
    return cookie
