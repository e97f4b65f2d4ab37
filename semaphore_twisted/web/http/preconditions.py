"""Entity tags of objects, and requests that are made only if an object is unchanged.

A tag (RFC 9110, 8.8.3) depends on what is shown of the object, without what changes by
itself, and on the number of the last event about it: so a tag changes with a secret
too. ``If-Match`` (13.1.1) is optional; it is compared in the transaction that makes the
change.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Concatenate, ParamSpec, TypeVar

import msgspec
from attrs import frozen

from semaphore_twisted.model.errors import ChangedMeanwhile
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.events import EventKind
from semaphore_twisted.persistence.engine import Connection

P = ParamSpec("P")
T = TypeVar("T")

#: Fields of an object that change without a change of the object.
_VOLATILE = (
    *("fault", "last_task", "tasks"),
    *("last_run", "last_started", "next_run", "next_runs", "parts", "zone"),
    "runs_per_hour",
)


@frozen
class Tagged:
    """The kind of a route's object, and the operation that returns the object.

    *current* is called with a connection, an actor and the object's id, and raises the
    error of a change that the actor may not make at all.
    """

    kind: EventKind
    current: Callable[..., msgspec.Struct]


def last_event(
    conn: Connection,
    actor: Actor,  # noqa: ARG001 - the caller has the right to read the object
    kind: EventKind,
    number: int,
) -> int:
    """Return the number of the last event about an object, 0 without any."""
    return events.last_of(conn, kind, number)


def tag(shown: msgspec.Struct, event: int) -> str:
    """Return the tag of an object that is *shown*; *event* is its last event."""
    fields: dict[str, object] = msgspec.to_builtins(shown)
    for name in _VOLATILE:
        fields.pop(name, None)
    digest = sha256(msgspec.json.encode([fields, event])).digest()
    return f'"{urlsafe_b64encode(digest[:15]).decode()}"'


def guarded(
    operation: Callable[Concatenate[Connection, Actor, P], T],
    tagged: Tagged,
    number: int,
    if_match: str,
) -> Callable[Concatenate[Connection, Actor, P], T]:
    """Return *operation* with a check of the object before, as ``If-Match`` asks.

    It raises ``ChangedMeanwhile`` if the object has none of the tags.
    """
    tags = [each.strip() for each in if_match.split(",")]

    def checked(
        conn: Connection, actor: Actor, /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        shown = tagged.current(conn, actor, number)
        present = tag(shown, events.last_of(conn, tagged.kind, number))
        if "*" not in tags and present not in tags:
            raise ChangedMeanwhile
        return operation(conn, actor, *args, **kwargs)

    return checked
