"""Starts on a database that another server has, or that cannot be written."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from tests.integration.test_start import PROGRAMS, StartTestCase
from tests.support import warm
from tests.support.product import ADMIN_PASSWORD, clean_environment

#: root without the capability to ignore modes; it can still read its own files
_WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


class DatabaseTestCase(StartTestCase):
    """An installation, made by ``semaphore setup``."""

    def setUp(self) -> None:
        """Create the installation."""
        super().setUp()
        done = self.setting_up("state", SEMAPHORE_ADMIN_PASSWORD=ADMIN_PASSWORD)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.database = self.state / "semaphore.db"

    def setting_up(
        self, state: str, *before: str, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore setup`` on a state directory, by way of *before*."""
        words = [*before, str(PROGRAMS / "semaphore"), "setup", "--state", state]
        env = clean_environment(**environ)
        if not before:
            return warm.run(words, cwd=self.folder, env=env)
        return subprocess.run(
            words,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def assert_refused(
        self, done: "subprocess.CompletedProcess[str]", code: int, *words: str
    ) -> None:
        """Check that a start was refused in one line."""
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        (line,) = done.stderr.splitlines()
        for word in words:
            self.assertIn(word, line)


class TwoServersTests(DatabaseTestCase):
    """Two state directories with one database."""

    def test_two(self) -> None:
        """A second server is refused, by any path of the file; the first continues."""
        server = self.product()
        server.start()
        server.log_in()
        assert server.process is not None
        shutil.copytree(
            self.state,
            self.folder / "other",
            ignore=shutil.ignore_patterns("*.sock", "nudge*", "semaphore.db*"),
        )
        link = self.folder / "link.db"
        link.symlink_to(self.database)
        (self.folder / "way").symlink_to(self.state)
        for path in (self.database, link, self.folder / "way" / "semaphore.db"):
            done = self.setting_up("other", SEMAPHORE_DB_HOST=str(path))
            self.assert_refused(done, 1, f"in use by pid {server.process.pid}")
        self.assertEqual(server.api("GET", "/projects"), [])
        server.stop()
        done = self.setting_up("other", SEMAPHORE_DB_HOST=str(self.database))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_other_state(self) -> None:
        """A refused start leaves no lock behind."""
        environ = {"SEMAPHORE_DB_HOST": str(self.folder / "none" / "a.db")}
        shutil.rmtree(self.state)
        self.assert_refused(
            self.setting_up("state", **environ), 78, "none/a.db-lock", "No such file"
        )
        self.assertEqual(self.setting_up("state").returncode, 0)


class UnwritableTests(DatabaseTestCase):
    """A database that the server may not write."""

    def refuse_modes(self, path: Path, mode: int) -> None:
        """Give *path* a mode with which the start is refused, and then accepted."""
        path.chmod(mode)
        before = _WITHOUT_RIGHTS if os.geteuid() == 0 else ()
        done = self.setting_up("state", *before)
        self.assert_refused(
            done, 78, f"{path}: user", f"its mode {mode:04o}", f"chmod 600 {path}"
        )
        path.chmod(0o600)
        done = self.setting_up("state", *before)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_modes(self) -> None:
        """The path, its mode and the command are named, and nothing is changed."""
        for mode in (0o400, 0o200, 0o000):
            self.refuse_modes(self.database, mode)

    def test_log(self) -> None:
        """The same is true for the database's log."""
        with sqlite3.connect(self.database) as raw:
            raw.execute("BEGIN IMMEDIATE")
            log = self.database.with_name("semaphore.db-wal")
            log.touch()
            self.refuse_modes_of_log(log)
        raw.close()

    def refuse_modes_of_log(self, log: Path) -> None:
        """Refuse a log that cannot be written."""
        log.chmod(0o400)
        before = _WITHOUT_RIGHTS if os.geteuid() == 0 else ()
        done = self.setting_up("state", *before)
        self.assert_refused(done, 78, f"{log}: user", "its mode 0400")
        log.chmod(0o600)


class LockedTests(DatabaseTestCase):
    """A database that another program holds."""

    def test_start(self) -> None:
        """The start and commands fail with one sentence, and can be repeated."""
        raw = sqlite3.connect(self.database, isolation_level=None)
        self.addCleanup(raw.close)
        raw.execute("BEGIN IMMEDIATE")
        done = self.setting_up("state")
        self.assert_refused(done, 1, str(self.database), "locked by another program")
        done = self.run_to_end(
            *("semaphore", "user", "delete", "--login", "admin", "--yes"),
            *("--state", "state"),
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("Traceback", done.stderr)
        raw.execute("ROLLBACK")
        self.assertEqual(self.setting_up("state").returncode, 0)
