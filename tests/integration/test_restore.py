"""A restored database with running jobs of the former database."""

import sqlite3
import time

from tests.integration.test_start import StartTestCase
from tests.support.gate import WAIT, Gate
from tests.support.product import TIMEOUT, Product

_WAIT = f"echo begun\n{WAIT}echo over\n"


class RestoreTests(StartTestCase):
    """One installation with a copy of its database and a job that began later."""

    def setUp(self) -> None:
        """Make the copy, then start a job, then end the server."""
        super().setUp()
        self.server = self.product()
        self.server.start()
        self.server.log_in()
        self.gate = Gate()
        self.project, self.template = self.server.script(
            self.folder / "up", "bash", _WAIT.format(gate=self.gate.port)
        )
        self.copy = self.folder / "copy.db"
        done = self.server.command("backup", str(self.copy))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.task = self.begin(self.server)
        self.server.stop()

    def begin(self, product: Product) -> int:
        """Start a task and wait for its first line."""
        task = product.run(self.project, self.template)
        deadline = time.monotonic() + TIMEOUT
        while "begun" not in product.output(self.project, task):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        return task

    def spools(self) -> list[str]:
        """Return the names of all spools."""
        return sorted(each.name for each in (self.state / "jobs").iterdir())

    def put_back(self) -> None:
        """Restore the copy by hand, as one could always do."""
        for end in ("-wal", "-shm"):
            (self.state / f"semaphore.db{end}").unlink(missing_ok=True)
        (self.state / "semaphore.db").write_bytes(self.copy.read_bytes())

    def test_by_hand(self) -> None:
        """The job of before is ended; the task with its number is another one."""
        (before,) = self.spools()
        self.put_back()
        self.server.start()
        task = self.begin(self.server)
        self.assertEqual(task, self.task)
        deadline = time.monotonic() + TIMEOUT
        while before in self.spools():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.gate.open()
        self.assertEqual(self.server.wait(self.project, task), "success")
        lines = self.server.output(self.project, task)
        self.assertEqual((lines.count("begun"), lines.count("over")), (1, 1))

    def test_command(self) -> None:
        """The command refuses while a server or a job runs; then it restores."""
        (place,) = self.spools()
        refused = self.server.command("restore", str(self.copy))
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"jobs of this installation still run ({place})", refused.stderr)
        self.gate.open()
        self.server.start()
        self.assertEqual(self.server.wait(self.project, self.task), "success")
        refused = self.server.command("restore", str(self.copy))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("stop the server first", refused.stderr)
        refused = self.server.command("compact")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("stop the server first", refused.stderr)
        self.server.stop()
        done = self.server.command("compact")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.server.command("restore", str(self.copy))
        self.assertEqual(done.returncode, 0, done.stderr)
        database = self.state / "semaphore.db"
        self.assertEqual(database.stat().st_mode & 0o777, 0o600)
        (kept,) = self.state.glob("semaphore.db.former-*[0-9]")
        with sqlite3.connect(kept) as raw:
            (count,) = raw.execute("SELECT count(*) FROM task").fetchone()
        raw.close()
        self.assertEqual(count, 1)
        self.server.start()
        path = f"/project/{self.project}/tasks"
        self.assertEqual(self.server.api("GET", path), [])

    def test_refused_copies(self) -> None:
        """Other files than sound copies are refused, and nothing is changed."""
        self.end_job()
        database = self.state / "semaphore.db"
        before = database.read_bytes()
        other = self.folder / "other"
        for content in (b"", b"no database", self.copy.read_bytes()[:50_000]):
            other.write_bytes(content)
            done = self.server.command("restore", str(other))
            self.assertEqual(done.returncode, 1, done.stdout)
            (line,) = done.stderr.splitlines()
            self.assertIn(str(other), line)
        for path in (self.folder / "missing", self.folder):
            self.assertEqual(self.server.command("restore", str(path)).returncode, 1)
        self.assertEqual(database.read_bytes(), before)

    def test_former_version(self) -> None:
        """A job of a former version, with its number as a name, is followed on."""
        (place,) = self.spools()
        former = self.state / "jobs" / f"task_{self.task}"
        (self.state / "jobs" / place).rename(former)
        self.server.start()
        self.gate.open()
        self.assertEqual(self.server.wait(self.project, self.task), "success")
        lines = self.server.output(self.project, self.task)
        self.assertEqual((lines.count("begun"), lines.count("over")), (1, 1))

    def end_job(self) -> None:
        """Let the job end by itself, and its supervisor."""
        self.gate.open()
        deadline = time.monotonic() + TIMEOUT
        (place,) = self.spools()
        while not (self.state / "jobs" / place / "result").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
