"""Statements about events, newest first."""

from sqlalchemy import Select, bindparam, case, delete, func, null, or_, select, update

from semaphore_twisted.persistence.schema import (
    event,
    project,
    project_user,
    user,
    vpn_invite,
    vpn_peer,
)
from semaphore_twisted.persistence.statements.sorting import joined

#: An event by its id, as the lists show it.
by_id = (
    select(
        event.c.user_id,
        event.c.project_id,
        event.c.integration_id,
        event.c.object_id,
        event.c.object_type,
        event.c.description,
        event.c.created,
        event.c.object_name,
        project.c.name.label("project_name"),
        user.c.username.label("username"),
    )
    .outerjoin(project, project.c.id == event.c.project_id)
    .outerjoin(user, user.c.id == event.c.user_id)
    .where(event.c.id == bindparam("id"))
)

#: The ids of the newest events below ``before``.
_IDS = (
    select(event.c.id)
    .where(event.c.id < bindparam("before"))
    .order_by(event.c.id.desc())
    .limit(bindparam("most"))
)

of_project = _IDS.where(event.c.project_id == bindparam("project_id"))

of_everything = _IDS

_own_peers = select(vpn_peer.c.id).where(vpn_peer.c.user_id == bindparam("user_id"))
_own_invites = select(vpn_invite.c.id).where(
    vpn_invite.c.user_id == bindparam("user_id")
)

_of_account = or_(
    event.c.object_type == "user",
    event.c.object_type == "token",
    event.c.object_type == bindparam("login"),
) & (event.c.object_id == bindparam("user_id"))

#: Events of the user's projects, and events outside of projects that the user caused or
#: that concern the user's account, devices or invites. The remaining events of the
#: installation name other accounts, addresses and projects.
of_user = _IDS.where(
    or_(
        event.c.project_id.in_(
            select(project_user.c.project_id).where(
                project_user.c.user_id == bindparam("user_id")
            )
        ),
        event.c.project_id.is_(None)
        & or_(
            event.c.user_id == bindparam("user_id"),
            _of_account,
            (event.c.object_type == "vpn_peer") & event.c.object_id.in_(_own_peers),
            (event.c.object_type == "vpn_invite") & event.c.object_id.in_(_own_invites),
        ),
    )
)

newest = select(func.max(event.c.id))

#: The account that owns the object of an event outside of projects.
_owner = case(
    (event.c.object_type == "user", event.c.object_id),
    (event.c.object_type == "token", event.c.object_id),
    (event.c.object_type == "vpn_peer", vpn_peer.c.user_id),
    (event.c.object_type == "vpn_invite", vpn_invite.c.user_id),
)

#: The objects of the events above ``after``, oldest first.
changes = (
    select(
        event.c.object_type.label("kind"),
        event.c.object_id.label("id"),
        event.c.project_id,
        func.coalesce(func.nullif(event.c.action, ""), "updated").label("action"),
        _owner.label("owner"),
    )
    .outerjoin(vpn_peer, vpn_peer.c.id == event.c.object_id)
    .outerjoin(vpn_invite, vpn_invite.c.id == event.c.object_id)
    .where(
        event.c.id > bindparam("after"),
        event.c.object_type.is_not(None),
        event.c.object_type != bindparam("login"),
    )
    .order_by(event.c.id)
)

#: The text of an event that is searched.
_TEXT = joined(
    event.c.description,
    event.c.object_name,
    event.c.object_type,
    project.c.name,
    user.c.username,
)


def _with_text(ids: Select[tuple[int]]) -> Select[tuple[int, str]]:
    return (
        ids.add_columns(_TEXT)
        .outerjoin(project, project.c.id == event.c.project_id)
        .outerjoin(user, user.c.id == event.c.user_id)
    )


#: The same ids with the text of each event.
texts_of_project = _with_text(of_project)
texts_of_everything = _with_text(of_everything)
texts_of_user = _with_text(of_user)

#: The last event about an object.
last_of_object = select(func.max(event.c.id)).where(
    event.c.object_type == bindparam("object_type"),
    event.c.object_id == bindparam("object_id"),
)

#: The last event about an object that a user caused.
last_by_user = last_of_object.where(event.c.user_id.is_not(None))

_who_and_when = (
    select(event.c.created.label("time"), user.c.username)
    .outerjoin(user, user.c.id == event.c.user_id)
    .where(
        event.c.object_type == bindparam("object_type"),
        event.c.object_id == bindparam("object_id"),
    )
    .limit(1)
)

#: Who created an object and when, and who changed it last.
creation = _who_and_when.where(event.c.action == "created").order_by(event.c.id)
last_change = _who_and_when.order_by(event.c.id.desc())

_of_deleted = (
    select(event.c.id)
    .where(event.c.project_id == bindparam("of_project"))
    .limit(bindparam("most"))
)

#: Keep some events of a deleted project, but remove their details.
empty_of_project = (
    update(event)
    .where(event.c.id.in_(_of_deleted))
    .values(project_id=null(), object_name="", description=bindparam("text"))
)

_old = (
    select(event.c.id)
    .where(event.c.created < bindparam("cutoff"))
    .limit(bindparam("most"))
)

#: Deletes some of the events that are older than ``cutoff``.
forget_old = delete(event).where(event.c.id.in_(_old))

_logins = select(event.c.id).where(event.c.object_type == bindparam("login"))

#: The newest of the login events above the maximum number, if there is one.
first_surplus = _logins.order_by(event.c.id.desc()).limit(1).offset(bindparam("kept"))

_surplus = _logins.where(event.c.id <= bindparam("last")).limit(bindparam("most"))

forget_surplus = delete(event).where(event.c.id.in_(_surplus))
