"""Users, roles, permissions and credentials."""

from datetime import datetime, timedelta
from enum import IntFlag, StrEnum
from typing import ClassVar

import msgspec

from semaphore_twisted.model.ids import ProjectId, UserId


class Permission(IntFlag):
    """Permissions inside a project, as the bits that Semaphore's clients read."""

    NONE = 0
    RUN_TASKS = 1
    UPDATE_PROJECT = 2
    MANAGE_RESOURCES = 4
    MANAGE_USERS = 8


class Access(StrEnum):
    """The access that a route requires of the caller."""

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
        """The permission bits that a member of the project must have."""
        return _ASKED.get(self, Permission.NONE)


_ASKED = {
    Access.RUN_TASKS: Permission.RUN_TASKS,
    Access.UPDATE_PROJECT: Permission.UPDATE_PROJECT,
    Access.MANAGE_RESOURCES: Permission.MANAGE_RESOURCES,
    Access.MANAGE_USERS: Permission.MANAGE_USERS,
}


class TokenScope(msgspec.Struct, frozen=True, kw_only=True):
    """The part of its owner's rights that an API token has; by default all of them.

    A *read_only* token changes nothing. A token with a *project_id* is for this project
    only. Both together are possible. ``operations.access`` enforces the scope.
    """

    read_only: bool = False
    project_id: ProjectId | None = None

    def includes(self, other: "TokenScope") -> bool:
        """Return whether a token of the scope *other* may do nothing in addition."""
        if self.read_only and not other.read_only:
            return False
        return self.project_id is None or self.project_id == other.project_id


class Demand(msgspec.Struct, frozen=True):
    """The demands of a route on the caller, and on the scope of a token.

    By default only a token without a narrower scope is accepted, so a route that
    forgets to state more is refused to narrow tokens.
    """

    access: Access
    #: whether the route surely changes nothing, so read-only tokens may use it
    reads: bool = False
    #: whether tokens for one project may use the route, in a path of their project, or
    #: outside of projects
    one_project: bool = False


class Role(StrEnum):
    """The four built-in roles of a project."""

    OWNER = "owner"
    MANAGER = "manager"
    TASK_RUNNER = "task_runner"
    GUEST = "guest"

    @property
    def permissions(self) -> Permission:
        """The permissions of the role."""
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
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    #: Columns that may be empty if damaged; the remaining ones decide about access.
    MENDED: ClassVar = ("created", "name")


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The authenticated caller with its permissions; made by ``operations.access``.

    Outside a project *project_id* and *role* are ``None``. An administrator has every
    permission in every project, member or not. *session_id* and *token_digest* identify
    the credential that was used, and *scope* is that of the token.
    """

    user: User
    project_id: ProjectId | None = None
    role: Role | None = None
    permissions: Permission = Permission.NONE
    session_id: int | None = None
    token_digest: str | None = None
    #: whether the stored time of the session's last use needs an update
    session_due: bool = False
    scope: TokenScope = TokenScope()

    def may(self, permission: Permission) -> bool:
        """Return whether the actor has every bit of *permission*."""
        return self.permissions & permission == permission


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a login session is valid: without use, and in total."""

    idle: timedelta = timedelta(days=7)
    lifetime: timedelta = timedelta(days=30)

    @property
    def noted(self) -> timedelta:
        """The minimum interval between two updates of the stored last use."""
        return min(timedelta(minutes=1), self.idle / 10)


class AccountAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What an account can be used by now: all of it ends when the account is disabled.

    *devices* are those that the VPN lets in; of *tokens* and *sessions* those count
    that have not expired.
    """

    active: bool
    sessions: int
    tokens: int
    devices: int


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The credentials of a request: the digest of a session cookie or bearer token.

    A session is valid only within *limits*.
    """

    session_digest: str | None = None
    token_digest: str | None = None
    limits: SessionLimits = SessionLimits()

    @property
    def by_cookie(self) -> bool:
        """Whether the session cookie is used (a bearer token takes precedence)."""
        return self.token_digest is None and self.session_digest is not None


#: A tuple of: sees everything, visible projects, own user id, confined.
Sight = tuple[bool, frozenset[ProjectId], UserId | None, bool]


class Visibility(msgspec.Struct, frozen=True, kw_only=True):
    """The projects whose messages a user may receive; all for an administrator.

    *user_id* is the user's own, for messages about own devices. *ends* is when the
    session or token expires, as far as that is known; ``None`` if it does not expire.
    *address* is the address that created the session, empty for a token. A token for
    one project is *confined*: it receives nothing about accounts, devices and the VPN.
    """

    everything: bool
    projects: frozenset[ProjectId]
    user_id: UserId | None = None
    ends: datetime | None = None
    address: str = ""
    confined: bool = False

    @property
    def sight(self) -> Sight:
        """The key of audiences that may receive the same messages."""
        return self.everything, self.projects, self.user_id, self.confined

    def sees(self, project_id: ProjectId) -> bool:
        """Return whether messages about *project_id* may be sent to this audience."""
        return self.everything or project_id in self.projects

    def sees_more_than(self, other: "Visibility") -> bool:
        """Return whether this audience may receive messages that *other* may not."""
        if other.everything:
            return False
        return self.everything or not self.projects <= other.projects


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user's membership of a project, as the API shows it."""

    id: UserId
    name: str
    username: str
    role: Role


class LoginSession(msgspec.Struct, frozen=True, kw_only=True):
    """A login session, as the API shows it to its user.

    *ip* and *user_agent* are those of the login. *current* tells whether the request
    was made with it.
    """

    id: int
    created: datetime
    last_active: datetime
    ip: str
    user_agent: str
    current: bool = False


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as the API shows it; *id* is complete only when it is created.

    A token without a name or without an end has no such field, and one with the whole
    scope neither ``read_only`` nor ``project_id``.
    """

    id: str
    created: datetime
    expired: bool
    user_id: UserId
    name: str | msgspec.UnsetType = msgspec.UNSET
    #: when the token ends; not Semaphore's
    expires: datetime | msgspec.UnsetType = msgspec.UNSET
    #: the scope of the token; not Semaphore's
    read_only: bool | msgspec.UnsetType = msgspec.UNSET
    project_id: ProjectId | msgspec.UnsetType = msgspec.UNSET

    @property
    def scope(self) -> TokenScope:
        """What the token may do."""
        only = self.project_id or None
        return TokenScope(read_only=self.read_only is True, project_id=only)
