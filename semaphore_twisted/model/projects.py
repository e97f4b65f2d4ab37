"""Projects, views and the record of what happened."""

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
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A tab of templates, as the API shows it (exactly these keys)."""

    id: ViewId
    project_id: ProjectId
    title: str
    position: int = 0
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as the activity list shows it."""

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
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET
