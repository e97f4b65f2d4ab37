"""The console script: commands, errors, and modules that are not imported."""

import io
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted import __version__
from semaphore_twisted.cli import command_tree, main


class MainTests(SynchronousTestCase):
    """In this process."""

    def setUp(self) -> None:
        """Catch what is printed."""
        self.out, self.err = io.StringIO(), io.StringIO()
        self.enterContext(redirect_stdout(self.out))
        self.enterContext(redirect_stderr(self.err))

    def test_version(self) -> None:
        """The version is printed and the exit code is 0."""
        self.assertEqual(main.main(["version"]), 0)
        self.assertEqual(self.out.getvalue(), f"{__version__}\n")

    def test_help(self) -> None:
        """The help names every command once."""
        error = self.assertRaises(SystemExit, main.main, ["--help"])
        self.assertEqual(error.code, 0)
        for names, _, summary in main.COMMANDS:
            line = rf"(?m)^    {names[0]}\s+{re.escape(summary)}$"
            self.assertEqual(len(re.findall(line, self.out.getvalue())), 1, names)

    def test_one_summary(self) -> None:
        """A command's own summary equals the one in the list of commands."""
        declared = {
            each.words[-1]: each.summary
            for each in command_tree.read(main.full_parser()).commands
        }
        listed = {names[0]: summary for names, _, summary in main.COMMANDS}
        self.assertEqual(declared, listed)

    def test_unknown(self) -> None:
        """An unknown command is exit code 2."""
        error = self.assertRaises(SystemExit, main.main, ["serve"])
        self.assertEqual(error.code, 2)
        self.assertIn("invalid choice", self.err.getvalue())

    def test_failure(self) -> None:
        """A failure is one line with the command's name, and its exit code."""
        code = main.main(["backup", "x", "--state", self.mktemp()])
        self.assertEqual(code, 78)
        (line,) = self.err.getvalue().splitlines()
        self.assertTrue(line.startswith("semaphore: "), line)

    def test_no_text(self) -> None:
        """Bytes that are no UTF-8 are refused by their option, in one line."""
        for words in (
            ("--message", "\udcff"),
            ("--var", "a=\udcff"),
            ("--limit", "\udcff"),
            ("--project", "\udcff"),
        ):
            self.err.seek(0)
            self.err.truncate()
            given = (
                "-p",
                "x",
                "-t",
                "y",
                "--url",
                "https://localhost:1",
                "--token",
                "t",
            )
            code = main.main(["task", "run", *given, *words])
            self.assertEqual(code, 1)
            lines = self.err.getvalue().splitlines()
            self.assertEqual(lines, [f"semaphore: {words[0]}: the text is not UTF-8"])

    def test_every_command(self) -> None:
        """Each command and alias has a help of its own."""
        for names, _, _ in main.COMMANDS:
            for name in names:
                error = self.assertRaises(SystemExit, main.main, [name, "--help"])
                self.assertEqual(error.code, 0, name)


class LeanTests(SynchronousTestCase):
    """In a process of its own."""

    def test_lean(self) -> None:
        """A command loads no reactor and no other command's libraries."""
        program = (
            "import sys; from semaphore_twisted.cli.main import main; "
            "main(['version']); "
            "heavy = {'twisted', 'autobahn', 'sqlalchemy', 'cryptography', 'alembic'}; "
            "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
