"""Statements about the last checks of inventories and repositories."""

from sqlalchemy import bindparam, select

from semaphore_twisted.model.checks import CheckKind
from semaphore_twisted.persistence.schema import inventory, repository

#: The last check of an object of a project.
LAST = {
    kind: select(table.c.checked).where(
        table.c.id == bindparam("id"), table.c.project_id == bindparam("project_id")
    )
    for kind, table in (
        (CheckKind.INVENTORY, inventory),
        (CheckKind.REPOSITORY, repository),
    )
}
