"""The end of a login whose password was right."""

from semaphore_twisted.identity import throttle
from semaphore_twisted.identity.throttle import Subject
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.operations import sessions
from semaphore_twisted.persistence.engine import Connection


def log_in(
    conn: Connection,
    subject: Subject,
    user_id: UserId,
    *,
    password: str,
    user_agent: str = "",
) -> str:
    """Begin the session of *user_id*; return the cookie's value.

    *password* is the hash that the password was checked against.

    :raises TooManyAttempts: if wrong guesses, made at the same time, came first.
    :raises NotAuthenticated: if the account was changed meanwhile.
    """
    throttle.succeeded(conn, subject)
    return sessions.create(
        conn,
        user_id,
        ip=subject.address,
        user_agent=user_agent,
        password=password,
    )
