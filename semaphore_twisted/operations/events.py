"""The record of what happened: one row in the transaction of what it tells of."""

from collections.abc import Sequence
from datetime import timedelta

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.projects import Event
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import events as statements

#: The type of events that tell of logins.
LOGIN = "login"

#: Above every id of an event.
NEWEST = 2**63 - 1

#: Events that one transaction removes, so that others need not wait for long.
_SLICE = 1_000


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


def listed(
    conn: Connection, actor: Actor, *, limit: int = limits.EVENTS, before: int = NEWEST
) -> list[int]:
    """Return the ids of up to *limit* events below *before*, newest first.

    They are of the project the actor acts in, or all that he sees: the events of his
    projects, and of his own account and devices; an administrator sees every one.
    """
    most = {"most": max(limit, 0), "before": before}
    if actor.project_id is not None:
        return conn.column(statements.of_project, project_id=actor.project_id, **most)
    if actor.user.admin:
        return conn.column(statements.of_everything, **most)
    return conn.column(statements.of_user, user_id=actor.user.id, login=LOGIN, **most)


def page(
    conn: Connection,
    actor: Actor,  # noqa: ARG001 - the ids are those that he sees
    numbers: Sequence[int],
) -> tuple[list[Event], int]:
    """Return the first events of *numbers*, and how many were read."""
    return conn.batch(statements.by_id, Event, numbers, size=limits.BATCH // 4)


def list_events(
    conn: Connection, actor: Actor, *, limit: int = limits.EVENTS, before: int = NEWEST
) -> list[Event]:
    """Return what :func:`listed` lists."""
    rest, found = listed(conn, actor, limit=limit, before=before), []
    while rest:
        events, taken = page(conn, actor, rest)
        found += events
        rest = rest[taken:]
    return found


def empty(conn: Connection, project_id: ProjectId) -> None:
    """Keep the events of a project that is deleted, without what they tell.

    They belong to the installation then.
    """
    conn.run(
        statements.empty_of_project,
        of_project=project_id,
        text=f"Something in project {project_id}, which is deleted",
    )


def forget(conn: Connection, *, keep: timedelta | None) -> bool:
    """Remove some of the events that are not kept; return whether that were all.

    Events are kept for *keep*, for ever where that is ``None``. Of failed logins, which
    anybody can cause, only the newest ``limits.LOGIN_EVENTS`` are kept.
    """
    removed = 0
    if keep is not None:
        removed += conn.run(statements.forget_old, cutoff=conn.now - keep, most=_SLICE)
    last = conn.scalar(statements.first_surplus, login=LOGIN, kept=limits.LOGIN_EVENTS)
    if last is not None:
        removed += conn.run(
            statements.forget_surplus, login=LOGIN, last=last, most=_SLICE
        )
    return removed == 0
