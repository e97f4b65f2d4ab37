"""Authentication and authorization, in the transaction of the operation."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

import msgspec
from attrs import frozen

from semaphore_twisted.model.errors import (
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutOfScope,
)
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.users import (
    Access,
    Actor,
    Credentials,
    Demand,
    Permission,
    Role,
    TokenScope,
    User,
)
from semaphore_twisted.persistence.engine import Connection, Version
from semaphore_twisted.persistence.statements import access as statements

P = ParamSpec("P")
T = TypeVar("T")

#: The permissions of an administrator in every project.
EVERYTHING = Permission(15)

#: A check is not repeated within this time, if the data has not changed.
_FRESH = timedelta(seconds=1)


class _Holder(msgspec.Struct, frozen=True, kw_only=True):
    id: UserId
    created: datetime
    username: str
    name: str
    email: str
    admin: bool
    external: bool
    alert: bool
    project_id: ProjectId | None
    role: Role | None
    session_id: int | None = None
    session_due: bool = False
    read_only: bool = False
    only_project: ProjectId | None = None

    @property
    def scope(self) -> TokenScope:
        """The scope of the token; a session has the whole one."""
        return TokenScope(read_only=self.read_only, project_id=self.only_project)

    def actor(self, token_digest: str | None) -> Actor:
        user = User(
            id=self.id,
            created=self.created,
            username=self.username,
            name=self.name,
            email=self.email,
            admin=self.admin,
            external=self.external,
            alert=self.alert,
        )
        permissions = Permission.NONE
        if self.project_id is not None:
            if self.admin:
                permissions = EVERYTHING
            elif self.role is not None:
                permissions = self.role.permissions
        return Actor(
            user=user,
            project_id=self.project_id,
            role=self.role,
            permissions=permissions,
            session_id=self.session_id,
            session_due=self.session_due,
            token_digest=token_digest,
            scope=self.scope,
        )


def actor(
    conn: Connection,
    credentials: Credentials,
    demand: Demand,
    project_id: int | None,
) -> Actor:
    """Return the holder of *credentials*, with its permissions in the project.

    :raises NotAuthenticated: if they are invalid or expired.
    :raises OutOfScope: if the token's scope does not satisfy *demand*.
    :raises NotFound: if the project does not exist, or the actor cannot see it.
    :raises NotPermitted: if the actor lacks a right that *demand* requires.
    """
    holder = _holder(conn, credentials, project_id)
    if holder is None:
        raise NotAuthenticated
    _check_scope(holder.scope, demand, project_id)
    found = holder.actor(credentials.token_digest)
    if project_id is None:
        _check_installation(found, demand.access)
        return found
    visible = found.user.admin or found.role is not None
    if found.project_id is None or not visible:
        raise NotFound
    _check_project(found, demand.access)
    return found


@frozen(kw_only=True)
class Checked:
    """A check of rights and its result; made by :func:`checked`."""

    credentials: Credentials
    demand: Demand
    project_id: int | None
    actor: Actor
    #: the version of the data, and the time, of the check
    version: Version
    time: datetime

    def again(self, conn: Connection) -> Actor:
        """Return the actor, after the same check in the reading transaction of *conn*.

        The result is known if the transaction reads the same data within a second. In
        that time credentials may expire, but the request was sent before.

        :raises DomainError: as :func:`actor` does.
        """
        if abs(conn.now - self.time) <= _FRESH and conn.version() == self.version:
            return self.actor
        return actor(conn, self.credentials, self.demand, self.project_id)


def checked(
    conn: Connection,
    credentials: Credentials,
    demand: Demand,
    project_id: int | None,
) -> Checked:
    """Return the check that :func:`actor` makes, in a reading transaction.

    :raises DomainError: as :func:`actor` does.
    """
    return Checked(
        credentials=credentials,
        demand=demand,
        project_id=project_id,
        actor=actor(conn, credentials, demand, project_id),
        version=conn.version(),
        time=conn.now,
    )


def authorized_again(
    conn: Connection,
    before: Checked,
    operation: Callable[Concatenate[Connection, Actor, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run *operation* in a reading transaction, if the check *before* holds in it.

    :raises DomainError: as :func:`actor` does, and as the operation does.
    """
    return operation(conn, before.again(conn), *args, **kwargs)


def authorized(
    conn: Connection,
    credentials: Credentials,
    demand: Demand,
    project_id: int | None,
    operation: Callable[Concatenate[Connection, Actor, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run *operation* as the holder of *credentials*, if *demand* is satisfied.

    :raises DomainError: as :func:`actor` does, and as the operation does.
    """
    return operation(
        conn, actor(conn, credentials, demand, project_id), *args, **kwargs
    )


def _check_scope(scope: TokenScope, demand: Demand, project_id: int | None) -> None:
    """Refuse what a token's scope leaves out, before any project is looked up.

    :raises OutOfScope: with the reason
    """
    if scope.read_only and not demand.reads:
        raise OutOfScope(
            "This API token is read-only; to change something, use a token that is not"
        )
    if scope.project_id is None:
        return
    if not demand.one_project or project_id not in {None, scope.project_id}:
        raise OutOfScope(
            f"This API token is for project {scope.project_id} only; use a token"
            " without project_id for other projects, accounts, administration and VPN"
        )


def _check_installation(found: Actor, access: Access) -> None:
    """Check access outside projects; permissions inside projects do not apply there."""
    if access in {Access.PUBLIC, Access.USER}:
        return
    if access is not Access.ADMIN or not found.user.admin:
        raise NotPermitted


def _check_project(found: Actor, access: Access) -> None:
    if access is Access.ADMIN and not found.user.admin:
        raise NotPermitted
    if not found.may(access.permission):
        raise NotPermitted


def _holder(
    conn: Connection, credentials: Credentials, project_id: int | None
) -> _Holder | None:
    if credentials.token_digest is not None:  # a bearer token takes precedence
        return conn.one(
            statements.of_token,
            _Holder,
            digest=credentials.token_digest,
            project_id=project_id,
            now=conn.now,
        )
    if credentials.session_digest is not None:
        return conn.one(
            statements.of_session,
            _Holder,
            digest=credentials.session_digest,
            project_id=project_id,
            cutoff=conn.now - credentials.limits.idle,
            oldest=conn.now - credentials.limits.lifetime,
            due=conn.now - credentials.limits.noted,
            now=conn.now,
        )
    return None
