"""The last checks of inventories and repositories."""

from datetime import timedelta
from typing import TypeVar

import msgspec

from semaphore_twisted.model.checks import (
    CheckKind,
    CheckTarget,
    InventoryCheck,
    RepositoryCheck,
)
from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import inventory, repository
from semaphore_twisted.persistence.statements.projects import checks as statements

T = TypeVar("T", InventoryCheck, RepositoryCheck)

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


def store(
    conn: Connection, target: CheckTarget, found: InventoryCheck | RepositoryCheck
) -> None:
    """Store what a check found; an object that was deleted meanwhile stays deleted."""
    text = msgspec.json.encode(found).decode()
    conn.update(_TABLES[target.kind], target.number, checked=text)


def _stored(conn: Connection, actor: Actor, kind: CheckKind, number: int) -> str | None:
    found = conn.one(
        statements.LAST[kind], _CheckedRow, id=number, project_id=project_of(actor)
    )
    if found is None:
        raise NotFound
    return found.checked
