"""Errors for a path on the command line that leads to an unsuitable file.

Each option that names a file or directory is given a missing path, a directory, a named
pipe, an empty file and a damaged one: the command ends at once with one line.
"""

import io
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NoReturn
from unittest import skipIf

from semaphore_twisted.cli import main as command
from semaphore_twisted.cli.main import main
from tests.support.vpn_command import VpnCase

#: Seconds after which a command is taken to wait for ever; it needs less than one.
TIMEOUT = 120

SERVER = ("--project", "x", "--url", "https://localhost:1")


class _Waits(BaseException):
    """A command has not ended."""


@contextmanager
def _ends() -> Iterator[None]:
    """Fail if the block does not end."""

    def raise_(number: int, frame: object) -> NoReturn:
        del number, frame
        raise _Waits

    before = signal.signal(signal.SIGALRM, raise_)
    signal.alarm(TIMEOUT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class PathCase(VpnCase):
    """An installation, and things that are no good files."""

    def setUp(self) -> None:
        """Create the files."""
        super().setUp()
        self.set_up()
        self.place = self.site.folder / "place"
        self.place.mkdir()
        (self.place / "folder").mkdir()
        os.mkfifo(self.place / "pipe")
        (self.place / "empty").write_bytes(b"")
        (self.place / "damaged").write_bytes(b"junk\0\xff\n" * 9)

    @property
    def each(self) -> list[str]:
        """The paths of all of them, and the path of a missing file."""
        names = ("missing", "folder", "pipe", "empty", "damaged")
        return [str(self.place / name) for name in names]

    def run_command(self, *words: str) -> tuple[int, str]:
        """Run a command; return its exit code and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), _ends():
            try:
                code = main(words)
            except SystemExit as error:
                code = int(error.code or 0)
        return code, err.getvalue()

    def fails(self, *words: str) -> str:
        """Run a command, which must fail with one line, and return that."""
        code, said = self.run_command(*words)
        self.assertNotEqual(code, 0, words)
        lines = [each for each in said.splitlines() if "warning: --" not in each]
        self.assertEqual(len(lines), 1, said)
        self.assertTrue(lines[0].startswith("semaphore: "), said)
        return lines[0]


class FileTests(PathCase):
    """In this process."""

    def test_files(self) -> None:
        """A file that is read is named with its fault."""
        state = ("--state", str(self.site.state))
        vpn = ("--vpn-settings", str(self.site.settings))
        for path in self.each:
            for words in (
                ("task", "list", *SERVER, "--token-file", path),
                ("user", "list", *state, "--config", path),
                ("vault", "rekey", *state, "--old-key-file", path),
                ("vpn", "restore", *state, *vpn, "--passphrase", "x", path),
                ("vpn", "restore", *state, *vpn, "--passphrase-file", path, path),
                ("vpn", "peer", "import", *state, path),
            ):
                said = self.fails(*words)
                if not path.endswith(("empty", "damaged", "folder")):
                    self.assertIn(path, said)

    def test_folders(self) -> None:
        """An invalid state directory is named."""
        for path in self.each:
            for words in (
                ("user", "list", "--state"),
                ("backup", str(self.place / "copy"), "--state"),
                ("vault", "check", "--state"),
                ("migrate", "--state"),
                ("tls", "show", "--state"),
                ("vpn", "invites", "--state"),
            ):
                self.assertIn(path, self.fails(*words, path))

    def test_empty_paths(self) -> None:
        """An empty path is refused, and does not mean the current folder."""
        for words, option in (
            (("user", "list", "--state", ""), "--state"),
            (("server", "--state", ""), "--state"),
            (("setup", "--config", ""), "--config"),
            (("server", "--vpn-settings", ""), "--vpn-settings"),
            (("vpn", "init", "--vpn-settings="), "--vpn-settings"),
            (("vpn", "leave", "--config-dir", ""), "--config-dir"),
            (("vpn", "backup", ""), "FILE"),
            (("backup", ""), "FILE"),
            (("task", "list", *SERVER, "--ca", ""), "--ca"),
            (("task", "list", *SERVER, "--token-file", ""), "--token-file"),
        ):
            said = self.fails(*words)
            self.assertEqual(said, f"semaphore: {option}: empty value; expected a path")

    def test_variables(self) -> None:
        """A variable that names the file of a secret is like an option."""
        name = "SEMAPHORE_ACCESS_KEY_ENCRYPTION_FILE"
        self.addCleanup(os.environ.pop, name, None)
        for path in self.each:
            os.environ[name] = path
            if not path.endswith("empty"):  # which counts as unset
                said = self.fails("user", "list", "--state", str(self.site.state))
                self.assertIn(f"{name}: {path}: ", said)

    def test_database(self) -> None:
        """A file that is no database, or one without tables, is no traceback."""
        self.site.conn.close()
        for content in (b"", b"junk" * 500):
            (self.site.state / "semaphore.db").write_bytes(content)
            for suffix in ("-wal", "-shm"):
                (self.site.state / f"semaphore.db{suffix}").unlink(missing_ok=True)
            said = self.fails("user", "list", "--state", str(self.site.state))
            self.assertIn("database", said)

    @skipIf(os.geteuid() == 0, "root reads every file")
    def test_unreadable(self) -> None:
        """A file that may not be read is named."""
        path = self.place / "secret"
        path.write_text("x")
        path.chmod(0)
        said = self.fails("task", "list", *SERVER, "--token-file", str(path))
        self.assertIn(f"--token-file: {path}: Permission denied", said)

    def test_sentences(self) -> None:
        """An error of the system or the database is one line."""
        for error, said in (
            (FileNotFoundError(2, "No such file", "/x"), "/x: No such file"),
            (OSError("odd"), "odd"),
            (sqlite3.OperationalError("locked"), "the database cannot be used: locked"),
        ):
            self.assertEqual(command._sentence(error), said)


class ReactorTests(PathCase):
    """In a process of its own, which has a reactor."""

    def test_authority(self) -> None:
        """A command that waits for a server ends where its roots cannot be read."""
        words = ("task", "list", *SERVER, "--token-file", "-", "--ca")
        for path in self.each:
            done = subprocess.run(
                [Path(sys.executable).with_name("semaphore"), *words, path],
                input="token\n",
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
            self.assertEqual((done.returncode, done.stdout), (1, ""), path)
            (line,) = done.stderr.splitlines()
            self.assertTrue(line.startswith(f"semaphore: --ca: {path}: "), line)
