"""Tests of numbers on the command line."""

import argparse
import io
from contextlib import redirect_stderr

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.cli.numbers import identifier, within


class NumberTests(SynchronousTestCase):
    """A number has bounds, which a refusal names."""

    def test_within(self) -> None:
        """A number within the bounds is accepted."""
        number = within(1, 200)
        self.assertEqual([number(text) for text in ("1", "007", "200")], [1, 7, 200])
        self.assertEqual(within(-5, 5)("-5"), -5)

    def test_refused(self) -> None:
        """Other numbers, other digits and other texts are refused."""
        number = within(1, 200)
        for text in (
            *("0", "-5", "201", "9" * 5000, "", "x", "1.5", "1e2", "1_0", " 1"),
            *("\u0661", "\u00b2", "+1", "nan", "0x1"),
        ):
            error = self.assertRaises(argparse.ArgumentTypeError, number, text)
            self.assertIn("expected 1 to 200", str(error))

    def test_identifier(self) -> None:
        """A name is not read as a number, for any characters."""
        self.assertEqual(identifier("12"), 12)
        for text in ("", "-1", "x1", "\u00b2", "\u0661", "9" * 5000):
            self.assertIsNone(identifier(text))

    def test_commands(self) -> None:
        """Each command with a number refuses an invalid one, with the bounds."""
        for words in (
            ("task", "list", "-p", "x", "--limit"),
            ("task", "follow", "-p", "x"),
            ("task", "stop", "-p", "x"),
            ("project", "export", "--project-id"),
            ("vpn", "uninvite"),
            ("tls", "renew", "--wait"),
        ):
            for value in ("-5", "0", "9" * 30, "x"):
                said = io.StringIO()
                with self.assertRaises(SystemExit) as caught, redirect_stderr(said):
                    main([*words, value])
                self.assertEqual(caught.exception.code, 2)
                self.assertRegex(said.getvalue(), r"expected -?\d+ to \d+", words)
