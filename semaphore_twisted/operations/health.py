"""The health of what the database knows: key store, queue, and the database itself."""

from datetime import datetime, timedelta

import msgspec

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.health import HealthFinding, HealthLevel, mebibytes
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.tasks import FINAL, TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import metrics
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.persistence import maintenance
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import metrics as statements

#: A task that waits longer than this is worth a look.
LONG_WAIT = timedelta(hours=1)


def key_store(conn: Connection, actor: Actor, keyring: Keyring) -> HealthFinding:
    """Return whether each stored secret opens; this opens them all."""
    del actor
    reports = vault.check(conn, keyring)
    broken = [each for each in reports if each.why]
    former = [
        each for each in reports if not each.why and each.key_id != keyring.key_id
    ]
    code, facts = "opened", {"total": len(reports)}
    level, sentence = HealthLevel.OK, f"All {len(reports)} stored secrets can be opened"
    if former:
        code, facts["count"] = "former", len(former)
        level, sentence = (
            HealthLevel.WARNING,
            f"{len(former)} of {len(reports)} stored secrets are still encrypted with "
            "a former key; `semaphore vault rekey` encrypts them with the present one",
        )
    first: dict[str, str] = {}
    if broken:
        code, facts["count"] = "broken", len(broken)
        first = {"first": broken[0].title}
        level, sentence = (
            HealthLevel.ERROR,
            f"{len(broken)} of {len(reports)} stored secrets cannot be opened, the "
            f"first is {broken[0].title}; `semaphore vault check` names all",
        )
    return HealthFinding(
        subject="key store",
        level=level,
        sentence=sentence,
        value=len(broken),
        unit="secrets",
        code=code,
        facts={**facts, **first},
    )


class _Oldest(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    created: datetime
    template: str


def queue(conn: Connection, actor: Actor) -> HealthFinding:
    """Return how many tasks run and wait, and whether one waits for long."""
    del actor
    counts = metrics.tasks_by_status(conn)
    waiting = counts.get(TaskStatus.WAITING, 0)
    running = sum(
        count
        for status, count in counts.items()
        if status not in FINAL and status is not TaskStatus.WAITING
    )
    level, sentence = HealthLevel.OK, f"Tasks: {running} running, {waiting} waiting"
    code, facts = "tasks", {"running": running, "waiting": waiting}
    late: dict[str, str | int] = {}
    oldest = conn.one(statements.oldest_waiting, _Oldest)
    if oldest is not None and conn.now - oldest.created > LONG_WAIT:
        level, code = HealthLevel.WARNING, "late"
        late = {
            "task": oldest.id,
            "template": oldest.template,
            "since": oldest.created.isoformat(),
        }
        sentence += (
            f"; task {oldest.id} of {quoted(oldest.template)} has waited since "
            f"{oldest.created:%Y-%m-%d %H:%M}Z"
        )
    return HealthFinding(
        subject="queue",
        level=level,
        sentence=sentence,
        value=waiting,
        unit="tasks",
        code=code,
        facts={**facts, **late},
    )


def database(conn: Connection, actor: Actor) -> HealthFinding:
    """Return the size of the database."""
    del actor
    size = maintenance.size(conn)
    version = conn.scalar(statements.sqlite_version)
    return HealthFinding(
        subject="database",
        level=HealthLevel.OK,
        sentence=f"The database (SQLite {version}) has {mebibytes(size)}",
        value=size,
        unit="bytes",
        code="size",
        facts={"version": str(version), "size": size},
    )
