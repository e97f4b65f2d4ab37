"""A rekey that is killed at each of its statements, one after the other."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.persistence import maintenance, schema
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from tests.support.memory import make_project, memory_connection

OLD, NEW = MasterKey(bytes(32)), MasterKey(bytes([1]) * 32)


def sealed_store() -> Connection:
    """Return a store in memory with four secrets under the old key."""
    conn = memory_connection()
    make_project(conn)
    (project_uuid,) = conn.raw.execute("SELECT uuid FROM project").fetchone()
    ring = Keyring(OLD, entropy=random)
    for number in range(4):
        uuid = conn.uuid()
        place = SealContext("access_key", "access_key", "secret", uuid, project_uuid)
        conn.insert(
            schema.access_key,
            uuid=uuid,
            name=f"Key {number}",
            type="string",
            project_id=1,
            secret=ring.seal(b"secret", place),
        )
    with conn.transaction(write=True):
        vault.startup_check(conn, ring)
    return conn


class KilledTests(SynchronousTestCase):
    """The rows are always under one key, and the newest text survives."""

    def setUp(self) -> None:
        """Make a store on the disk."""
        self.path = Path(self.mktemp()).absolute()
        self.template = sealed_store()
        self.addCleanup(self.template.close)
        self.ring = Keyring(NEW, [OLD], entropy=random)

    def connect(self) -> Connection:
        """Open the store."""
        return connect(self.path, now=utc_now, entropy=random)

    def restore(self) -> None:
        """Put the first state back."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        with closing(sqlite3.connect(self.path)) as file:
            self.template.raw.backup(file)

    def rekey(self, conn: Connection) -> None:
        """Do what the command does."""
        with conn.transaction(write=True):
            vault.rekey(conn, self.ring)
        if maintenance.scrub(conn, pause=lambda _: None):
            with conn.transaction(write=True):
                vault.forget_leftovers(conn)

    def killed_at(self, statement: int) -> bool:
        """Rekey in a child that dies before *statement*; ``False`` if it got through.

        The child is forked, so that it begins at once, and ends by SIGKILL or _exit.
        """
        child = os.fork()
        if child == 0:
            try:
                conn = self.connect()
                seen = 0

                def count(_: str) -> None:
                    nonlocal seen
                    seen += 1
                    if seen == statement:
                        os.kill(os.getpid(), signal.SIGKILL)

                conn.raw.set_trace_callback(count)
                self.rekey(conn)
                conn.raw.set_trace_callback(None)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self.assertEqual(os.WTERMSIG(status), signal.SIGKILL)
            return True
        self.assertEqual(os.WEXITSTATUS(status), 0)
        return False

    def test_each_statement(self) -> None:
        """All rows are under one key, all open, and a second run finishes."""
        before_commit = after_commit = 0
        statement = 1
        while True:
            self.restore()
            if not self.killed_at(statement):
                break
            with closing(self.connect()) as conn:
                reports = vault.check(conn, self.ring)
                self.assertEqual({each.why for each in reports}, {""})
                (key_id,) = {each.key_id for each in reports}
                before_commit += key_id == OLD.key_id
                after_commit += key_id == NEW.key_id
                self.rekey(conn)
                again = vault.check(conn, Keyring(NEW, entropy=random))
                self.assertEqual({each.why for each in again}, {""})
                self.assertFalse(vault.has_leftovers(conn))
            statement += 1
        self.assertGreater(before_commit, 10)
        self.assertGreater(after_commit, 2)

    def test_edited_meanwhile(self) -> None:
        """An edit waits for the rekey, and is what stays, under the new key."""
        self.restore()
        with closing(self.connect()) as conn, closing(self.connect()) as editor:
            editor.raw.execute("PRAGMA busy_timeout=0")
            uuid, project_uuid = editor.raw.execute(
                "SELECT k.uuid, p.uuid FROM access_key k, project p "
                "WHERE k.name = 'Key 0'"
            ).fetchone()
            with conn.transaction(write=True):
                vault.rekey(conn, self.ring)
                error = self.assertRaises(
                    sqlite3.OperationalError, editor.raw.execute, "BEGIN IMMEDIATE"
                )
                self.assertEqual(error.sqlite_errorcode, sqlite3.SQLITE_BUSY)
            place = SealContext(
                "access_key", "access_key", "secret", uuid, project_uuid
            )
            sealed = self.ring.seal(b"the newest", place)
            editor.raw.execute(
                "UPDATE access_key SET secret = ? WHERE uuid = ?", (sealed, uuid)
            )
            ring = Keyring(NEW, entropy=random)
            self.assertEqual({each.why for each in vault.check(conn, ring)}, {""})
