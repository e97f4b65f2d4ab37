"""Login sessions."""

from sqlalchemy import bindparam, delete, or_, update

from semaphore_twisted.persistence.schema import session

touch = (
    update(session)
    .where(
        session.c.id == bindparam("session_id"),
        session.c.last_active < bindparam("due"),
    )
    .values(last_active=bindparam("now"))
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
