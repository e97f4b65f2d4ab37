"""Creating, changing and deleting accounts."""

import sqlite3
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import (
    Invalid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
)
from semaphore_twisted.model.users import Access, Credentials, Demand, User
from semaphore_twisted.operations import access
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.accounts.users import ChangedUser, NewUser
from semaphore_twisted.persistence import schema
from tests.support.events import list_events
from tests.support.memory import (
    actor_of,
    make_project,
    make_session,
    make_token,
    make_user,
    memory_connection,
)


def _new(**values: Any) -> NewUser:
    return NewUser(
        **{"username": "bob", "name": "Bob", "email": "bob@example.com"} | values
    )


class UsersTests(SynchronousTestCase):
    """Made, changed, disabled and deleted."""

    def setUp(self) -> None:
        """Make an administrator and a user."""
        self.conn = memory_connection()
        self.admin = make_user(self.conn, "root", admin=True)
        self.alice = make_user(self.conn, "alice")

    def holds(self, credentials: Credentials) -> bool:
        """Whether *credentials* are good for anything."""
        try:
            access.actor(self.conn, credentials, Demand(Access.USER), None)
        except NotAuthenticated:
            return False
        return True

    def create(self, new: NewUser, by: User | None = None) -> User:
        """Make a user."""
        actor = actor_of(by or self.admin)
        return users.create(self.conn, actor, new, password_hash="$hash")

    def change(self, user: User, by: User | None, **values: Any) -> None:
        """Change a user."""
        before = {"name": user.name, "username": user.username, "email": user.email}
        users.change(
            self.conn,
            None if by is None else actor_of(by),
            user.id,
            ChangedUser(**before | values),
        )

    def test_create(self) -> None:
        """A new user has the given values, and a time of whole seconds."""
        made = self.create(_new(username=" BoB ", email="Bob@Example.COM", admin=True))
        self.assertEqual(made.username, "BoB")
        self.assertEqual(made.email, "Bob@Example.COM")
        for login in ("bob", "BOB", "bOB@EXAMPLE.com"):
            self.assertEqual(users.find(self.conn, login), made)
        self.assertTrue(made.admin)
        self.assertEqual(made.created.microsecond, 0)
        self.assertEqual(users.get(self.conn, None, made.id), made)

    def test_create_is_for_administrators(self) -> None:
        """Only administrators create users."""
        with self.assertRaises(NotPermitted):
            self.create(_new(), by=self.alice)

    def test_missing(self) -> None:
        """Names and an address are needed; a password of its own has a form."""
        for field in ("username", "name", "email"):
            with self.assertRaises(Invalid):
                self.create(_new(**{field: "  "}))
        for password in ("", "x" * 5000):
            self.assertRaises(Invalid, users.check_password, password)

    def test_strange(self) -> None:
        """Control characters and endless names are refused."""
        for value in ("a\nb", "a\x00b", "x" * 300):
            with self.assertRaises(Invalid):
                self.create(_new(username=value))

    def test_taken(self) -> None:
        """A name or address of another is refused, in any case and in either place."""
        for values in (
            {"username": "ALICE"},
            {"email": "Alice@Example.com"},
            {"username": "alice@example.com"},
            {"email": "alice"},
            {"username": "ａｌｉｃｅ"},  # full-width letters  # noqa: RUF001
        ):
            with self.assertRaises(Invalid):
                self.create(_new(**values))

    def test_another_case(self) -> None:
        """One's own name may change its case; another's may not be taken by that."""
        self.change(self.alice, self.admin, username="ALICE", email="A@example.com")
        found = users.get(self.conn, None, self.alice.id)
        self.assertEqual((found.username, found.email), ("ALICE", "A@example.com"))
        self.assertIsNone(users.find(self.conn, "alice@example.com"))
        with self.assertRaises(Invalid):
            self.change(self.admin, self.admin, username="aLiCe")
        with self.assertRaises(Invalid):
            self.change(self.admin, self.admin, email="a@EXAMPLE.com")

    def test_unique_in_the_store(self) -> None:
        """The store itself holds no two accounts that differ by case only."""
        for field in ("username", "email"):
            with self.assertRaises(sqlite3.IntegrityError):
                self.conn.raw.execute(
                    f"UPDATE user SET {field}_folded = 'x'",
                )

    def test_former_names(self) -> None:
        """Names of an older version that are not accepted today can stay."""
        self.conn.update(
            schema.user, self.alice.id, username="b b", username_folded="b b"
        )
        self.conn.update(schema.user, self.alice.id, email="x", email_folded="x")
        alice = users.get(self.conn, None, self.alice.id)
        self.change(alice, self.admin, name="Alicia")
        self.assertEqual(users.get(self.conn, None, alice.id).username, "b b")
        with self.assertRaises(Invalid):
            self.change(alice, self.admin, username="B B")

    def test_external(self) -> None:
        """An external user has no password here, and a fixed login."""
        with self.assertRaises(Invalid):
            self.create(_new(external=True))
        made = users.create(
            self.conn, actor_of(self.admin), _new(external=True), password_hash=""
        )
        self.assertIsNone(users.credentials_of(self.conn, "bob"))
        with self.assertRaises(Invalid):
            users.set_password(self.conn, None, made.id, password_hash="$y")
        with self.assertRaises(Invalid):
            self.change(made, self.admin, username="robert")
        self.change(made, self.admin, name="Robert")

    def test_login(self) -> None:
        """One logs in by name or address in any case, and not when disabled."""
        for login in ("alice", "ALICE", " alice ", "Alice@example.com"):
            found = users.credentials_of(self.conn, login)
            assert found is not None
            self.assertEqual(found.id, self.alice.id)
        self.assertIsNone(users.credentials_of(self.conn, "nobody"))
        self.assertIsNone(users.credentials_of(self.conn, ""))
        users.set_active(self.conn, None, self.alice.id, active=False)
        self.assertIsNone(users.credentials_of(self.conn, "alice"))

    def test_change_oneself(self) -> None:
        """A user changes only their own name."""
        self.change(self.alice, self.alice, name="Alicia", alert=True)
        after = users.get(self.conn, None, self.alice.id)
        self.assertEqual((after.name, after.alert), ("Alicia", True))
        with self.assertRaises(NotPermitted):
            self.change(self.admin, self.alice, name="x")

    def test_left_out(self) -> None:
        """A flag that a change omits stays unchanged."""
        self.change(self.admin, self.admin, name="Root")
        self.assertTrue(users.get(self.conn, None, self.admin.id).admin)

    def test_promotion(self) -> None:
        """Users cannot change their own administrator flag."""
        with self.assertRaises(NotPermitted):
            self.change(self.alice, self.alice, admin=True)
        with self.assertRaises(NotPermitted):
            self.change(self.admin, self.admin, admin=False)
        self.change(self.alice, self.admin, admin=True)
        self.assertTrue(users.get(self.conn, None, self.alice.id).admin)

    def test_role_change_ends_sessions(self) -> None:
        """A change of the administrator flag ends the user's sessions."""
        _, session = make_session(self.conn, self.alice)
        self.change(self.alice, self.admin, name="Alicia")
        self.assertTrue(self.holds(session))
        self.change(self.alice, self.admin, admin=True)
        self.assertFalse(self.holds(session))

    def test_last_administrator(self) -> None:
        """The last administrator who can log in stays one, even for the console."""
        make_user(self.conn, "sleeper", admin=True, active=False)
        make_user(self.conn, "locked", admin=True, password=None)
        with self.assertRaises(Invalid):
            self.change(self.admin, None, admin=False)
        with self.assertRaises(Invalid):
            users.delete(self.conn, None, self.admin.id)
        with self.assertRaises(Invalid):
            users.delete(self.conn, actor_of(self.admin), self.admin.id)
        with self.assertRaises(Invalid):
            users.set_active(self.conn, None, self.admin.id, active=False)
        make_user(self.conn, "second", admin=True)
        users.delete(self.conn, actor_of(self.admin), self.admin.id)

    def test_set_active(self) -> None:
        """Disabling ends sessions and tokens; enabling brings none back."""
        _, session = make_session(self.conn, self.alice)
        _, token = make_token(self.conn, self.alice)
        users.set_active(self.conn, actor_of(self.admin), self.alice.id, active=False)
        self.assertFalse(users.is_active(self.conn, None, self.alice.id))
        users.set_active(self.conn, actor_of(self.admin), self.alice.id, active=True)
        self.assertTrue(users.is_active(self.conn, None, self.alice.id))
        self.assertFalse(self.holds(session))
        self.assertFalse(self.holds(token))

    def test_set_active_refused(self) -> None:
        """Only an administrator may do it, and only for other users."""
        with self.assertRaises(NotPermitted):
            users.set_active(
                self.conn, actor_of(self.alice), self.admin.id, active=False
            )
        make_user(self.conn, "second", admin=True)
        with self.assertRaises(Invalid):
            users.set_active(
                self.conn, actor_of(self.admin), self.admin.id, active=False
            )
        with self.assertRaises(NotFound):
            users.set_active(self.conn, actor_of(self.admin), 999, active=False)

    def test_delete(self) -> None:
        """Deleting a user deletes the user's sessions, tokens and memberships."""
        make_project(self.conn, self.alice)
        _, session = make_session(self.conn, self.alice)
        _, token = make_token(self.conn, self.alice)
        users.delete(self.conn, actor_of(self.admin), self.alice.id)
        self.assertFalse(self.holds(session))
        self.assertFalse(self.holds(token))
        with self.assertRaises(NotFound):
            users.get(self.conn, None, self.alice.id)

    def test_delete_refused(self) -> None:
        """Only administrators delete other users; users may delete themselves."""
        bob = make_user(self.conn, "bob")
        with self.assertRaises(NotPermitted):
            users.delete(self.conn, actor_of(self.alice), bob.id)
        users.delete(self.conn, actor_of(bob), bob.id)

    def test_password(self) -> None:
        """Another password ends all sessions but the one that asks."""
        _, mine = make_session(self.conn, self.alice)
        _, other = make_session(self.conn, self.alice)
        actor = access.actor(self.conn, mine, Demand(Access.USER), None)
        users.set_password(self.conn, actor, self.alice.id, password_hash="$new")
        self.assertTrue(self.holds(mine))
        self.assertFalse(self.holds(other))
        self.assertEqual(users.own_password_hash(self.conn, actor), "$new")
        users.set_password(
            self.conn, actor_of(self.admin), self.alice.id, password_hash="$newer"
        )
        self.assertFalse(self.holds(mine))

    def test_password_of_another(self) -> None:
        """Only administrators set another user's password."""
        with self.assertRaises(NotPermitted):
            users.set_password(
                self.conn, actor_of(self.alice), self.admin.id, password_hash="$x"
            )

    def test_events(self) -> None:
        """Each change is in the record, without a hash."""
        made = self.create(_new())
        users.set_password(
            self.conn, actor_of(self.admin), made.id, password_hash="$secret"
        )
        users.delete(self.conn, actor_of(self.admin), made.id)
        found = list_events(self.conn, actor_of(self.admin))
        self.assertEqual(
            [each.description for each in found],
            ["User bob: deleted", "User bob: password changed", "User bob: created"],
        )
        self.assertEqual({each.username for each in found}, {"root"})
