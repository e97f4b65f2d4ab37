"""The settings of the log: arguments, environment and default."""

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted import daemon, tap
from semaphore_twisted.common.log_setting import FORMAT, LEVEL
from semaphore_twisted.vpnd import tap as companion_tap


class SettingTests(SynchronousTestCase):
    """The values of arguments and variables."""

    def test_order(self) -> None:
        """The argument precedes the variable, and the variable the default."""
        environ = {"SEMAPHORE_LOG_LEVEL": "WARN"}
        self.assertEqual(LEVEL.value("error", environ), "error")
        self.assertEqual(LEVEL.value(None, environ), "warn")
        self.assertEqual(LEVEL.value(None, {}), "info")

    def test_unknown_variable(self) -> None:
        """An unknown value of a variable is ignored and reported."""
        environ = {"SEMAPHORE_LOG_FORMAT": "xml"}
        self.assertEqual(FORMAT.value(None, environ), "text")
        self.assertEqual(FORMAT.ignored(environ), "xml")
        self.assertIsNone(FORMAT.ignored({"SEMAPHORE_LOG_FORMAT": ""}))

    def test_unknown_argument(self) -> None:
        """Twistd refuses an unknown value with one sentence."""
        for options in (tap.Options(), companion_tap.Options()):
            error = self.assertRaises(
                usage.UsageError, options.parseOptions, ["--log-level", "loud"]
            )
            self.assertEqual(
                str(error),
                '--log-level: invalid value "loud"; expected debug, info, warn or '
                "error",
            )


class ObserverTests(SynchronousTestCase):
    """The observer that the settings give."""

    def lines(self, **environ: str) -> list[str]:
        """Return the lines for one warning and one information."""
        file = io.StringIO()
        observer = daemon.observer(file, format=None, level=None, environ=environ)
        logger = Logger(observer=LogPublisher(observer), namespace="x")
        logger.emit(LogLevel.warn, "loud")
        logger.emit(LogLevel.info, "quiet")
        return file.getvalue().rstrip("\n").split("\n")

    def test_level(self) -> None:
        """Events below the level are not written."""
        self.assertEqual(len(self.lines()), 2)
        (line,) = self.lines(SEMAPHORE_LOG_LEVEL="warn")
        self.assertTrue(line.endswith(" [x#warn] loud"), line)

    def test_format(self) -> None:
        """The format json writes an object in each line."""
        first, _ = self.lines(SEMAPHORE_LOG_FORMAT="json")
        self.assertEqual(json.loads(first.lstrip("\x1e"))["log_format"], "loud")

    def test_file(self) -> None:
        """The log of a daemon is a file, which SIGUSR1 rotates at the next line."""
        path = Path(self.mktemp())
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.SIG_DFL)
        options: Any = tap.Options()
        options.parent = {"logfile": str(path), "nodaemon": False}
        observer = options.observer()
        logger = Logger(observer=LogPublisher(observer), namespace="x")
        logger.emit(LogLevel.warn, "before")
        os.kill(os.getpid(), signal.SIGUSR1)
        logger.emit(LogLevel.warn, "after")
        self.assertIn("after", path.read_text())
        self.assertNotIn("before", path.read_text())
        self.assertIn("before", path.with_name(f"{path.name}.1").read_text())
