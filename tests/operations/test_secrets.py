"""Tests of how a job's secrets are opened."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.keys import KeyRow, KeyType, NoSecret, Text
from semaphore_twisted.operations.tasks.secrets import open_answers, open_secret
from semaphore_twisted.operations.tasks.tasks import secret_context
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.statements.tasks import orders
from tests.support.memory import make_project, memory_connection
from tests.support.tasks import make_key, make_keyring


class OpenTests(SynchronousTestCase):
    """Keys of the store."""

    def setUp(self) -> None:
        """Make a project."""
        self.conn = memory_connection()
        self.project = make_project(self.conn)
        self.keyring = make_keyring()

    def row(self, **more: Any) -> KeyRow:
        """Store a key and return its row."""
        number = make_key(self.conn, self.project, **more)
        found = self.conn.one(orders.key, KeyRow, id=number, project_id=self.project.id)
        assert found is not None
        return found

    def text(self) -> KeyRow:
        """Return the row of a text."""
        return self.row(
            keyring=self.keyring, secret=Text(text="hush"), kind=KeyType.STRING
        )

    def test_round_trip(self) -> None:
        """An encrypted secret is decrypted to the same value."""
        self.assertEqual(open_secret(self.keyring, self.text()), Text(text="hush"))

    def test_none(self) -> None:
        """A key of type none has no secret, and needs none."""
        self.assertEqual(open_secret(self.keyring, self.row()), NoSecret())

    def test_wrong_key(self) -> None:
        """A key encrypted with another master key is reported by name and id."""
        row = self.text()
        error = self.assertRaises(SecretUnreadable, open_secret, make_keyring(8), row)
        self.assertIn('"Deploy key"', error.message)
        self.assertIn(f"id {row.id}", error.message)

    def test_moved(self) -> None:
        """A secret that was moved from another row does not open."""
        other = self.text()
        moved = self.row(kind=KeyType.STRING)
        self.conn.update(schema.access_key, moved.id, secret=other.secret)
        row = self.conn.one(orders.key, KeyRow, id=moved.id, project_id=self.project.id)
        assert row is not None
        self.assertRaises(SecretUnreadable, open_secret, self.keyring, row)

    def test_without(self) -> None:
        """A key that lost its secret is named."""
        row = self.row(kind=KeyType.STRING)
        error = self.assertRaises(SecretUnreadable, open_secret, self.keyring, row)
        self.assertIn("Deploy key", error.message)

    def test_answers(self) -> None:
        """One-time secrets open for their own task only."""
        sealed = self.keyring.seal(b'{"word":"hush"}', secret_context("row", "project"))

        def opened(uuid: str) -> dict[str, str]:
            return open_answers(
                self.keyring,
                sealed,
                task_id=TaskId(3),
                row_uuid=uuid,
                project_uuid="project",
            )

        self.assertEqual(opened("row"), {"word": "hush"})
        error = self.assertRaises(SecretUnreadable, opened, "other")
        self.assertIn("task 3", error.message)
