"""Creating, listing and deleting API tokens."""

from datetime import timedelta

from msgspec.structs import replace
from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, OutOfScope
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.users import TokenScope
from semaphore_twisted.operations.accounts import tokens
from semaphore_twisted.persistence import schema
from tests.support.memory import (
    FixedClock,
    actor_of,
    make_project,
    make_user,
    memory_connection,
)


class TokensTests(SynchronousTestCase):
    """Made, listed and deleted."""

    def setUp(self) -> None:
        """Make two users."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.alice = actor_of(make_user(self.conn, "alice"))
        self.bob = actor_of(make_user(self.conn, "bob"))

    def test_shown_once(self) -> None:
        """The whole token is shown at its creation only, and not stored."""
        made = tokens.create(self.conn, self.alice)
        self.assertEqual(len(made.id), 44)
        self.assertEqual(made.id, made.id.lower())
        (listed,) = tokens.list_tokens(self.conn, self.alice)
        self.assertEqual(listed.id, made.id[:8])
        self.assertEqual(
            (listed.created, listed.expired, listed.user_id),
            (made.created, False, self.alice.user.id),
        )
        stored = self.conn.raw.serialize()
        self.assertNotIn(made.id.encode(), stored)
        self.assertNotIn(made.id[8:].encode(), stored)

    def test_delete(self) -> None:
        """A token is deleted by its text, or by a prefix of eight characters."""
        for length in (44, 8, 20):
            made = tokens.create(self.conn, self.alice)
            tokens.delete(self.conn, self.alice, made.id[:length].upper())
            self.assertEqual(tokens.list_tokens(self.conn, self.alice), [])

    def test_too_short(self) -> None:
        """Fewer than eight characters name no token."""
        made = tokens.create(self.conn, self.alice)
        with self.assertRaises(Invalid):
            tokens.delete(self.conn, self.alice, made.id[:7])

    def test_ambiguous(self) -> None:
        """An ambiguous prefix deletes no token; the full text deletes one."""
        made = tokens.create(self.conn, self.alice)
        self.conn.insert(
            schema.user_token,
            digest="other",
            prefix=made.id[:8],
            user_id=self.alice.user.id,
            created=self.conn.now,
        )
        with self.assertRaises(Conflict):
            tokens.delete(self.conn, self.alice, made.id[:8])
        self.assertEqual(len(tokens.list_tokens(self.conn, self.alice)), 2)
        tokens.delete(self.conn, self.alice, made.id)
        self.assertEqual(len(tokens.list_tokens(self.conn, self.alice)), 1)

    def test_of_another(self) -> None:
        """A user neither sees nor deletes another user's token."""
        made = tokens.create(self.conn, self.alice)
        self.assertEqual(tokens.list_tokens(self.conn, self.bob), [])
        for text in (made.id, made.id[:8]):
            with self.assertRaises(NotFound):
                tokens.delete(self.conn, self.bob, text)

    def test_wrong_end(self) -> None:
        """A full text that differs at the end deletes nothing."""
        made = tokens.create(self.conn, self.alice)
        with self.assertRaises(NotFound):
            tokens.delete(self.conn, self.alice, made.id[:-2] + "x=")

    def test_expired(self) -> None:
        """An expired token is shown as such, and forgotten in the end."""
        tokens.create(self.conn, self.alice, lifetime=timedelta(hours=1))
        self.clock.advance(3600)
        with self.conn.transaction(write=False):
            (listed,) = tokens.list_tokens(self.conn, self.alice)
        self.assertTrue(listed.expired)
        self.clock.advance(8 * 86400)
        with self.conn.transaction(write=True):
            made = tokens.create(self.conn, self.alice)
            (listed,) = tokens.list_tokens(self.conn, self.alice)
        self.assertEqual(listed.id, made.id[:8])

    def test_no_lifetime(self) -> None:
        """A lifetime that is not positive is refused."""
        with self.assertRaises(Invalid):
            tokens.create(self.conn, self.alice, lifetime=timedelta())


class ScopeTests(SynchronousTestCase):
    """The restrictions of a token."""

    def setUp(self) -> None:
        """Make a user with a project, and another one."""
        self.conn = memory_connection()
        self.alice = make_user(self.conn, "alice")
        self.project = make_project(self.conn, self.alice)
        self.foreign = make_project(self.conn, make_user(self.conn, "bob"), "Bob's")
        self.scopes = [
            TokenScope(),
            TokenScope(read_only=True),
            TokenScope(project_id=self.project.id),
            TokenScope(read_only=True, project_id=self.project.id),
        ]

    def test_shown(self) -> None:
        """Answer, list and event show the scope; the whole one is absent."""
        actor = actor_of(self.alice)
        for scope, words in zip(
            self.scopes,
            (
                "all rights of the account",
                "read-only",
                f"project {self.project.id} only",
                f"read-only, project {self.project.id} only",
            ),
            strict=True,
        ):
            made = tokens.create(self.conn, actor, name="ci", scope=scope)
            (listed,) = tokens.list_tokens(self.conn, actor)
            self.assertEqual((made.scope, listed.scope), (scope, scope))
            tokens.delete(self.conn, actor, made.id)
            query = select(schema.event.c.description, schema.event.c.user_id)
            events = self.conn.execute(query.order_by(schema.event.c.id)).fetchall()
            named = f"API token {made.id[:8]}… (ci)"
            self.assertEqual(
                [tuple(each) for each in events[-2:]],
                [
                    (f"{named} created ({words})", self.alice.id),
                    (f"{named} deleted", self.alice.id),
                ],
            )
            self.assertNotIn(made.id, str(events))

    def test_wider(self) -> None:
        """A token makes no token that may do more, and any that may not."""
        whole, reads, one, both = self.scopes
        may = {
            whole: {whole, reads, one, both},
            reads: {reads, both},
            one: {one, both},
            both: {both},
        }
        for own, permitted in may.items():
            actor = replace(actor_of(self.alice), scope=own)
            for scope in self.scopes:
                if scope in permitted:
                    made = tokens.create(self.conn, actor, scope=scope)
                    self.assertEqual(made.scope, scope)
                else:
                    with self.assertRaises(OutOfScope):
                        tokens.create(self.conn, actor, scope=scope)

    def test_project(self) -> None:
        """A token is for a project that its owner can see."""
        for number in (self.foreign.id, ProjectId(999)):
            with self.assertRaisesRegex(Invalid, f"no project {number}"):
                tokens.create(
                    self.conn,
                    actor_of(self.alice),
                    scope=TokenScope(project_id=number),
                )
        admin = actor_of(make_user(self.conn, "root", admin=True))
        scope = TokenScope(project_id=self.foreign.id)
        made = tokens.create(self.conn, admin, scope=scope)
        self.assertEqual(made.project_id, self.foreign.id)
