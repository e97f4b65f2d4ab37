"""Failed guesses."""

from sqlalchemy import bindparam, delete, select

from semaphore_twisted.persistence.schema import login_failure

of_subject = select(login_failure.c.failures, login_failure.c.last).where(
    login_failure.c.subject == bindparam("subject")
)

forget_old = delete(login_failure).where(login_failure.c.last <= bindparam("cutoff"))
