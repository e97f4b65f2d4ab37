"""References between objects: checked on saving, and reported on deletion."""

from collections.abc import Sequence

import msgspec

from semaphore_twisted.model.errors import InUse, Invalid, NotFound, at_field
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence.engine import Connection, Statement


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """An object that refers to another one."""

    id: int
    name: str


class References(msgspec.Struct, frozen=True, kw_only=True):
    """All objects that refer to an object, as the API shows them."""

    templates: tuple[Reference, ...] = ()
    inventories: tuple[Reference, ...] = ()
    repositories: tuple[Reference, ...] = ()
    #: absent if there are none
    integrations: tuple[Reference, ...] | msgspec.UnsetType = msgspec.UNSET
    schedules: tuple[Reference, ...] = ()


def project_of(actor: Actor) -> ProjectId:
    """Return the project of *actor*."""
    if actor.project_id is None:
        raise NotFound
    return actor.project_id


def named(
    conn: Connection, statement: Statement, project_id: ProjectId, number: int
) -> tuple[Reference, ...]:
    """Return the objects that *statement* selects for the object *number*."""
    return tuple(conn.all(statement, Reference, project_id=project_id, id=number))


def refuse_if_used(references: References, kind: str) -> None:
    """Refuse to delete an object that is in use.

    :raises InUse: naming the objects that use it
    """
    groups = (
        ("templates", references.templates),
        ("inventories", references.inventories),
        ("repositories", references.repositories),
        ("integrations", references.integrations or ()),
        ("schedules", references.schedules),
    )
    users = "; ".join(
        f"{noun} {', '.join(quoted(each.name) for each in found)}"
        for noun, found in groups
        if found
    )
    if users:
        first = next(noun for noun, found in groups if found)
        raise InUse(f"{kind} is in use by one or more {first}: {users}")


def check(
    conn: Connection,
    statement: Statement,
    *,
    project_id: ProjectId,
    number: int | None,
    field: str,
) -> object:
    """Check that the object *number* in the body's *field* belongs to the project.

    Return the statement's first column; ``None`` if *number* is ``None``. With 0, which
    stands for an absent number, one is required.

    :raises Invalid: if there is no such object in the project
    """
    if number is None:
        return None
    if number == 0:
        raise Invalid(f"{field} is required")
    found = conn.scalar(statement, project_id=project_id, id=number)
    if found is None:
        raise Invalid(f"{field}: there is no {number} in this project")
    return found


def id_or_none(number: int | None) -> int | None:
    """Return an optional id of a body; 0 means none."""
    return number or None


def check_name(name: str, sentence: str) -> None:
    """Refuse an empty name with *sentence*, and a name with control characters.

    :raises Invalid:
    """
    if not name.strip():
        raise Invalid(sentence, field="name")
    with at_field("name"):
        check_text(name, "name")


def check_text(text: str, what: str) -> None:
    """Refuse control characters in a single-line text.

    :raises Invalid:
    """
    if not text.isprintable() and any(
        ord(character) < 0x20 or ord(character) == 0x7F for character in text
    ):
        raise Invalid(f"The {what} has a control character")


def unique(names: Sequence[object], what: str) -> None:
    """Refuse a repeated name.

    :raises Invalid:
    """
    seen = set()
    for name in names:
        if name in seen:
            raise Invalid(f"The {what} {quoted(str(name))} comes twice")
        seen.add(name)
