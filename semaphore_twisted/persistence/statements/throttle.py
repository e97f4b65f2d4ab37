"""Failed guesses."""

from sqlalchemy import bindparam, delete, exists, select, update

from semaphore_twisted.persistence.schema import login_failure

of_subject = select(login_failure.c.failures, login_failure.c.last).where(
    login_failure.c.subject == bindparam("subject")
)

#: Whether a failure has a time that is yet to come.
ahead = select(exists().where(login_failure.c.last > bindparam("now")))

settle = (
    update(login_failure)
    .where(login_failure.c.last > bindparam("now"))
    .values(last=bindparam("moment"))
)

#: The time of the newest counter that is one too many.
first_surplus = (
    select(login_failure.c.last)
    .order_by(login_failure.c.last.desc())
    .limit(1)
    .offset(bindparam("kept"))
)

forget_old = delete(login_failure).where(login_failure.c.last <= bindparam("cutoff"))
