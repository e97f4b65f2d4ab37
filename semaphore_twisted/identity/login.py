"""The end of a login whose password was right."""

from semaphore_twisted.identity import throttle
from semaphore_twisted.identity.throttle import Subject
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.users import SessionLimits
from semaphore_twisted.operations import sessions
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
    """Begin the session of *user_id*; return the cookie's value.

    *password* is the hash that the password was checked against; *renewed*, one of
    the same password made as they are made today, takes its place. *limits* are those
    of every session.

    :raises TooManyAttempts: if wrong guesses, made at the same time, came first.
    :raises NotAuthenticated: if the account was changed meanwhile.
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
