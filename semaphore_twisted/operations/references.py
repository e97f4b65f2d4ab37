"""Who refers to what: checked when something is saved, told when it may not go."""

from collections.abc import Sequence
from typing import Any

import msgspec

from semaphore_twisted.model.errors import InUse, Invalid, NotFound
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence.engine import Connection


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """An object that refers to another one."""

    id: int
    name: str


class References(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that refers to an object, as the API shows it."""

    templates: tuple[Reference, ...] = ()
    inventories: tuple[Reference, ...] = ()
    repositories: tuple[Reference, ...] = ()


def project_of(actor: Actor) -> ProjectId:
    """Return the project in which *actor* acts."""
    if actor.project_id is None:
        raise NotFound
    return actor.project_id


def named(
    conn: Connection, statement: Any, project_id: ProjectId, number: int
) -> tuple[Reference, ...]:
    """Return what *statement* finds for the object *number* of a project."""
    return tuple(conn.all(statement, Reference, project_id=project_id, id=number))


def refuse_if_used(references: References, kind: str) -> None:
    """Refuse to let an object go that others need.

    :raises InUse: naming them
    """
    groups = (
        ("templates", references.templates),
        ("inventories", references.inventories),
        ("repositories", references.repositories),
    )
    users = "; ".join(
        f"{noun} {', '.join(f'“{each.name}”' for each in found)}"
        for noun, found in groups
        if found
    )
    if users:
        first = next(noun for noun, found in groups if found)
        raise InUse(f"{kind} is in use by one or more {first}: {users}")


def check(
    conn: Connection,
    statement: Any,
    *,
    project_id: ProjectId,
    number: int | None,
    field: str,
) -> Any:
    """Check that the object *number*, named in the body's *field*, is the project's.

    Returns the statement's first column; ``None`` where nothing is named.

    :raises Invalid: if there is no such object in the project
    """
    if number is None:
        return None
    found = conn.scalar(statement, project_id=project_id, id=number)
    if found is None:
        raise Invalid(f"{field}: there is no {number} in this project")
    return found


def given(number: int | None) -> int | None:
    """Return an optional id of a body, where 0 is as good as none."""
    return number or None


def check_name(name: str, sentence: str) -> None:
    """Refuse an empty name with *sentence*, and one that breaks a line.

    :raises Invalid:
    """
    if not name.strip():
        raise Invalid(sentence)
    check_text(name, "name")


def check_text(text: str, what: str) -> None:
    """Refuse control characters in a text of one line.

    :raises Invalid:
    """
    if not text.isprintable() and any(
        ord(character) < 0x20 or ord(character) == 0x7F for character in text
    ):
        raise Invalid(f"The {what} has a control character")


def unique(names: Sequence[Any], what: str) -> None:
    """Refuse a name that comes twice.

    :raises Invalid:
    """
    seen = set()
    for name in names:
        if name in seen:
            raise Invalid(f"The {what} “{name}” comes twice")
        seen.add(name)
