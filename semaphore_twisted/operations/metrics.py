"""Figures about the installation; nobody's data."""

import msgspec

from semaphore_twisted.model.tasks import Status
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import metrics as statements


class _Count(msgspec.Struct, frozen=True):
    status: Status
    count: int


def tasks_by_status(conn: Connection) -> dict[Status, int]:
    """Return how many tasks the store has of each status."""
    counts = conn.all(statements.tasks_by_status, _Count)
    return {each.status: each.count for each in counts}
