"""``semaphore vault`` on a state directory, in this process."""

import fcntl
import io
import json
import os
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.crypto import masterkey
from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import connect, utc_now
from semaphore_twisted.start import state
from tests.support.memory import make_project, memory_connection


class VaultCommandTests(SynchronousTestCase):
    """Exit codes and output."""

    def setUp(self) -> None:
        """Create a state directory with two encrypted keys."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir()
        self.first, self.second = masterkey.make(random), masterkey.make(random)
        self.configure(self.first)
        conn = memory_connection()
        make_project(conn)
        (project_uuid,) = conn.raw.execute("SELECT uuid FROM project").fetchone()
        ring = Keyring(MasterKey.parse(self.first), entropy=random)
        for name in ("One", "Two\x1b[2J"):
            uuid = conn.uuid()
            place = SealContext(
                "access_key", "access_key", "secret", uuid, project_uuid
            )
            conn.insert(
                schema.access_key,
                uuid=uuid,
                name=name,
                type="string",
                project_id=1,
                secret=ring.seal(b"secret", place),
            )
        with conn.transaction(write=True):
            vault.startup_check(conn, ring)
        with closing(sqlite3.connect(self.database)) as file:
            conn.raw.backup(file)
        conn.close()

    @property
    def database(self) -> Path:
        """The file of the store."""
        return self.state / "semaphore.db"

    def configure(self, key: str, *old: str) -> None:
        """Write the configuration."""
        path = self.state / "config.json"
        path.write_text(
            json.dumps({"access_key_encryption": key, "access_key_encryption_old": old})
        )

    def run_command(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of a command."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["vault", *words, "--state", str(self.state)])
        return code, out.getvalue(), err.getvalue()

    def old_key_file(self, key: str) -> str:
        """Return the path of a file with *key*."""
        path = self.state.parent / f"{self.state.name}-old"
        path.write_text(key + "\n")
        return str(path)

    def rows(self) -> list[tuple[object, ...]]:
        """Return every encrypted row."""
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute("SELECT id, secret FROM access_key").fetchall()

    def test_check(self) -> None:
        """All open: exit 0, each row, the totals of each key."""
        code, out, err = self.run_command("check")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("One", out)
        self.assertIn("2 of 2 stored secrets can be decrypted", out)
        key_id = MasterKey.parse(self.first).key_id
        self.assertIn(f"key {key_id} (configured): 2", out)

    def test_check_prints_no_escapes(self) -> None:
        """A name cannot drive the terminal."""
        _, out, _ = self.run_command("check")
        self.assertIn("Two?[2J", out)
        self.assertNotIn("\x1b", out)

    def test_check_beside_a_writer(self) -> None:
        """It works during a write of another process."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as other:
            other.execute("PRAGMA journal_mode=WAL")
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE access_key SET name = 'Changed'")
            code, out, _ = self.run_command("check")
            other.execute("ROLLBACK")
        self.assertEqual(code, 0)
        self.assertIn("One", out)

    def test_check_swapped(self) -> None:
        """Swapped rows: exit 3, both are named."""
        one, two = (row for row in self.rows() if row[1])
        with closing(sqlite3.connect(self.database)) as database, database:
            database.executemany(
                "UPDATE access_key SET secret = ? WHERE id = ?",
                [(one[1], two[0]), (two[1], one[0])],
            )
        code, out, _ = self.run_command("check")
        self.assertEqual(code, 3)
        self.assertIn("0 of 2", out)
        self.assertEqual(out.count("damaged"), 2)

    def test_check_wrong_key(self) -> None:
        """With another key: exit 3, wrong key, and which is configured."""
        self.configure(self.second)
        code, out, _ = self.run_command("check")
        self.assertEqual(code, 3)
        self.assertEqual(out.count("wrong key"), 2)
        self.assertIn("(not configured): 2", out)

    def test_no_key(self) -> None:
        """Without a key, or with an unusable one: exit 78 and the option's name."""
        for key in ("", "AAAA"):
            self.configure(key)
            code, _, err = self.run_command("check")
            self.assertEqual(code, 78)
            self.assertIn("access_key_encryption", err)

    def test_rekey(self) -> None:
        """All values are encrypted again, and no file contains a former envelope."""
        before = [str(row[1]).encode() for row in self.rows() if row[1]]
        self.configure(self.second)
        old = self.old_key_file(self.first)
        code, out, err = self.run_command("rekey", "--old-key-file", old)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("2 stored secrets were encrypted", out)
        self.assertEqual(self.run_command("check")[0], 0)
        for path in self.state.iterdir():
            for envelope in before:
                self.assertNotIn(envelope, path.read_bytes(), path)
        after = self.rows()
        code, out, _ = self.run_command("rekey", "--old-key-file", old)
        self.assertEqual(code, 0)
        self.assertIn("Nothing to do", out)
        self.assertEqual(self.rows(), after)

    def test_rekey_by_configuration(self) -> None:
        """The former key may be in the configuration."""
        self.configure(self.second, self.first)
        self.assertEqual(self.run_command("rekey")[0], 0)
        self.configure(self.second)
        self.assertEqual(self.run_command("check")[0], 0)

    def test_rekey_by_argument(self) -> None:
        """The argv form works, with a warning, and the key is not repeated."""
        self.configure(self.second)
        code, _, err = self.run_command("rekey", "--old-key", self.first)
        self.assertEqual(code, 0)
        self.assertIn("warning", err)
        self.assertNotIn(self.first, err)

    def test_wrong_old_key(self) -> None:
        """A wrong former key, or none at all: exit 1, nothing changed."""
        before = self.rows()
        self.configure(self.second)
        wrong = self.old_key_file(masterkey.make(random))
        for words in (["--old-key-file", wrong], []):
            code, _, err = self.run_command("rekey", *words)
            self.assertEqual(code, 1)
            self.assertIn('"One" of project "Site"', err)
        code, _, err = self.run_command(
            "rekey", "--old-key-file", self.old_key_file("AAAA")
        )
        self.assertEqual(code, 1)
        self.assertIn("--old-key: 3 bytes", err)
        self.assertEqual(self.rows(), before)

    def test_skip_unreadable(self) -> None:
        """A damaged row is kept and named; the other rows are encrypted again."""
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE access_key SET secret = 'x' WHERE name = 'One'")
        self.configure(self.second, self.first)
        code, _, err = self.run_command("rekey")
        self.assertEqual(code, 1)
        self.assertIn('"One"', err)
        code, out, _ = self.run_command("rekey", "--skip-unreadable")
        self.assertEqual(code, 0)
        self.assertIn("1 cannot be decrypted", out)
        self.assertIn("One", out)
        self.assertEqual(self.run_command("check")[0], 3)

    def test_two_at_once(self) -> None:
        """While one rekey runs another refuses."""
        before = self.rows()
        self.configure(self.second, self.first)
        folder = os.open(self.state, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            code, _, err = self.run_command("rekey")
        finally:
            os.close(folder)
        self.assertEqual(code, 1)
        self.assertIn("another rekey is running", err)
        self.assertEqual(self.rows(), before)

    def test_running_server(self) -> None:
        """While a server encrypts with another key the command refuses."""
        before = self.rows()
        self.configure(self.second, self.first)
        lock = state.Lock.take(self.state)
        code, _, err = self.run_command("rekey")
        lock.release()
        self.assertEqual(code, 1)
        self.assertIn("restart it", err)
        self.assertEqual(self.rows(), before)

    def test_reader_keeps_old_pages(self) -> None:
        """Old pages that a reader holds are reported, and go with the next run."""
        self.configure(self.second, self.first)
        with closing(sqlite3.connect(self.database, isolation_level=None)) as reader:
            reader.execute("PRAGMA journal_mode=WAL")
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM access_key").fetchall()
            code, _, err = self.run_command("rekey")
            self.assertEqual(code, 0)
            self.assertIn("repeat this command", err)
        code, out, err = self.run_command("rekey")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("Nothing to do", out)
        conn = connect(self.database, now=utc_now, entropy=random)
        self.addCleanup(conn.close)
        self.assertFalse(vault.has_leftovers(conn))
