"""Tests of ``--with-vpn``: its errors, and its keeper; the rest needs root."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.start import with_vpn
from semaphore_twisted.start.installation import InstallationRefused
from tests.support.lab import until

#: Runs a keeper, whose command notes its process and then waits.
_KEEPER = """\
import sys
from semaphore_twisted.start.with_vpn import CommandRunner
CommandRunner([sys.executable, "-c", sys.argv[2], sys.argv[3]], int(sys.argv[1])).run()
"""
_COMMAND = """\
import os, sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()} {' '.join(sys.argv[2:])}\\n")
time.sleep(600)
"""


class RefusalTests(SynchronousTestCase):
    """Nothing is started, and nothing made, where it cannot be done."""

    def refusal(self, *, root: bool = True, user: str | None = None) -> str:
        """Return the sentence of the refusal."""
        state = Path(self.mktemp())
        options = {"user": user, "vpn-settings": "/etc/semaphore-vpn"}
        error = self.assertRaises(
            InstallationRefused,
            with_vpn.begin,
            options,
            config=Config(),
            state=state,
            root=root,
        )
        self.assertFalse(state.exists())
        return str(error)

    def test_not_root(self) -> None:
        """An unprivileged user is told why root is needed."""
        self.assertIn("only root can start the companion", self.refusal(root=False))

    def test_no_user(self) -> None:
        """Root must name the user that the server runs as."""
        self.assertIn("--user: not set", self.refusal())

    def test_unknown_user(self) -> None:
        """An account that does not exist is named."""
        self.assertIn('"nobody-at-all"', self.refusal(user="nobody-at-all"))

    def test_root_again(self) -> None:
        """The server does not stay root."""
        self.assertIn("an account without privileges", self.refusal(user="root"))


class KeeperTests(SynchronousTestCase):
    """The keeper, with a command in the companion's place."""

    def setUp(self) -> None:
        """Start it; the test has the server's end of the pipe."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.note = Path(folder.name) / "started"
        self.note.touch()
        reading, self.writing = os.pipe()
        self.keeper = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, str(reading), _COMMAND, str(self.note)],
            pass_fds=(reading,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.addCleanup(self.clear)
        self.reading = reading
        os.close(reading)
        until(lambda: bool(self.started()), "the command runs", 60)

    def clear(self) -> None:
        """End what a failed test left."""
        self.close()
        for pid in (self.keeper.pid, *self.started()):
            if runs(pid):
                os.kill(pid, signal.SIGKILL)
        self.keeper.wait()

    def close(self) -> None:
        """Close the server's end, as its end does."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def started(self) -> list[int]:
        """Return the processes of the command so far."""
        return [int(each.split()[0]) for each in self.note.read_text().splitlines()]

    def test_server_ends(self) -> None:
        """When the server's end is closed, keeper and command end."""
        self.assertIn(f"--until-closed {self.reading}", self.note.read_text())
        self.close()
        self.assertEqual(self.keeper.wait(60), 0)
        until(lambda: not any(map(runs, self.started())), "the command has ended")

    def test_terminated(self) -> None:
        """The signal to end does not wait for itself; the command ends, too."""
        self.keeper.terminate()
        self.assertEqual(self.keeper.wait(60), 0)
        until(lambda: not any(map(runs, self.started())), "the command has ended")

    def test_again(self) -> None:
        """A command that has ended is started again, once."""
        (first,) = self.started()
        os.kill(first, signal.SIGKILL)
        until(lambda: len(self.started()) == 2, "it runs again", 60)
        self.assertFalse(runs(first))
        self.close()
        self.assertEqual(self.keeper.wait(60), 0)
        self.assertEqual(len(self.started()), 2)

    def test_interrupted(self) -> None:
        """A terminal's signals are the server's, which closes the pipe then."""
        for number in (signal.SIGINT, signal.SIGHUP):
            self.keeper.send_signal(number)
        os.kill(self.started()[0], signal.SIGKILL)
        until(lambda: len(self.started()) == 2, "it runs again", 60)
        self.assertIsNone(self.keeper.poll())


def runs(pid: int) -> bool:
    """Whether a process exists, and is no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
