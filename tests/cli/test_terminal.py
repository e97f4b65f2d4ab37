"""Tests of the output for a terminal."""

from io import StringIO

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.cli.terminal import Terminal, harmless


class Screen(StringIO):
    """A terminal in memory."""

    @override
    def isatty(self) -> bool:
        return True


class TerminalTests(SynchronousTestCase):
    """Lines are exact in a pipe, and escaped on a terminal."""

    def test_pipe(self) -> None:
        """Into a pipe a line goes exactly as it is, and no progress is written."""
        out, err = StringIO(), StringIO()
        terminal = Terminal(out, err)
        terminal.line("\x1b[31mred\x1b[0m\x1b]0;title\x07")
        terminal.progress("running")
        self.assertEqual(out.getvalue(), "\x1b[31mred\x1b[0m\x1b]0;title\x07\n")
        self.assertEqual(err.getvalue(), "")

    def test_progress(self) -> None:
        """On a terminal the progress is written over by the next line."""
        out, err = Screen(), Screen()
        terminal = Terminal(out, err)
        terminal.progress("running")
        terminal.line("hello")
        self.assertEqual(out.getvalue(), "hello\n")
        shown = "running · 0s · 0 lines"
        self.assertEqual(err.getvalue(), f"{shown}\r{' ' * len(shown)}\r")

    def test_part(self) -> None:
        """The beginning of a line is alone on its line until its rest arrives."""
        out, err = Screen(), Screen()
        terminal = Terminal(out, err)
        terminal.progress("running")
        wiped = err.getvalue() + f"\r{' ' * len(err.getvalue())}\r"
        terminal.part("working")
        terminal.progress("running")
        terminal.part("... ")
        terminal.progress("running")
        self.assertEqual(err.getvalue(), wiped)
        terminal.line("done")
        terminal.progress("running")
        self.assertEqual(out.getvalue(), "working... done\n")
        self.assertEqual(err.getvalue(), f"{wiped}running · 0s · 1 lines")

    def test_note_in_a_line(self) -> None:
        """A note begins a line of its own where the log has not ended one."""
        out = StringIO()
        terminal = Terminal(out, StringIO())
        terminal.part("working")
        terminal.note("stopped")
        terminal.line("next")
        self.assertEqual(out.getvalue(), "working\nnext\n")

    def test_harmless(self) -> None:
        """Colors pass; titles, links, cursor moves and control bytes do not."""
        self.assertEqual(
            harmless("\x1b[1;38;5;9mok\x1b[0m\x1b[2J\x1b]8;;http://x\x1b\\y\x07\x9b\r"),
            "\x1b[1;38;5;9mok\x1b[0my",
        )
