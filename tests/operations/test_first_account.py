"""The first account."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import passwords
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.operations.accounts import first_account, users
from tests.support.memory import make_project, make_user, memory_connection


class FirstAccountTests(SynchronousTestCase):
    """In an empty store."""

    def setUp(self) -> None:
        """Start without an account."""
        self.conn = memory_connection()

    def create(self, username: str = "Chief ", password: str = "long enough") -> None:
        """Create the first account."""
        first_account.create(
            self.conn,
            username=username,
            name="The Chief",
            email="Chief@Example.org",
            password=password,
        )

    def test_created(self) -> None:
        """It is an administrator whose password fits, with the login as written."""
        self.assertFalse(first_account.any_user(self.conn))
        self.create()
        self.assertTrue(first_account.any_user(self.conn))
        user = first_account.administrator(self.conn).user
        self.assertEqual((user.username, user.admin), ("Chief", True))
        self.assertEqual(user.email, "Chief@Example.org")
        for login in ("chief", "CHIEF@example.org"):
            self.assertEqual(users.find(self.conn, login), user)
        (stored,) = self.conn.raw.execute("SELECT password FROM user").fetchone()
        self.assertTrue(passwords.verify("long enough", stored))

    def test_once(self) -> None:
        """Only one first account can be created."""
        make_user(self.conn)
        self.assertRaises(Invalid, self.create)

    def test_empty(self) -> None:
        """Without a name or a password no account is created."""
        self.assertRaises(Invalid, self.create, username=" ")
        self.assertRaises(Invalid, self.create, password="")
        self.assertRaises(Invalid, self.create, username="The Chief")
        self.assertFalse(first_account.any_user(self.conn))

    def test_administrator(self) -> None:
        """The oldest administrator who can log in acts for the demo."""
        make_user(self.conn, "plain")
        self.assertRaises(Invalid, first_account.administrator, self.conn)
        make_user(self.conn, "gone", admin=True, active=False)
        make_user(self.conn, "first", admin=True)
        make_user(self.conn, "second", admin=True)
        self.assertEqual(first_account.administrator(self.conn).user.username, "first")

    def test_project_exists(self) -> None:
        """A project is found by its name."""
        make_project(self.conn, name="Demo")
        self.assertTrue(first_account.project_exists(self.conn, "Demo"))
        self.assertFalse(first_account.project_exists(self.conn, "Other"))
