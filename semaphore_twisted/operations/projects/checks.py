"""The last checks of inventories and repositories."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from semaphore_twisted.model.checks import (
    Check,
    CheckKind,
    CheckResult,
    CheckStatus,
    CheckTarget,
    InventoryCheck,
    RepositoryCheck,
)
from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.ids import KeyId
from semaphore_twisted.model.keys import KeyUse
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks import task_lifecycle
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory, repository
from semaphore_twisted.persistence.statements.projects import checks as statements

T = TypeVar("T", InventoryCheck, RepositoryCheck)

_INTERRUPTED = "The server stopped during the check"

_TABLES = {CheckKind.INVENTORY: inventory, CheckKind.REPOSITORY: repository}


class _CheckedRow(msgspec.Struct, frozen=True):
    checked: str | None


def target(conn: Connection, actor: Actor, kind: CheckKind, number: int) -> CheckTarget:
    """Return an object of the project as the target of a check.

    :raises NotFound: if the project has no such object
    """
    _ = _stored(conn, actor, kind, number)
    return CheckTarget(kind, project_of(actor), number)


def last(
    conn: Connection, actor: Actor, kind: CheckKind, number: int, result: type[T]
) -> T:
    """Return the last check that has ended; its status is ``never`` without one."""
    text = _stored(conn, actor, kind, number)
    try:
        return msgspec.json.decode(text or "{}", type=result)
    except msgspec.DecodeError:
        return result()  # of a later version, or damaged


def is_fresh(
    conn: Connection, actor: Actor, target: CheckTarget, age: timedelta
) -> bool:
    """Return whether a repository's last check ended within *age*."""
    ended = last(conn, actor, target.kind, target.number, RepositoryCheck).ended
    return ended is not None and timedelta() <= conn.now - ended <= age


def begin(
    conn: Connection, target: CheckTarget, started: datetime, keys: Collection[KeyId]
) -> str:
    """Record that a check has begun and received *keys*; return a mark for its end.

    Until it ends, the stored result says that it was interrupted, which is so if the
    server stops.
    """
    task_lifecycle.note_use(conn, keys, KeyUse.CHECK)
    interrupted = Check(status=CheckStatus.ERROR, reason=_INTERRUPTED, started=started)
    mark = msgspec.json.encode(interrupted).decode()
    conn.update(_TABLES[target.kind], target.number, checked=mark)
    return mark


def end(conn: Connection, target: CheckTarget, mark: str, result: CheckResult) -> None:
    """Store the *result* of the check with this *mark*.

    The result is dropped if the object was changed or deleted meanwhile.
    """
    stored = conn.scalar(
        statements.LAST[target.kind], id=target.number, project_id=target.project_id
    )
    if stored == mark:
        text = msgspec.json.encode(result).decode()
        conn.update(_TABLES[target.kind], target.number, checked=text)


def _stored(conn: Connection, actor: Actor, kind: CheckKind, number: int) -> str | None:
    found = conn.one(
        statements.LAST[kind], _CheckedRow, id=number, project_id=project_of(actor)
    )
    if found is None:
        raise NotFound
    return found.checked
