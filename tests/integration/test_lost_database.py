"""A start without the database of an existing installation."""

import base64
import os
import shutil
import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.test_start import StartTestCase

_PLAIN = {"SEMAPHORE_TLS_ENABLED": "false", "SEMAPHORE_INTERFACE": "127.0.0.1"}


class LostDatabaseTests(StartTestCase, SynchronousTestCase):
    """An installation whose database was removed."""

    def setUp(self) -> None:
        """Make the installation."""
        super().setUp()
        self.environ: dict[str, str] = {}
        self.setting_up()
        self.database = self.state / "semaphore.db"

    def setting_up(self, *words: str) -> str:
        """Run ``semaphore setup``, which must do it; return what it printed."""
        done = self.run_to_end(
            "semaphore", "setup", *words, "--state", "state", **self.environ
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout + done.stderr

    def refusal(self, *words: str) -> str:
        """Run ``semaphore setup``, which must be refused in one line, for nothing."""
        before = self.files()
        done = self.run_to_end(
            "semaphore", "setup", *words, "--state", "state", **self.environ
        )
        self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
        (line,) = done.stderr.splitlines()
        self.assertEqual(self.files(), before)
        return line

    def files(self) -> dict[str, bytes]:
        """Return all files of the state, but for the ballast and the locks."""
        return {
            str(each.relative_to(self.state)): each.read_bytes()
            for each in sorted(self.state.rglob("*"))
            if each.is_file()
            and "ballast" not in str(each)
            and not each.name.endswith("lock")
        }

    def assert_refused(self, what: str, remains: Path) -> None:
        """Check that the start names the state of the database and a way out."""
        line = self.refusal()
        self.assertIn(f"{self.database}: the database is {what}", line)
        self.assertIn(str(remains), line)
        self.assertIn("semaphore setup --new-database", line)

    def test_emptied(self) -> None:
        """An emptied database is refused in the same way."""
        self.database.write_bytes(b"")
        self.assert_refused("empty", self.state / "installed")
        root = (self.state / "tls" / "root.pem").read_bytes()
        line = self.refused(78)
        self.assertIn("the database is empty", line)
        self.assertEqual((self.state / "tls" / "root.pem").read_bytes(), root)

    def test_without_tables(self) -> None:
        """A database without a table is an empty one."""
        self.database.unlink()
        with sqlite3.connect(self.database) as raw:
            raw.execute("PRAGMA user_version=1")
        raw.close()
        self.assert_refused("empty", self.state / "installed")

    def test_missing(self) -> None:
        """A missing database is refused if other parts of the installation exist."""
        self.database.unlink()
        self.assert_refused("missing", self.state / "installed")
        (self.state / "installed").unlink()  # as former versions leave it
        self.assert_refused("missing", self.state / "tls")
        shutil.rmtree(self.state / "tls")
        log = self.state / "semaphore.db-wal"
        log.write_bytes(b"a log")
        self.assert_refused("missing", log)
        log.unlink()
        copy = self.state / "semaphore.db.before-0004"
        copy.write_bytes(b"a copy")
        self.assert_refused("missing", copy)

    def test_directory(self) -> None:
        """A folder in the place of the database is named as one."""
        self.database.unlink()
        self.database.mkdir()
        self.assertIn("not a regular file", self.refusal())

    def test_without_tls(self) -> None:
        """The mark is enough where there never was a local root."""
        shutil.rmtree(self.state)
        self.environ = _PLAIN
        self.setting_up()
        self.database.unlink()
        self.assert_refused("missing", self.state / "installed")

    def test_other_path(self) -> None:
        """An option that names a missing file is refused too."""
        self.environ = {"SEMAPHORE_DB_HOST": str(self.state / "other.db")}
        self.assertIn("other.db: the database is missing", self.refusal())

    def test_new_database(self) -> None:
        """A new installation on request keeps the former files under new names."""
        self.refusal("--new-database")
        root = (self.state / "tls" / "root.pem").read_bytes()
        config = (self.state / "config.json").read_bytes()
        self.database.write_bytes(b"")
        said = self.setting_up("--new-database")
        self.assertIn("set aside", said)
        self.assertNotEqual((self.state / "tls" / "root.pem").read_bytes(), root)
        (kept,) = self.state.glob("tls.former-*/root.pem")
        self.assertEqual(kept.read_bytes(), root)
        self.assertEqual((self.state / "config.json").read_bytes(), config)
        self.setting_up()

    def test_own_key(self) -> None:
        """A key that the operator wrote before the first start is no remains."""
        shutil.rmtree(self.state)
        self.state.mkdir()
        key = base64.b64encode(os.urandom(32)).decode()
        text = f'{{"access_key_encryption": "{key}"}}'
        (self.state / "config.json").write_text(text)
        self.setting_up()
        self.assertEqual((self.state / "config.json").read_text(), text)
