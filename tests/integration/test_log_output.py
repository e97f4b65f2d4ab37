"""Log lines of each program that serves: the same format and minimum level."""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.companion_process import as_unit
from tests.support.lab import LabTestCase
from tests.support.product import clean_environment

_BIN = Path(sys.executable).parent

#: Time, system and level, and the text of a line in the text format.
_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[[\w.]+#(debug|info|warn|error)\] (.*)"
)


def levels(lines: Sequence[str]) -> set[str]:
    """Return the levels of *lines* in the text format."""
    return {found[1] for each in lines if (found := _LINE.fullmatch(each))}


def records(lines: Sequence[str]) -> list[dict[str, object]]:
    """Return the objects of *lines* in the JSON format."""
    return [json.loads(each[1:]) for each in lines if each[:1] == "\x1e"]


class ServerTests(SynchronousTestCase):
    """``semaphore server`` and ``twistd semaphore``."""

    def setUp(self) -> None:
        """Create the directory of an installation."""
        # a short path: a socket's name has 107 bytes at most
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = str(self.folder / "state")

    def serve(self, words: Sequence[str], **environ: str) -> list[str]:
        """Run the command *words* for a moment; return the lines of its log."""
        log = self.folder / "log"
        log.write_bytes(b"")
        with log.open("ab") as file:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=clean_environment(
                    SEMAPHORE_INTERFACE="127.0.0.1", SEMAPHORE_PORT="0", **environ
                ),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        try:
            self.wait_for_start(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        return log.read_text().split("\n")

    def wait_for_start(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        """Wait until *process* handles SIGTERM, as the reactor does when it runs."""
        status = Path(f"/proc/{process.pid}/status")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(log.read_text())
            caught = int(status.read_text().split("SigCgt:")[1].split()[0], 16)
            if caught & 1 << (signal.SIGTERM - 1):
                time.sleep(0.5)  # until the reactor's start has ended, too
                return
            time.sleep(0.05)
        raise AssertionError(f"did not start: {log.read_text()}")

    def servers(self) -> tuple[tuple[str, ...], ...]:
        """Return the two commands of the server."""
        return (
            (str(_BIN / "semaphore"), "server", "--state", self.state),
            (
                *(str(_BIN / "twistd"), "--nodaemon", "--pidfile=", "semaphore"),
                *("--state", self.state),
            ),
        )

    def test_level(self) -> None:
        """The level of the environment applies to both commands of the server."""
        for words in self.servers():
            self.assertIn("info", levels(self.serve(words)))
            quiet = self.serve(words, SEMAPHORE_LOG_LEVEL="error")
            self.assertEqual(levels(quiet), set(), quiet)
            again = self.serve(
                (*words, "--log-level", "info"), SEMAPHORE_LOG_LEVEL="error"
            )
            self.assertIn("info", levels(again))

    def test_format(self) -> None:
        """Both commands of the server write the same lines, as text and as JSON."""
        for words in self.servers():
            texts = [
                found[2]
                for each in self.serve(words)
                if (found := _LINE.fullmatch(each))
            ]
            self.assertIn("Received SIGTERM, shutting down.", texts)
            self.assertNotIn(" object at 0x", "".join(texts))
            lines = self.serve(words, SEMAPHORE_LOG_FORMAT="json")
            self.assertGreater(len(records(lines)), 0, lines)
            for record in records(lines):
                self.assertIn("log_level", record)
            self.assertEqual(levels(lines), set())


class CompanionTests(LabTestCase):
    """``twistd semaphore-vpn``."""

    def lines(self, *options: str) -> list[str]:
        """Run the companion with *options* until it is ready; return its new lines."""
        companion = as_unit(self.lab.server)
        companion.start(*options)
        companion.end()
        return companion.log.split("\n")

    def test_text(self) -> None:
        """The text format is that of the server."""
        self.assertIn("info", levels(self.lines()))

    def test_level(self) -> None:
        """Lines below the level are not written."""
        self.assertNotIn("info", levels(self.lines("--log-level", "error")))

    def test_json(self) -> None:
        """The JSON format is that of the server."""
        lines = self.lines("--log-format", "json")
        self.assertGreater(len(records(lines)), 0, lines)
        self.assertEqual(levels(lines), set())
