"""Recording and listing events."""

from datetime import timedelta

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.projects import Event
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.accounts.users import ChangedUser
from semaphore_twisted.operations.projects import projects
from tests.support.events import list_events
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
        """Record *text*."""
        with self.conn.transaction(write=True):
            events.record(
                self.conn,
                actor,
                object_type="key",
                object_id=7,
                object_name="k",
                description=text,
            )

    def forget(self, keep: timedelta | None) -> bool:
        """Remove some of the old events; return whether that were all."""
        with self.conn.transaction(write=True):
            return events.forget(self.conn, keep=keep)

    def seen(self, actor: Actor, limit: int = limits.EVENTS) -> list[str | None]:
        """Return the descriptions that *actor* sees."""
        found = list_events(self.conn, actor, limit=limit)
        return [each.description for each in found]

    def test_shape(self) -> None:
        """An event has an actor, a project, a description and a time."""
        self.record(actor_of(self.alice, self.a), "made")
        (found,) = list_events(self.conn, actor_of(self.alice, self.a))
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
        """A user sees events of own projects and own actions; an administrator all."""
        self.record(actor_of(self.alice, self.a), "in a")
        self.record(actor_of(self.bob, self.b), "in b")
        self.record(None, "outside")
        self.assertEqual(self.seen(actor_of(self.alice)), ["in a"])
        self.assertEqual(self.seen(actor_of(self.bob)), ["in b"])
        self.assertEqual(self.seen(actor_of(self.admin)), ["outside", "in b", "in a"])
        self.assertEqual(self.seen(actor_of(self.bob, self.b)), ["in b"])

    def test_of_accounts(self) -> None:
        """A change of an account is visible to the account's user and to the actor."""
        users.change(
            self.conn,
            actor_of(self.admin),
            self.bob.id,
            ChangedUser(name="B", username="bob", email="bob@example.com"),
        )
        users.change(
            self.conn,
            actor_of(self.alice),
            self.alice.id,
            ChangedUser(name="A", username="alice", email="alice@example.com"),
        )
        stranger = make_user(self.conn, "stranger")
        self.assertEqual(self.seen(actor_of(self.bob)), ["User bob: changed"])
        self.assertEqual(self.seen(actor_of(self.alice)), ["User alice: changed"])
        self.assertEqual(self.seen(actor_of(stranger)), [])
        self.assertEqual(len(self.seen(actor_of(self.admin))), 2)

    def test_deleted_project(self) -> None:
        """The events of a deleted project stay, without their descriptions."""
        self.record(actor_of(self.alice, self.a), "a secret plan")
        self.record(actor_of(self.bob, self.b), "in b")
        projects.delete(self.conn, actor_of(self.alice, self.a))
        found = list_events(self.conn, actor_of(self.admin))
        self.assertEqual(
            [(each.user_id, each.object_type, each.object_name) for each in found],
            [
                (self.alice.id, "project", "A"),
                (self.bob.id, "key", "k"),
                (self.alice.id, "key", ""),
            ],
        )
        emptied = found[-1]
        self.assertEqual(emptied.project_id, None)
        self.assertIn(f"project {self.a.id}", emptied.description or "")
        self.assertNotIn("secret", emptied.description or "")
        self.assertEqual(self.seen(actor_of(self.bob)), ["in b"])

    def test_failed_logins(self) -> None:
        """Failed logins are visible to the user concerned, and to administrators."""
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
        """The newest events are listed first, up to the limit."""
        for number in range(5):
            self.record(actor_of(self.alice), str(number))
        self.assertEqual(self.seen(actor_of(self.alice), 2), ["4", "3"])
        self.assertEqual(self.seen(actor_of(self.admin), 0), [])

    def test_older(self) -> None:
        """Each page leads to the next older one, up to the very first event."""
        for number in range(25):
            self.record(actor_of(self.alice, self.a), str(number))
            self.record(actor_of(self.bob, self.b), "another")
        for actor, wanted in (
            (actor_of(self.alice, self.a), 25),
            (actor_of(self.alice), 25),
            (actor_of(self.admin), 50),
        ):
            found: list[int] = []
            before = events.NEWEST
            while ids := events.listed(self.conn, actor, limit=10, before=before):
                self.assertLessEqual(len(ids), 10)
                found += ids
                before = ids[-1]
            self.assertEqual(len(found), wanted)
            self.assertEqual(found, sorted(set(found), reverse=True))

    def test_forgotten(self) -> None:
        """Events are kept for the configured time, by default forever."""
        for number in range(5):
            self.record(None, str(number))
            self.clock.advance(86_400)
        self.assertTrue(self.forget(None))
        self.assertFalse(self.forget(timedelta(days=2.5)))
        self.assertTrue(self.forget(timedelta(days=2.5)))
        self.assertEqual(self.seen(actor_of(self.admin)), ["4", "3"])

    def test_in_slices(self) -> None:
        """One transaction removes a bounded number of events."""
        for number in range(2_500):
            self.record(None, str(number))
        self.clock.advance(86_400)
        rounds = 0
        while not self.forget(timedelta(hours=1)):
            rounds += 1
        self.assertEqual(rounds, 3)
        self.assertEqual(self.seen(actor_of(self.admin)), [])

    def test_logins(self) -> None:
        """Of failed logins only the newest are kept; other events are not touched."""
        self.record(None, "first")
        row = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            f" WHERE i < {limits.LOGIN_EVENTS + 1500})"
            " INSERT INTO event (object_type, description, created, object_name, ip)"
            " SELECT 'login', i, '2026-01-01T00:00:00.000000Z', '', '' FROM n"
        )
        self.conn.raw.execute(row)
        rounds = 0
        while not self.forget(None):
            rounds += 1
        self.assertEqual(rounds, 2)
        (left,) = self.conn.raw.execute(
            "SELECT count(*) FROM event WHERE object_type = 'login'"
        ).fetchone()
        self.assertEqual(left, limits.LOGIN_EVENTS)
        (oldest,) = self.conn.raw.execute(
            "SELECT min(cast(description AS int)) FROM event WHERE object_type='login'"
        ).fetchone()
        self.assertEqual(oldest, 1501)
        self.assertIn("first", self.seen(actor_of(self.admin), limits.EVENTS * 200))


class EventKindTests(SynchronousTestCase):
    """Events that are described by one sentence."""

    @override
    def setUp(self) -> None:
        self.conn = memory_connection(FixedClock())
        self.admin = make_user(self.conn, "root", admin=True)

    def recorded(self) -> Event:
        """Return the newest event."""
        return list_events(self.conn, actor_of(self.admin))[0]

    def test_sentence(self) -> None:
        """The sentence has the name, which is stored with the event."""
        with self.conn.transaction(write=True):
            events.KEY.record(self.conn, actor_of(self.admin), 7, "{what}", "created")
        found = self.recorded()
        self.assertEqual(
            (found.object_type, found.object_id, found.object_name, found.user_id),
            ("key", 7, "{what}", self.admin.id),
        )
        self.assertEqual(found.description, "Access Key {what} created")

    def test_for_a_user(self) -> None:
        """An action for a user can store another name than it shows."""
        project = make_project(self.conn, self.admin, "A")
        with self.conn.transaction(write=True):
            events.TASK.record(
                self.conn,
                None,
                7,
                "Deploy",
                "is running",
                object_name="deploy.yml",
                project_id=project.id,
                user_id=self.admin.id,
            )
        found = self.recorded()
        self.assertEqual(
            (found.object_name, found.project_id, found.user_id),
            ("deploy.yml", project.id, self.admin.id),
        )
        self.assertEqual(found.description, "Task ID 7 (Deploy) is running")
