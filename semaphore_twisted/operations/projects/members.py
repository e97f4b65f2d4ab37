"""Members of the actor's project, and their roles.

An actor can neither grant nor remove a right that the actor lacks. A project always has
an owner.
"""

import msgspec

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.users import Actor, Member, Role, User
from semaphore_twisted.operations import events
from semaphore_twisted.operations.vpn import network
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import users as user_statements
from semaphore_twisted.persistence.statements.projects import members as statements


class NewMember(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that adds a member."""

    user_id: UserId
    role: Role


class ChangedMember(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that changes a member's role."""

    role: Role


def list_members(conn: Connection, actor: Actor) -> list[Member]:
    """Return the members with their roles, sorted by name."""
    return conn.all(statements.of_project, Member, project_id=_project(actor))


def get(conn: Connection, actor: Actor, user_id: int) -> User:
    """Return a member's account.

    :raises NotFound: if the user is not a member.
    """
    user = conn.one(
        statements.account, User, project_id=_project(actor), user_id=user_id
    )
    if user is None:
        raise NotFound
    return user


def add(conn: Connection, actor: Actor, new: NewMember) -> None:
    """Add a user as a member.

    :raises Invalid: if there is no such user.
    :raises Conflict: if the user is already a member.
    """
    _check_held(actor, new.role)
    project_id = _project(actor)
    user = conn.one(user_statements.by_id, User, user_id=new.user_id)
    if user is None:
        raise Invalid("There is no such user", field="user_id")
    if conn.one(statements.one, Member, project_id=project_id, user_id=user.id):
        raise Conflict("The user is a member already", field="user_id")
    conn.insert(
        schema.project_user, project_id=project_id, user_id=user.id, role=new.role
    )
    network.bump(conn)
    events.MEMBER.record(conn, actor, user.id, user.username, f"added as {new.role}")


def change(
    conn: Connection, actor: Actor, user_id: int, changed: ChangedMember
) -> None:
    """Change a member's role.

    :raises Invalid: if the project would have no owner with an active account.
    """
    member = _member(conn, actor, user_id)
    _check_held(actor, member.role)
    _check_held(actor, changed.role)
    if changed.role is not Role.OWNER:
        _check_other_owner(conn, actor, member)
    conn.run(
        statements.change,
        of_project=_project(actor),
        of_user=member.id,
        new_role=changed.role,
    )
    events.MEMBER.record(
        conn, actor, member.id, member.username, f"is {changed.role} now"
    )


def remove(conn: Connection, actor: Actor, user_id: int) -> None:
    """Remove a member.

    :raises Invalid: if the project would have no owner with an active account.
    """
    member = _member(conn, actor, user_id)
    _check_held(actor, member.role)
    _remove(conn, actor, member, "removed")


def leave(conn: Connection, actor: Actor) -> None:
    """Remove the actor's own membership.

    :raises Invalid: if the project would have no owner with an active account.
    """
    _remove(conn, actor, _member(conn, actor, actor.user.id), "left")


def _remove(conn: Connection, actor: Actor, member: Member, what: str) -> None:
    _check_other_owner(conn, actor, member)
    conn.run(statements.remove, of_project=_project(actor), of_user=member.id)
    network.bump(conn)
    events.MEMBER.record(conn, actor, member.id, member.username, what)


def _project(actor: Actor) -> ProjectId:
    if actor.project_id is None:
        raise NotFound
    return actor.project_id


def _member(conn: Connection, actor: Actor, user_id: int) -> Member:
    member = conn.one(
        statements.one, Member, project_id=_project(actor), user_id=user_id
    )
    if member is None:
        raise NotFound
    return member


def _check_held(actor: Actor, role: Role) -> None:
    if not actor.may(role.permissions):
        raise NotPermitted


def _check_other_owner(conn: Connection, actor: Actor, member: Member) -> None:
    if member.role is Role.OWNER and not conn.scalar(
        statements.other_owners, project_id=_project(actor), user_id=member.id
    ):
        raise Invalid(
            "This is the project's last owner with an active account", field="role"
        )
