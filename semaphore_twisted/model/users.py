"""People, what they may do, and how they prove who they are."""

from datetime import datetime, timedelta
from enum import IntFlag, StrEnum
from typing import ClassVar

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId


class Permission(IntFlag):
    """Rights inside a project, as bits that Semaphore's clients read."""

    NONE = 0
    RUN_TASKS = 1
    UPDATE_PROJECT = 2
    MANAGE_RESOURCES = 4
    MANAGE_USERS = 8


class Access(StrEnum):
    """What a route asks of whoever calls it; routes are data."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"
    MEMBER = "member"
    RUN_TASKS = "run tasks"
    UPDATE_PROJECT = "update project"
    MANAGE_RESOURCES = "manage resources"
    MANAGE_USERS = "manage users"

    @property
    def permission(self) -> Permission:
        """The bits that a member of the project must hold."""
        return _ASKED.get(self, Permission.NONE)


_ASKED = {
    Access.RUN_TASKS: Permission.RUN_TASKS,
    Access.UPDATE_PROJECT: Permission.UPDATE_PROJECT,
    Access.MANAGE_RESOURCES: Permission.MANAGE_RESOURCES,
    Access.MANAGE_USERS: Permission.MANAGE_USERS,
}


class Role(StrEnum):
    """The four built-in roles of a project."""

    OWNER = "owner"
    MANAGER = "manager"
    TASK_RUNNER = "task_runner"
    GUEST = "guest"

    @property
    def permissions(self) -> Permission:
        """The rights that the role gives."""
        return _PERMISSIONS[self]


_PERMISSIONS = {
    Role.OWNER: Permission(15),
    Role.MANAGER: Permission.RUN_TASKS | Permission.MANAGE_RESOURCES,
    Role.TASK_RUNNER: Permission.RUN_TASKS,
    Role.GUEST: Permission.NONE,
}


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account, as the API shows it."""

    id: UserId
    created: datetime
    username: str
    name: str
    email: str
    admin: bool
    external: bool
    alert: bool
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET

    #: What may be left empty where it is damaged; the rest decides who may do what.
    MENDED: ClassVar = ("created", "name")


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, where, and with which rights; made by ``operations.access``.

    Outside a project *project_id* and *role* are ``None``. An administrator has every
    right in every project, member or not. *session_id* and *token* say which
    credential was used (the token by its digest).
    """

    user: User
    project_id: ProjectId | None = None
    role: Role | None = None
    permissions: Permission = Permission.NONE
    session_id: int | None = None
    token_digest: str | None = None
    #: Whether the session's last use was noted a minute ago or more.
    session_due: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether every bit of *permission* is held."""
        return self.permissions & permission == permission


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a login session lives: unused, and in all."""

    idle: timedelta = timedelta(days=7)
    lifetime: timedelta = timedelta(days=30)

    @property
    def noted(self) -> timedelta:
        """The last use is noted no more often than this."""
        return min(timedelta(minutes=1), self.idle / 10)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a request carries: a session cookie's or a bearer token's digest.

    A session's holds within *limits* only.
    """

    session_digest: str | None = None
    token_digest: str | None = None
    limits: SessionLimits = SessionLimits()

    @property
    def by_cookie(self) -> bool:
        """Whether the session cookie counts (a bearer token wins over it)."""
        return self.token_digest is None and self.session_digest is not None


#: Everything or not, else these projects, and one's own.
Sight = tuple[bool, frozenset[ProjectId], UserId | None]


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """The projects whose news a user may see; every project for an administrator.

    *user_id* is his own, for news of his devices. *ends* is when his session or token
    does, as far as that is known; ``None`` for one that has no end. *address* is where
    the session was begun, empty for a token.
    """

    everything: bool
    projects: frozenset[ProjectId]
    user_id: UserId | None = None
    ends: datetime | None = None
    address: str = ""

    @property
    def sight(self) -> Sight:
        """What it sees: the same for those who see alike."""
        return self.everything, self.projects, self.user_id

    def sees(self, project_id: ProjectId) -> bool:
        """Whether news of *project_id* may be sent."""
        return self.everything or project_id in self.projects

    def sees_more_than(self, other: "Audience") -> bool:
        """Whether there is news for this audience that *other* may not see."""
        if other.everything:
            return False
        return self.everything or not self.projects <= other.projects


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user's membership of a project, as the API shows it."""

    id: UserId
    name: str
    username: str
    role: Role


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as the API shows it; *id* is whole only when it is made."""

    id: str
    created: datetime
    expired: bool
    user_id: UserId
