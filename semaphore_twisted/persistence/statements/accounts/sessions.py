"""Statements about login sessions."""

from sqlalchemy import bindparam, delete, func, or_, select, update

from semaphore_twisted.persistence.schema import session

#: Update the time of the last use. Times in the future, from a clock that was set back
#: since, are replaced with the current time, so that the session expires like any
#: other.
touch = (
    update(session)
    .where(
        session.c.id == bindparam("session_id"),
        or_(
            session.c.last_active < bindparam("due"),
            session.c.last_active > bindparam("now"),
            session.c.created > bindparam("now"),
        ),
    )
    .values(
        last_active=bindparam("moment"),
        created=func.min(session.c.created, bindparam("moment")),
    )
)

#: A user's sessions that have not ended, the last used first.
of_user = (
    select(
        session.c.id,
        session.c.created,
        session.c.last_active,
        session.c.ip,
        session.c.user_agent,
        (session.c.id == bindparam("current")).label("current"),
    )
    .where(
        session.c.user_id == bindparam("user_id"),
        session.c.last_active > bindparam("cutoff"),
        session.c.created > bindparam("oldest"),
    )
    .order_by(session.c.last_active.desc(), session.c.id.desc())
)

end_one = delete(session).where(
    session.c.user_id == bindparam("of_user"), session.c.id == bindparam("one")
)

end = delete(session).where(session.c.digest == bindparam("old_digest"))

#: Deletes all sessions of a user except ``but``; the id 0 belongs to no session.
end_of_user = delete(session).where(
    session.c.user_id == bindparam("of_user"), session.c.id != bindparam("but")
)

#: Deletes sessions last used at ``cutoff`` or before, or created at ``oldest`` or
#: before.
end_over = delete(session).where(
    or_(
        session.c.last_active <= bindparam("cutoff"),
        session.c.created <= bindparam("oldest"),
    )
)
