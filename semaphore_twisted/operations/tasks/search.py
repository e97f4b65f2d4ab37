"""Searches the tasks of a project."""

from datetime import datetime

import msgspec

from semaphore_twisted.model.ids import TemplateId, UserId
from semaphore_twisted.model.limits import LIST_SEARCHED
from semaphore_twisted.model.lists import matching
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import search as statements


class TaskSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What tasks must have: nothing by default.

    *statuses* are the accepted ones, *search* is contained in number, template,
    message, version, branch, commit, limit or user. The tasks were created from
    *since*, before *until*.
    """

    template_id: TemplateId | None = None
    user_id: UserId | None = None
    statuses: tuple[TaskStatus, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


def find(
    conn: Connection, actor: Actor, wanted: TaskSearch, *, count: int, before: int
) -> tuple[list[int], int | None]:
    """Return the ids of up to *count* tasks below the id *before*, newest first.

    Also return the id below which to go on, if there may be more: a text is searched in
    at most ``LIST_SEARCHED`` tasks.

    :raises NotFound: if the project has no template ``template_id``
    """
    project_id = project_of(actor)
    if wanted.template_id is not None:
        template_of(conn, project_id, wanted.template_id)
    filters = {
        name: value
        for name in wanted.__struct_fields__
        if name != "search" and (value := getattr(wanted, name)) not in (None, ())
    }
    if len(wanted.statuses) == 1:  # by equality, for which there is an index
        filters["status"] = filters.pop("statuses")[0]
    first: int | None = 0
    if wanted.since is not None:
        first = conn.scalar(
            statements.first_since, project_id=project_id, since=wanted.since
        )
    if wanted.until is not None:
        last = conn.scalar(
            statements.last_until, project_id=project_id, until=wanted.until
        )
        before = min(before, 0 if last is None else last + 1)
    if first is None:
        return [], None
    searched = bool(wanted.search)
    most = LIST_SEARCHED if searched else count + 1
    rows = conn.execute(
        statements.newest(frozenset(filters), searched=searched),
        project_id=project_id,
        first=first,
        before=before,
        most=most,
        **filters,
    )
    return matching(rows, wanted.search, count=count, most=most)
