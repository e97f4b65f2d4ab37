"""Statements for the metrics of the installation."""

from sqlalchemy import bindparam, func, select

from semaphore_twisted.persistence.schema import task, template, vpn_peer

#: Number of tasks per status.
tasks_by_status = select(
    task.c.status.label("status"), func.count().label("count")
).group_by(task.c.status)

#: Number of peers per state.
peers_by_state = select(
    vpn_peer.c.state.label("status"), func.count().label("count")
).group_by(vpn_peer.c.state)

#: Bytes received and sent by all peers, including removed ones, as the server counts.
peer_bytes = select(
    func.coalesce(func.sum(vpn_peer.c.received), 0).label("received"),
    func.coalesce(func.sum(vpn_peer.c.sent), 0).label("sent"),
)

#: Time of the last handshake of each active peer.
handshakes = select(vpn_peer.c.last_handshake).where(
    vpn_peer.c.state == bindparam("state"), vpn_peer.c.last_handshake.is_not(None)
)

#: The task that has waited for the longest time.
oldest_waiting = (
    select(task.c.id, task.c.created, template.c.name.label("template"))
    .join(template, template.c.id == task.c.template_id)
    .where(task.c.status == "waiting")
    .order_by(task.c.created)
    .limit(1)
)

#: The version of the database's library.
sqlite_version = select(func.sqlite_version())
