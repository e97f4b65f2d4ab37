"""The activity log: each event is one row, written with the change it describes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from attrs import frozen

from semaphore_twisted.model import limits
from semaphore_twisted.model.changes import Action, Change, Changes
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.lists import matching
from semaphore_twisted.model.projects import Event, ObjectFacts
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection, Statement
from semaphore_twisted.persistence.statements import events as statements

#: Object type of events about logins.
LOGIN = "login"

#: Above all event ids.
NEWEST = 2**63 - 1

#: Maximum number of events removed in one transaction, so that it stays short.
_SLICE = 1_000


def record(
    conn: Connection,
    actor: Actor | None,
    *,
    object_type: str,
    object_id: int | None,
    object_name: str = "",
    description: str,
    action: Action = Action.UPDATED,
    project_id: int | None = None,
    user_id: int | None = None,
    address: str = "",
) -> None:
    """Record an action of *actor*; the *description* never contains a secret.

    The event belongs to *project_id*, or else to the actor's project. The actor
    ``None`` is the program itself, which may act for *user_id*, or the command line on
    the server.
    """
    where = project_id
    if where is None and actor is not None:
        where = actor.project_id
    conn.insert(
        schema.event,
        project_id=where,
        user_id=user_id if actor is None else actor.user.id,
        object_type=object_type,
        object_id=object_id,
        object_name=object_name,
        description=description,
        created=conn.now,
        ip=address,
        action=action,
    )


#: The words of an event that say what is not an update.
_ACTIONS = {
    "created": Action.CREATED,
    "made": Action.CREATED,
    "queued for running": Action.CREATED,
    "deleted": Action.DELETED,
}


@frozen
class EventKind:
    """Events about objects of *object_type*, which are described by one *sentence*.

    The sentence may contain ``{name}``, ``{number}`` and ``{what}``.
    """

    object_type: str
    sentence: str
    #: whether events without a user tell what happened, and that nothing was changed
    has_outcomes: bool = False

    def record(
        self,
        conn: Connection,
        actor: Actor | None,
        number: int | None,
        name: str,
        what: str,
        *,
        object_name: str | None = None,
        project_id: int | None = None,
        user_id: int | None = None,
        address: str = "",
    ) -> None:
        """Record that *actor* did *what* to the object *number*, which has *name*.

        *object_name* is stored with the event, by default the name; the rest is as in
        :func:`record`.
        """
        record(
            conn,
            actor,
            object_type=self.object_type,
            object_id=number,
            object_name=name if object_name is None else object_name,
            description=self.sentence.format(number=number, name=name, what=what),
            action=_ACTIONS.get(what.partition(" (")[0], Action.UPDATED),
            project_id=project_id,
            user_id=user_id,
            address=address,
        )


APP = EventKind("app", "App {name} {what}")
ENVIRONMENT = EventKind("environment", "Environment {name} {what}")
INTEGRATION = EventKind("integration", "Integration {name} {what}")
INVENTORY = EventKind("inventory", "Inventory {name} {what}")
KEY = EventKind("key", "Access Key {name} {what}")
MEMBER = EventKind("user", "Member {name}: {what}")
PROJECT = EventKind("project", "Project {name} {what}")
REPOSITORY = EventKind("repository", "Repository {name} {what}")
SCHEDULE = EventKind("schedule", "Schedule {name} {what}", has_outcomes=True)
TASK = EventKind("task", "Task ID {number} ({name}) {what}")
TEMPLATE = EventKind("template", "Template {name} {what}")
TOKEN = EventKind("token", "API token {name} {what}")
USER = EventKind("user", "User {name}: {what}")
VIEW = EventKind("view", "View {name} {what}")
VPN = EventKind("vpn_network", "The VPN was {what}")
VPN_GRANT = EventKind("vpn_grant", "Network {name} behind the server: {what}")
VPN_INVITE = EventKind("vpn_invite", "Invite {name}… {what}")
VPN_NETWORK = EventKind("vpn_network", "The VPN's network: {what}")
VPN_PEER = EventKind("vpn_peer", "Peer {name} {what}")
VPN_SITE = EventKind("vpn_site", "Network {name} behind the server: {what}")


def listed(
    conn: Connection, actor: Actor, *, limit: int = limits.EVENTS, before: int = NEWEST
) -> list[int]:
    """Return the ids of up to *limit* events below *before*, newest first.

    Inside a project these are the project's events. Otherwise they are the events of
    the actor's projects, account and devices; all events for an administrator.
    """
    _, ids, parameters = _seen(actor)
    return conn.column(ids, most=max(limit, 0), before=before, **parameters)


def find(
    conn: Connection, actor: Actor, search: str, *, limit: int, before: int
) -> tuple[list[int], int | None]:
    """Return the ids of those of :func:`listed` that contain *search*.

    Also return the id below which to go on, if there may be more: at most
    ``LIST_SEARCHED`` events are searched.
    """
    texts, _, parameters = _seen(actor)
    most = limits.LIST_SEARCHED
    rows = conn.execute(texts, most=most, before=before, **parameters)
    return matching(rows, search, count=limit, most=most)


def _seen(actor: Actor) -> tuple[Statement, Statement, dict[str, object]]:
    """Return the statements for the events that *actor* sees, and their parameters.

    The first one has the text of each event.
    """
    if actor.project_id is not None:
        of_project: dict[str, object] = {"project_id": actor.project_id}
        return statements.texts_of_project, statements.of_project, of_project
    if actor.user.admin:
        return statements.texts_of_everything, statements.of_everything, {}
    of_user: dict[str, object] = {"user_id": actor.user.id, "login": LOGIN}
    return statements.texts_of_user, statements.of_user, of_user


def page(
    conn: Connection,
    actor: Actor,  # noqa: ARG001 - the ids were selected by listed()
    numbers: Sequence[int],
) -> tuple[list[Event], int]:
    """Return the events of the first *numbers*, and how many were read."""
    return conn.batch(statements.by_id, Event, numbers, size=limits.BATCH // 4)


def last_of(conn: Connection, kind: EventKind, number: int) -> int:
    """Return the number of the last change of an object, 0 without any."""
    statement = (
        statements.last_by_user if kind.has_outcomes else statements.last_of_object
    )
    found = conn.scalar(statement, object_type=kind.object_type, object_id=number)
    return found or 0


class _Occasion(msgspec.Struct, frozen=True):
    time: datetime | None
    username: str | None


def facts(conn: Connection, kind: EventKind, number: int) -> ObjectFacts:
    """Return what the events tell about an object."""
    creation, change = (
        conn.one(statement, _Occasion, object_type=kind.object_type, object_id=number)
        or _Occasion(None, None)
        for statement in (statements.creation, statements.last_change)
    )
    return ObjectFacts(
        created=creation.time,
        created_by=creation.username,
        changed=change.time,
        changed_by=change.username,
    )


def changes(conn: Connection, after: int | None) -> Changes:
    """Return the changes of objects that the events above *after* tell of.

    With ``None`` only the number of the newest event is returned. Logins are no change.
    """
    last = conn.scalar(statements.newest) or 0
    if after is None or last <= after:
        return Changes(last=last)
    if last - after > limits.WEBSOCKET_CHANGES:
        return Changes(last=last, lost=True)
    rows = conn.all(statements.changes, Change, after=after, login=LOGIN)
    return Changes(last=last, changes=tuple(rows))


def empty_some(conn: Connection, project_id: ProjectId) -> bool:
    """Keep some events of a deleted project, but remove their details.

    They then belong to the installation. Return whether the project has more events.
    """
    emptied = conn.run(
        statements.empty_of_project,
        of_project=project_id,
        text=f"Something in project {project_id}, which is deleted",
        most=_SLICE,
    )
    return emptied == _SLICE


def empty(conn: Connection, project_id: ProjectId) -> None:
    """Do what :func:`empty_some` does with every event of the project."""
    while empty_some(conn, project_id):
        pass


def forget(conn: Connection, *, keep: timedelta | None) -> bool:
    """Delete some events that are not kept; return whether there were none.

    Events are kept for *keep*, without a limit if it is ``None``. Of the failed logins,
    which any client can cause, only the newest ``limits.LOGIN_EVENTS`` are kept.
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
