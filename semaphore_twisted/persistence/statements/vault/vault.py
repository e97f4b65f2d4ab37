"""Statements about all sealed values, and the facts about their keys.

A SELECT of sealed rows has the columns of ``operations.vault.vault.SealedRow``.
"""

from sqlalchemy import Text, bindparam, cast, delete, literal, select, update

from semaphore_twisted.persistence.schema import (
    access_key,
    option,
    project,
    schedule,
    sealed_value,
    task,
    vpn_peer,
)
from semaphore_twisted.persistence.state_tables import state

ACCESS_KEYS = (
    select(
        cast(access_key.c.id, Text).label("row"),
        access_key.c.uuid.label("uuid"),
        project.c.uuid.label("project_uuid"),
        project.c.name.label("project"),
        access_key.c.name.label("name"),
        access_key.c.secret.label("secret"),
    )
    .join_from(access_key, project)
    .where(access_key.c.secret.is_not(None))
    .order_by(access_key.c.id)
)

TASKS = (
    select(
        cast(task.c.id, Text).label("row"),
        task.c.uuid.label("uuid"),
        project.c.uuid.label("project_uuid"),
        project.c.name.label("project"),
        literal("survey secrets").label("name"),
        task.c.secret.label("secret"),
    )
    .join_from(task, project)
    .where(task.c.secret.is_not(None))
    .order_by(task.c.id)
)

SCHEDULES = (
    select(
        cast(schedule.c.id, Text).label("row"),
        schedule.c.uuid.label("uuid"),
        project.c.uuid.label("project_uuid"),
        project.c.name.label("project"),
        schedule.c.name.label("name"),
        schedule.c.secret.label("secret"),
    )
    .join_from(schedule, project)
    .where(schedule.c.secret.is_not(None))
    .order_by(schedule.c.id)
)

#: The keys of the contents, which themselves need no other envelope.
STATES = (
    select(
        cast(state.c.id, Text).label("row"),
        state.c.uuid.label("uuid"),
        project.c.uuid.label("project_uuid"),
        project.c.name.label("project"),
        literal("state of a workspace").label("name"),
        state.c.secret.label("secret"),
    )
    .join_from(state, project)
    .order_by(state.c.id)
)

INSTALLATION = select(
    sealed_value.c.name.label("row"),
    sealed_value.c.uuid.label("uuid"),
    literal("").label("project_uuid"),
    literal("").label("project"),
    sealed_value.c.name.label("name"),
    sealed_value.c.secret.label("secret"),
).order_by(sealed_value.c.name)

#: Not bound to a project, since the owner of a peer may change.
VPN_PEERS = (
    select(
        cast(vpn_peer.c.id, Text).label("row"),
        vpn_peer.c.uuid.label("uuid"),
        literal("").label("project_uuid"),
        literal("").label("project"),
        vpn_peer.c.name.label("name"),
        vpn_peer.c.preshared_key.label("secret"),
    )
    .where(vpn_peer.c.preshared_key.is_not(None))
    .order_by(vpn_peer.c.id)
)

RESEAL_ACCESS_KEY = (
    update(access_key)
    .where(access_key.c.id == cast(bindparam("row"), access_key.c.id.type))
    .values(secret=bindparam("sealed"))
)

RESEAL_TASK = (
    update(task)
    .where(task.c.id == cast(bindparam("row"), task.c.id.type))
    .values(secret=bindparam("sealed"))
)

RESEAL_SCHEDULE = (
    update(schedule)
    .where(schedule.c.id == cast(bindparam("row"), schedule.c.id.type))
    .values(secret=bindparam("sealed"))
)

RESEAL_STATE = (
    update(state)
    .where(state.c.id == cast(bindparam("row"), state.c.id.type))
    .values(secret=bindparam("sealed"))
)

RESEAL_INSTALLATION = (
    update(sealed_value)
    .where(sealed_value.c.name == bindparam("row"))
    .values(secret=bindparam("sealed"))
)

RESEAL_VPN_PEER = (
    update(vpn_peer)
    .where(vpn_peer.c.id == cast(bindparam("row"), vpn_peer.c.id.type))
    .values(preshared_key=bindparam("sealed"))
)

#: Facts whose names match the pattern *prefix*.
FACTS = (
    select(option.c.key.label("key"), option.c.value.label("value"))
    .where(option.c.key.startswith(bindparam("prefix"), autoescape=False))
    .order_by(option.c.key)
)

FACT = select(option.c.value.label("value")).where(option.c.key == bindparam("name"))

FORGET_FACT = delete(option).where(option.c.key == bindparam("name"))
