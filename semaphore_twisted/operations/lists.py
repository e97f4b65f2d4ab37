"""Parts of the lists of a project's objects."""

from collections.abc import Mapping
from types import MappingProxyType

from semaphore_twisted.model.lists import Part, Place, Wanted, part
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.sorting import Sorted

EMPTY: Mapping[str, int] = MappingProxyType({})


def select(
    conn: Connection,
    actor: Actor,
    orders: Sorted,
    wanted: Wanted,
    values: Mapping[str, int] = EMPTY,
) -> Part:
    """Return the wanted part of the objects that *orders* select in the project.

    *values* are further parameters of the statements.
    """
    project_id, descending = project_of(actor), wanted.descending
    if wanted.is_whole:
        statement = orders.by(wanted.sort, descending=descending)
        return Part(ids=conn.column(statement, project_id=project_id, **values))
    statement = orders.places(wanted.sort, descending=descending)
    return part(conn.all(statement, Place, project_id=project_id, **values), wanted)
