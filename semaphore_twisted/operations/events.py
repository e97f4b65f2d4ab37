"""The record of what happened: one row in the transaction of what it tells of."""

from semaphore_twisted.model.projects import Event
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import events as statements

#: The type of events that tell of logins.
LOGIN = "login"

#: SQLite's "no limit".
_ALL = -1


def record(
    conn: Connection,
    actor: Actor | None,
    *,
    object_type: str,
    object_id: int | None,
    object_name: str = "",
    description: str,
    project_id: int | None = None,
    address: str = "",
) -> None:
    """Note that *actor* did what *description* says, never with a secret.

    It belongs to *project_id*, else to the project the actor acts in. Nobody
    (``None``) is the program itself, or somebody at the machine's own console.
    """
    where = project_id
    if where is None and actor is not None:
        where = actor.project_id
    conn.insert(
        schema.event,
        project_id=where,
        user_id=None if actor is None else actor.user.id,
        object_type=object_type,
        object_id=object_id,
        object_name=object_name,
        description=description,
        created=conn.now,
        ip=address,
    )


def list_events(
    conn: Connection, actor: Actor, *, limit: int | None = None
) -> list[Event]:
    """Return events, newest first: of the project the actor acts in, or all he sees.

    Those are the events of his projects and of the installation; an administrator
    sees every one.
    """
    most = _ALL if limit is None else max(limit, 0)
    if actor.project_id is not None:
        return conn.all(
            statements.of_project, Event, project_id=actor.project_id, most=most
        )
    if actor.user.admin:
        return conn.all(statements.of_everything, Event, most=most)
    return conn.all(
        statements.of_user, Event, user_id=actor.user.id, login=LOGIN, most=most
    )
