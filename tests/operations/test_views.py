"""Creating, changing and deleting views."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid, NotFound
from semaphore_twisted.model.ids import ViewId
from semaphore_twisted.operations.projects import views
from semaphore_twisted.operations.projects.views import NewView
from semaphore_twisted.persistence import schema
from tests.support.events import list_events
from tests.support.memory import actor_of, make_project, make_user, memory_connection


class ViewsTests(SynchronousTestCase):
    """Made, ordered, changed and deleted."""

    def setUp(self) -> None:
        """Make two projects of one user."""
        self.conn = memory_connection()
        user = make_user(self.conn)
        self.actor = actor_of(user, make_project(self.conn, user))
        self.other = actor_of(user, make_project(self.conn, user, "Other"))

    def test_create(self) -> None:
        """Views are listed by position, those of other projects not at all."""
        second = views.create(self.conn, self.actor, NewView(title="B", position=2))
        first = views.create(self.conn, self.actor, NewView(title="A", position=1))
        views.create(self.conn, self.other, NewView(title="C"))
        self.assertEqual(views.list_views(self.conn, self.actor), [first, second])

    def test_refused(self) -> None:
        """A view needs a title of a bearable length."""
        for title in ("", "  ", "x" * 256, "a\nb"):
            with self.assertRaises(Invalid):
                views.create(self.conn, self.actor, NewView(title=title))

    def test_no_title(self) -> None:
        """The sentence for a view without a title is Semaphore's: clients know it."""
        error = self.assertRaises(
            Invalid, views.create, self.conn, self.actor, NewView(title="")
        )
        self.assertEqual(error.message, "title can not be empty")

    def test_settings(self) -> None:
        """A view may be hidden, sorted, or stand for all templates."""
        new = NewView(
            title="A",
            hidden=True,
            type="all",
            sort_column="inventory",
            sort_reverse=True,
        )
        made = views.create(self.conn, self.actor, new)
        found = views.get(self.conn, self.actor, made.id)
        self.assertEqual(
            (found.hidden, found.type, found.sort_column, found.sort_reverse),
            (True, "all", "inventory", True),
        )
        for wrong in (
            NewView(title="B", type="some"),
            NewView(title="B", sort_column="secret"),
        ):
            with self.assertRaises(Invalid) as caught:
                views.create(self.conn, self.actor, wrong)
            self.assertRegex(caught.exception.message, "^(type|sort_column): invalid")

    def test_change(self) -> None:
        """A change replaces all fields of a view."""
        made = views.create(self.conn, self.actor, NewView(title="A", position=1))
        views.change(self.conn, self.actor, made.id, NewView(title="B"))
        after = views.get(self.conn, self.actor, made.id)
        self.assertEqual((after.title, after.position), ("B", 0))

    def test_foreign(self) -> None:
        """A view of another project does not exist here."""
        made = views.create(self.conn, self.other, NewView(title="A"))
        with self.assertRaises(NotFound):
            views.get(self.conn, self.actor, made.id)
        with self.assertRaises(NotFound):
            views.change(self.conn, self.actor, made.id, NewView(title="B"))
        with self.assertRaises(NotFound):
            views.delete(self.conn, self.actor, made.id)
        with self.assertRaises(Invalid):
            views.order(self.conn, self.actor, {str(made.id): 3})
        with self.assertRaises(NotFound):
            views.get(self.conn, self.actor, ViewId(999))

    def test_order(self) -> None:
        """Positions are set by the views' ids."""
        first = views.create(self.conn, self.actor, NewView(title="A", position=1))
        second = views.create(self.conn, self.actor, NewView(title="B", position=2))
        views.order(self.conn, self.actor, {str(first.id): 5, str(second.id): 4})
        self.assertEqual(
            [each.title for each in views.list_views(self.conn, self.actor)], ["B", "A"]
        )

    def test_delete(self) -> None:
        """A deleted view leaves its templates."""
        made = views.create(self.conn, self.actor, NewView(title="A"))
        mine = {"project_id": self.actor.project_id}
        repository = self.conn.insert(
            schema.repository, name="r", git_url="/r", ssh_key_id=1, **mine
        )
        template = self.conn.insert(
            schema.template, name="t", repository_id=repository, view_id=made.id, **mine
        )
        views.delete(self.conn, self.actor, made.id)
        self.assertEqual(views.list_views(self.conn, self.actor), [])
        found = self.conn.raw.execute(
            "SELECT view_id FROM project__template WHERE id = ?", (template,)
        ).fetchone()
        self.assertEqual(found, (None,))

    def test_events(self) -> None:
        """Each change is in the record."""
        made = views.create(self.conn, self.actor, NewView(title="A"))
        views.order(self.conn, self.actor, {str(made.id): 5})
        views.delete(self.conn, self.actor, made.id)
        self.assertEqual(
            [each.description for each in list_events(self.conn, self.actor)],
            ["View A deleted", "Views put in another order", "View A created"],
        )
