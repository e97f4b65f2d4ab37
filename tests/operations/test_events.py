"""The record of what happened."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from tests.support.memory import (
    FixedClock,
    actor_of,
    make_project,
    make_user,
    memory_connection,
)


class EventsTests(SynchronousTestCase):
    """Written and read."""

    def setUp(self) -> None:
        """Make two users with a project each."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.admin = make_user(self.conn, "root", admin=True)
        self.alice = make_user(self.conn, "alice")
        self.bob = make_user(self.conn, "bob")
        self.a = make_project(self.conn, self.alice, "A")
        self.b = make_project(self.conn, self.bob, "B")

    def record(self, actor: Actor | None, text: str) -> None:
        """Note *text*."""
        events.record(
            self.conn,
            actor,
            object_type="key",
            object_id=7,
            object_name="k",
            description=text,
        )

    def seen(self, actor: Actor, limit: int | None = None) -> list[str | None]:
        """Return the descriptions that *actor* sees."""
        found = events.list_events(self.conn, actor, limit=limit)
        return [each.description for each in found]

    def test_shape(self) -> None:
        """An event has who, where, what and when."""
        self.record(actor_of(self.alice, self.a), "made")
        (found,) = events.list_events(self.conn, actor_of(self.alice, self.a))
        self.assertEqual(
            (found.user_id, found.username, found.project_id, found.project_name),
            (self.alice.id, "alice", self.a.id, "A"),
        )
        self.assertEqual(
            (found.object_type, found.object_id, found.object_name),
            ("key", 7, "k"),
        )
        self.assertEqual(found.created, self.clock.time)

    def test_who_sees_what(self) -> None:
        """One sees one's projects and the installation; an administrator all."""
        self.record(actor_of(self.alice, self.a), "in a")
        self.record(actor_of(self.bob, self.b), "in b")
        self.record(None, "outside")
        self.assertEqual(self.seen(actor_of(self.alice)), ["outside", "in a"])
        self.assertEqual(self.seen(actor_of(self.bob)), ["outside", "in b"])
        self.assertEqual(self.seen(actor_of(self.admin)), ["outside", "in b", "in a"])
        self.assertEqual(self.seen(actor_of(self.bob, self.b)), ["in b"])

    def test_failed_logins(self) -> None:
        """B64: failed logins are shown to whom they concern, and to administrators."""
        events.record(
            self.conn,
            None,
            object_type=events.LOGIN,
            object_id=self.alice.id,
            description="Failed login",
        )
        self.assertEqual(self.seen(actor_of(self.alice)), ["Failed login"])
        self.assertEqual(self.seen(actor_of(self.bob)), [])
        self.assertEqual(self.seen(actor_of(self.admin)), ["Failed login"])

    def test_limit(self) -> None:
        """The newest come first, and no more than asked for."""
        for number in range(5):
            self.record(None, str(number))
        self.assertEqual(self.seen(actor_of(self.alice), 2), ["4", "3"])
        self.assertEqual(self.seen(actor_of(self.admin), 0), [])
