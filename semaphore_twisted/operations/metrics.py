"""Metrics of the installation, without personal data."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from semaphore_twisted.model.peers import PeerLifecycle
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.operations.vpn import network
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import metrics as statements


class _Count(msgspec.Struct, frozen=True):
    status: TaskStatus
    count: int


def tasks_by_status(conn: Connection) -> dict[TaskStatus, int]:
    """Return the number of stored tasks per status."""
    counts = conn.all(statements.tasks_by_status, _Count)
    return {each.status: each.count for each in counts}


class PeerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of the VPN's peers.

    *seen* counts the active peers by the maximum age in seconds of the last handshake.
    *received* and *sent* are bytes as the server counts, *revision* is that of the
    desired state.
    """

    by_state: Mapping[PeerLifecycle, int]
    seen: Mapping[int, int]
    received: int
    sent: int
    revision: int


class _PeerCount(msgspec.Struct, frozen=True):
    status: PeerLifecycle
    count: int


class _Bytes(msgspec.Struct, frozen=True):
    received: int
    sent: int


class _Handshake(msgspec.Struct, frozen=True):
    last_handshake: datetime


#: Maximum ages of the last handshake: online, last hour, last day, last month.
AGES = (180, 3600, 86_400, 2_592_000)


def peer_figures(conn: Connection) -> PeerFigures:
    """Return the metrics of the stored peers."""
    counts = conn.all(statements.peers_by_state, _PeerCount)
    handshakes = conn.all(statements.handshakes, _Handshake, state=PeerLifecycle.ACTIVE)
    ages = [conn.now - each.last_handshake for each in handshakes]
    total = conn.one(statements.peer_bytes, _Bytes) or _Bytes(0, 0)
    return PeerFigures(
        by_state={each.status: each.count for each in counts},
        seen={
            limit: sum(age <= timedelta(seconds=limit) for age in ages)
            for limit in AGES
        },
        received=total.received,
        sent=total.sent,
        revision=network.revision(conn),
    )
