"""Login sessions."""

from sqlalchemy import bindparam, delete, func, or_, update

from semaphore_twisted.persistence.schema import session

#: Notes a use. Times that are yet to come, from a clock that was set back since,
#: become the present one, so that the session ends as soon as others.
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

end = delete(session).where(session.c.digest == bindparam("old_digest"))

#: All sessions of a user but one; the id 0 is no session's.
end_of_user = delete(session).where(
    session.c.user_id == bindparam("of_user"), session.c.id != bindparam("but")
)

#: Sessions that were last used at ``cutoff`` or before, or begun at ``oldest``.
end_over = delete(session).where(
    or_(
        session.c.last_active <= bindparam("cutoff"),
        session.c.created <= bindparam("oldest"),
    )
)
