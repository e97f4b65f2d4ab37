"""Operations on views, the tabs of a project's templates."""

from collections.abc import Mapping

import msgspec

from semaphore_twisted.model import texts
from semaphore_twisted.model.errors import Invalid, NotFound
from semaphore_twisted.model.ids import ViewId
from semaphore_twisted.model.projects import View
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import templates
from semaphore_twisted.persistence.statements.projects import views as statements


class NewView(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a view."""

    title: Name = ""
    position: int = 0
    hidden: bool = False
    type: Name = ""
    sort_column: Name = ""
    sort_reverse: bool = False


def list_views(conn: Connection, actor: Actor) -> list[View]:
    """Return the project's views by position."""
    return conn.all(statements.of_project, View, project_id=actor.project_id)


def get(conn: Connection, actor: Actor, view_id: int) -> View:
    """Return a view of the project.

    :raises NotFound: if there is none.
    """
    view = conn.one(
        statements.by_id, View, project_id=actor.project_id, view_id=view_id
    )
    if view is None:
        raise NotFound
    return view


def create(conn: Connection, actor: Actor, new: NewView) -> View:
    """Create a view."""
    texts.check(new)
    _check(new)
    view_id = conn.insert(schema.view, project_id=actor.project_id, **_columns(new))
    view = get(conn, actor, view_id)
    events.VIEW.record(conn, actor, view.id, view.title, "created")
    return view


def change(conn: Connection, actor: Actor, view_id: int, changed: NewView) -> None:
    """Change a view."""
    before = get(conn, actor, view_id)
    texts.check(changed, before)
    _check(changed)
    conn.update(schema.view, before.id, **_columns(changed))
    view = get(conn, actor, view_id)
    events.VIEW.record(conn, actor, view.id, view.title, "changed")


def order(conn: Connection, actor: Actor, positions: Mapping[str, int]) -> None:
    """Set the positions of views; the keys are view ids.

    :raises Invalid: if a view does not belong to the project; nothing is changed then.
    """
    known = {str(view.id): view for view in list_views(conn, actor)}
    for view_id, position in positions.items():
        if view_id not in known:
            raise Invalid("There is no such view in this project")
        conn.update(schema.view, int(view_id), position=position)
    if positions:
        events.record(
            conn,
            actor,
            object_type="view",
            object_id=None,
            description="Views put in another order",
        )


def delete(conn: Connection, actor: Actor, view_id: ViewId) -> None:
    """Delete a view; its templates are kept."""
    view = get(conn, actor, view_id)
    conn.delete(schema.view, view.id)
    events.VIEW.record(conn, actor, view.id, view.title, "deleted")


def _columns(view: NewView) -> dict[str, str | int]:
    return {**msgspec.structs.asdict(view), "title": view.title.strip()}


def _check(view: NewView) -> None:
    title = view.title.strip()
    if not title:
        raise Invalid("title can not be empty", field="title")
    if not title.isprintable():
        raise Invalid("The view's title has control characters", field="title")
    if view.type not in {"", "all"}:
        raise Invalid(
            f'type: invalid value {quoted(view.type)}; expected "all" for the view of'
            " all templates, or an empty text"
        )
    if view.sort_column and view.sort_column not in templates.SORT_COLUMNS:
        listed = ", ".join(templates.SORT_COLUMNS)
        raise Invalid(
            f"sort_column: invalid value {quoted(view.sort_column)}; expected one of"
            f" {listed}, or an empty text"
        )
