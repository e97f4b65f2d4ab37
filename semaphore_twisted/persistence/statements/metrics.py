"""Statements for figures about the installation."""

from sqlalchemy import bindparam, func, select

from semaphore_twisted.persistence.schema import task, vpn_peer

#: How many tasks there are of each status.
tasks_by_status = select(
    task.c.status.label("status"), func.count().label("count")
).group_by(task.c.status)

#: How many peers there are of each state.
peers_by_state = select(
    vpn_peer.c.state.label("status"), func.count().label("count")
).group_by(vpn_peer.c.state)

#: What all peers that ever were have sent and received, as the server sees it.
peer_bytes = select(
    func.coalesce(func.sum(vpn_peer.c.received), 0).label("received"),
    func.coalesce(func.sum(vpn_peer.c.sent), 0).label("sent"),
)

#: When each active peer has made its last handshake.
handshakes = select(vpn_peer.c.last_handshake).where(
    vpn_peer.c.state == bindparam("state"), vpn_peer.c.last_handshake.is_not(None)
)
