"""Changes of objects, for clients that show them."""

from enum import StrEnum

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId


class Action(StrEnum):
    """What happened to an object; any other change than the two is an update."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one object.

    *kind* is the object type of its event. *id* is ``None`` if several objects of the
    kind changed. *owner* is the account that may know of it outside of projects, apart
    from administrators.
    """

    kind: str
    id: int | None
    project_id: ProjectId | None
    action: Action
    owner: UserId | None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The changes after an event; *last* is the number of the newest event.

    With *lost* there were too many, and none is listed.
    """

    last: int
    changes: tuple[Change, ...] = ()
    lost: bool = False
