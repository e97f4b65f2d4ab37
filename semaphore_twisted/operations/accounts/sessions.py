"""Login sessions: the database contains a digest, only the browser has the value.

A session ends when it is unused for too long or too old (``SessionLimits``), at the
logout, and when the password is changed or the account is disabled or deleted. An open
websocket alone does not count as use.
"""

from semaphore_twisted.crypto.tokens import digest, new_session_id
from semaphore_twisted.model.errors import NotAuthenticated, NotFound
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.users import Actor, LoginSession, SessionLimits
from semaphore_twisted.operations import events
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import sessions as statements
from semaphore_twisted.persistence.statements.accounts import users as user_statements

_LONGEST_AGENT = 400


def create(
    conn: Connection,
    user_id: UserId,
    *,
    ip: str,
    user_agent: str = "",
    password: str,
    limits: SessionLimits,
) -> str:
    """Create a session; return the cookie's value.

    *password* is the hash that the user's password was verified against. Sessions
    beyond *limits* are deleted.

    :raises NotAuthenticated: if the stored hash has changed, or the user is disabled.
    """
    present = conn.scalar(user_statements.active_password, user_id=user_id)
    if present is None or present != password:
        raise NotAuthenticated
    conn.run(
        statements.end_over,
        cutoff=conn.now - limits.idle,
        oldest=conn.now - limits.lifetime,
    )
    value = new_session_id(conn.entropy)
    conn.insert(
        schema.session,
        user_id=user_id,
        digest=digest(value),
        created=conn.now,
        last_active=conn.now,
        ip=ip,
        user_agent=user_agent[:_LONGEST_AGENT],
    )
    return value


def touch(conn: Connection, session_id: int, limits: SessionLimits) -> None:
    """Update a session's last use; called when ``Actor.session_due`` is set."""
    conn.run(
        statements.touch,
        session_id=session_id,
        now=conn.now,
        moment=conn.now,
        due=conn.now - limits.noted,
    )


def end(conn: Connection, session_digest: str) -> bool:
    """End the session whose cookie has this digest; return whether there was one."""
    return conn.run(statements.end, old_digest=session_digest) > 0


def list_sessions(
    conn: Connection, actor: Actor, limits: SessionLimits
) -> list[LoginSession]:
    """Return the actor's sessions that are valid within *limits*, last used first."""
    return conn.all(
        statements.of_user,
        LoginSession,
        user_id=actor.user.id,
        current=actor.session_id or 0,
        cutoff=conn.now - limits.idle,
        oldest=conn.now - limits.lifetime,
    )


def end_one(conn: Connection, actor: Actor, session_id: int) -> None:
    """End one of the actor's sessions.

    :raises NotFound: if the actor has no such session.
    """
    if not conn.run(statements.end_one, of_user=actor.user.id, one=session_id):
        raise NotFound
    user = actor.user
    events.USER.record(conn, actor, user.id, user.username, "a session was ended")


def end_others(conn: Connection, actor: Actor) -> None:
    """End the actor's sessions, except the one that is used."""
    user = actor.user
    if end_all_of_user(conn, user.id, but=actor.session_id):
        events.USER.record(conn, actor, user.id, user.username, "sessions were ended")


def end_all_of_user(
    conn: Connection, user_id: UserId, *, but: int | None = None
) -> int:
    """End the sessions of *user_id* except *but*; return their number."""
    return conn.run(statements.end_of_user, of_user=user_id, but=but or 0)
