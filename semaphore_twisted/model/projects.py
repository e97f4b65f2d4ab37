"""Projects, views and events."""

from datetime import datetime

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId, ViewId


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project, as the API shows it (exactly these keys)."""

    id: ProjectId
    name: str
    created: datetime
    alert: bool = False
    alert_chat: str | None = None
    max_parallel_tasks: int = 0
    type: str = ""
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tab of templates; a field is left out while it has its default."""

    id: ViewId
    project_id: ProjectId
    title: str
    position: int
    hidden: bool = False
    #: ``all`` for the tab of all templates
    type: str = ""
    #: a column by which a list of templates can be sorted; empty means the name
    sort_column: str = ""
    sort_reverse: bool = False
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class ObjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Who created an object, and who changed it last, as far as events are kept.

    *created_by* and *changed_by* are login names; ``None`` also for the command line
    and for accounts that were deleted.
    """

    created: datetime | None
    created_by: str | None
    changed: datetime | None
    changed_by: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the activity list."""

    user_id: UserId | None
    project_id: ProjectId | None
    integration_id: int | None = None
    object_id: int | None
    object_type: str | None
    description: str | None
    created: datetime
    object_name: str = ""
    project_name: str | None
    username: str | None
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET
