"""Secrets on the command line."""

import argparse
import io
import sys
from contextlib import redirect_stderr
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli import secret_argument
from semaphore_twisted.common.command_error import CommandError


class SecretArgumentTests(SynchronousTestCase):
    """The three forms."""

    def setUp(self) -> None:
        """Declare ``--old-key``."""
        self.parser = argparse.ArgumentParser()
        secret_argument.add(self.parser, "--old-key", help="the former key")
        self.errors = io.StringIO()
        self.enterContext(redirect_stderr(self.errors))

    def read(self, *words: str) -> str | None:
        """Parse *words* and read the secret."""
        return secret_argument.read(self.parser.parse_args(words), "old_key")

    def test_none(self) -> None:
        """Without the option there is no value."""
        self.assertIsNone(self.read())

    def test_file(self) -> None:
        """The value is a file's text without one final newline; nothing is printed."""
        path = Path(self.mktemp())
        path.write_text(" two\nlines \n")
        self.assertEqual(self.read("--old-key-file", str(path)), " two\nlines ")
        self.assertEqual(self.errors.getvalue(), "")

    def test_standard_input(self) -> None:
        """A dash is standard input, in both forms."""
        for words in (("--old-key", "-"), ("--old-key-file", "-")):
            self.patch(sys, "stdin", io.StringIO("hidden\r\n"))
            self.assertEqual(self.read(*words), "hidden")

    def test_argv(self) -> None:
        """The form in argv works, and warns without the secret."""
        self.assertEqual(self.read("--old-key", "visible"), "visible")
        self.assertIn("--old-key-file", self.errors.getvalue())
        self.assertNotIn("visible", self.errors.getvalue())

    def test_help(self) -> None:
        """The help shows the form with a file first."""
        text = self.parser.format_help()
        self.assertLess(text.index("--old-key-file"), text.index("--old-key TEXT"))

    def test_unreadable(self) -> None:
        """An unusable file gives one sentence with its name."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "long").write_bytes(b"x" * 70000)
        (folder / "binary").write_bytes(b"\xff\xfe")
        for name, words in (
            ("missing", "No such file"),
            ("long", "64 KiB"),
            ("binary", "UTF-8"),
        ):
            error = self.assertRaises(
                CommandError, self.read, "--old-key-file", str(folder / name)
            )
            self.assertIn(words, error.sentence)

    def test_both(self) -> None:
        """Two forms at once are refused."""
        self.assertRaises(
            SystemExit, self.read, "--old-key", "a", "--old-key-file", "b"
        )
