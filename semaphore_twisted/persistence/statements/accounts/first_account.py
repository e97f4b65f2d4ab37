"""Statements about the account made at the first start, and the demo's project."""

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import project as _project
from semaphore_twisted.persistence.schema import user as _user

ANY_USER = select(_user.c.id).limit(1)

ADMINISTRATOR = (
    select(
        *(
            _user.c[name]
            for name in (
                *("id", "created", "username", "name", "email"),
                *("admin", "external", "alert"),
            )
        )
    )
    .where(_user.c.admin == 1, _user.c.active == 1)
    .order_by(_user.c.id)
    .limit(1)
)

PROJECT_NAMED = select(_project.c.id).where(_project.c.name == bindparam("name"))
