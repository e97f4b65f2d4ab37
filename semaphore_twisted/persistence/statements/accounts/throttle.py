"""Statements about failed password guesses."""

from sqlalchemy import bindparam, delete, exists, select, update

from semaphore_twisted.persistence.schema import login_failure

of_subject = select(login_failure.c.failures, login_failure.c.last).where(
    login_failure.c.subject == bindparam("subject")
)

#: Whether a failure has a time in the future.
ahead = select(exists().where(login_failure.c.last > bindparam("now")))

settle = (
    update(login_failure)
    .where(login_failure.c.last > bindparam("now"))
    .values(last=bindparam("moment"))
)

#: The time of the newest counter above the maximum number.
first_surplus = (
    select(login_failure.c.last)
    .order_by(login_failure.c.last.desc())
    .limit(1)
    .offset(bindparam("kept"))
)

forget_old = delete(login_failure).where(login_failure.c.last <= bindparam("cutoff"))
